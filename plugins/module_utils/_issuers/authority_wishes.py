# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of `authority` and `authority_sign` ask for. Pure."""

from __future__ import annotations

import posixpath
import re
from datetime import timedelta
from typing import NamedTuple

from .._core.durations import parse_duration
from .._core.errors import InputError
from .._x509.constraints import parse_constraint
from .authority_records import Authority, Wish
from .authority_rotation import Asked
from .wishes import checked_subject, key_kind

# Room behind it for what tells root and intermediate of all generations apart, in a CN of 64 bytes.
_LONGEST_CN = 50
_LIFETIME = "3650d"
# A distribution point is fetched before TLS is trusted (RFC 5280, 8).
_URL = re.compile(r"http://[A-Za-z0-9._~:\[\]-]+(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/")
# As an option is called -> the fields of a Wish that it sets.
_FIELDS = {"subject": ("subject",), "key_type": ("key_type", "key_size"), "key_size": ("key_type", "key_size"), "lifetime": ("lifetime",),
           "permitted": ("permitted",), "excluded": ("excluded",), "crl_url": ("crl_url",)}


class Custody(NamedTuple):
    """Where the store lies and how its keys are kept; passphrase None for unencrypted ones."""

    path: str
    passphrase: bytes | None

    def __repr__(self) -> str:
        return f"Custody({self.path!r})"    # without the passphrase


class Wanted(NamedTuple):
    """The options of `authority`. given: fields of a Wish that were declared; crl_lifetime: of the list."""

    custody: Custody
    given: dict
    crl_lifetime: timedelta
    cross_sign: bool
    asked: Asked


def custody(options: dict) -> Custody:
    """Raises InputError, also where nobody has said how the keys are kept."""
    path, passphrase = options["store"], options["passphrase"]
    if not posixpath.isabs(path):
        raise InputError(f"{path!r} is not an absolute path", where="store", way_out="Give the full path of the folder")
    if (passphrase is None) is not options["unencrypted"]:
        raise InputError("both are given, and they contradict each other" if passphrase is not None else "is missing, and keys of an authority are encrypted",
                         where="passphrase", way_out="Give a passphrase, or set unencrypted where the folder is protected otherwise")
    return Custody(path, None if passphrase is None else _passphrase(passphrase))


def _passphrase(text: str) -> bytes:
    try:
        # The very bytes that Ansible was given.
        given = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        given = b""
    if not 8 <= len(given) <= 1023:
        raise InputError("is not of 8 to 1023 bytes", where="passphrase", way_out="Give another one")
    return given


def wanted_of(options: dict) -> Wanted:
    """What the options of `authority` ask for. Raises InputError."""
    crl_lifetime = _duration(options["crl_lifetime"], "crl_lifetime", timedelta(hours=1), timedelta(days=366))
    hosts = options["trust_hosts"]
    asked = Asked(options["generation"], options["phase"], options["trusted"], None if hosts is None else tuple(hosts), tuple(options["trusted_by"] or ()))
    return Wanted(custody(options), _given(options), crl_lifetime, options["cross_sign"], asked)


def _given(options: dict) -> dict:
    given = {}
    if options["subject"] is not None:
        given["subject"] = _subject(options["subject"])
    if options["key_type"] is not None or options["key_size"] is not None:
        given["key_type"], given["key_size"] = key_kind(options["key_type"], options["key_size"])
    if options["lifetime"] is not None:
        given["lifetime"] = int(_duration(options["lifetime"], "lifetime", timedelta(days=1), timedelta(days=36500)).total_seconds())
    for option in ("permitted", "excluded"):
        if options[option] is not None:
            given[option] = tuple(dict.fromkeys(parse_constraint(text, option) for text in options[option]))
    if options["crl_url"] is not None:
        if not _URL.fullmatch(options["crl_url"]):
            raise InputError(f"{options['crl_url']!r} is not the http URL of a folder", where="crl_url", way_out="Give one such as http://pki.example.org/")
        given["crl_url"] = options["crl_url"]
    return given


def _subject(subject: dict) -> tuple:
    if not all(isinstance(value, (str, int)) for value in subject.values()):
        raise InputError("has a value that is no text", where="subject", way_out="Give each part of the subject a text")
    pairs = checked_subject((str(key), str(value)) for key, value in subject.items())
    if not 0 < len(dict(pairs).get("CN", "").encode()) <= _LONGEST_CN:
        raise InputError(f"has no CN of at most {_LONGEST_CN} bytes", where="subject", way_out="Give the name of the authority, such as CN: Example")
    return pairs


def _duration(text: str, where: str, least: timedelta, most: timedelta) -> timedelta:
    span = parse_duration(text, where)
    if not least <= span <= most:
        raise InputError(f"{text!r} is too {'short' if span < least else 'long'}", where=where, way_out="Give another duration")
    return span


def leaf_lifetime(text: str, where: str) -> timedelta:
    """How long a leaf is to live. Raises InputError."""
    return _duration(text, where, timedelta(minutes=15), timedelta(days=3650))


def first_wish(given: dict) -> Wish:
    """The first generation of an authority. Raises InputError without a subject."""
    if "subject" not in given:
        raise InputError("is missing", where="subject", way_out="Give a new authority its name, such as CN: Example")
    kind = key_kind(given.get("key_type"), given.get("key_size"))
    return Wish(given["subject"], *kind, given.get("lifetime") or int(parse_duration(_LIFETIME).total_seconds()), given.get("permitted", ()),
                given.get("excluded", ()), given.get("crl_url"))


def next_wish(authority: Authority, given: dict) -> Wish:
    """The generation after the newest one: like it, but for what is declared."""
    return authority.live[-1].wish._replace(**given)


def refuse_changes(authority: Authority, given: dict) -> None:
    """Raises InputError where something else is declared than the newest generation is: only another generation can be that."""
    newest = authority.live[-1]
    others = [option for option, fields in _FIELDS.items() if any(field in given and given[field] != getattr(newest.wish, field) for field in fields)]
    if others:
        raise InputError(f"differs from what generation {newest.number} was made with", where=others[0],
                         way_out=f"Leave {', '.join(others)} as it was, or begin generation {authority.generations[-1].number + 1}")


def subject_of(wish: Wish, what: str, number: int) -> tuple:
    """The subject of a root (`root`) or an intermediate (`issuing`): that of the authority, its CN with what tells them apart."""
    return tuple((key, f"{value} {what} {number}" if key == "CN" else value) for key, value in wish.subject)
