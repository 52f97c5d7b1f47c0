# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What acme_order is asked for: its options, and the certificates in them. Pure."""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import InputError
from .._core.options import DECLARATION
from .._core.spec import flat_declaration
from .._lifecycle.declaration import placed
from .._protocol.directory import directory_url
from .acme_options import ACCOUNT, EAB

# What one entry of `certificates` may say besides its declaration.
_OWN = {"csr_content": str, "csr_path": str, "reuse_key": bool}
# Of the flat options, what counts for each entry that does not say it itself.
_SHARED = ("directory", "profile", "preferred_chain", "challenges", "reuse_key")
# Seconds in which `orders` of the option `rate` counts; nonces are counted by the second.
ORDERS_WITHIN = 3 * 3600.0
EXCLUSIVE = [("account_key_path", "account_key_content"), ("csr_content", "csr_path"), ("certificates", "path"), ("certificates", "csr_content"),
             ("certificates", "csr_path"), ("certificates", "name"), ("certificates", "names"), ("certificates", "key_path")]
NEEDED = [("account_key_path", "account_key_content")]


class Item(NamedTuple):
    """One certificate that is asked for. place: what errors name it by, '' for the only one. declared: its declaration, as a host is told it.

    directories: URLs in the order in which they are tried. challenges: rows of the option, not yet read. csr: {"content", "path"} of a given request.
    """

    place: str
    declared: dict
    directories: tuple
    profile: str | None
    preferred_chain: str | None
    challenges: list | None
    reuse_key: bool
    csr: dict


def spec() -> dict:
    """The argument spec of acme_order."""
    return {
        **flat_declaration(), **{key: dict(row) for key, row in ACCOUNT.items()},
        "certificates": {"type": "list", "elements": "dict"},
        "test_directory": {"type": "str"},
        "ca_path": {"type": "path"},
        "timeout": {"type": "float", "default": 30},
        "account_key_create": {"type": "bool", "default": False, "no_log": False},
        "account_key_type": {"type": "str", "choices": ["EC", "RSA"], "default": "EC", "no_log": False},
        "account_key_size": {"type": "int", "no_log": False},
        "contact": {"type": "list", "elements": "str"},
        "terms_agreed": {"type": "bool", "default": False},
        "eab": {"type": "dict", "options": {key: dict(row) for key, row in EAB.items()}},
        "solvers": {"type": "dict", "default": {}},
        "custody": {"type": "str", "choices": ["controller", "host"], "default": "controller"},
        "csr_content": {"type": "str"},
        "csr_path": {"type": "path"},
        "reuse_key": {"type": "bool", "default": False, "no_log": False},
        "state": {"type": "str", "choices": ["present", "prepared", "completed"], "default": "present"},
        "in_flight": {"type": "int", "default": 10},
        "rate": {"type": "dict", "default": {}, "options": {"nonces": {"type": "int", "default": 20}, "orders": {"type": "int", "default": 300}}},
        "controller_state_path": {"type": "path", "default": "~/.local/state/evergreen"},
    }


def items_of(options: dict, typed) -> list:
    """The certificates of the options. typed(entry, place) checks a declaration's keys and types. Raises InputError with the place of a mistake."""
    if not 1 <= options["in_flight"] <= 100:
        raise InputError("is not between 1 and 100", where="in_flight", way_out="Give a number of orders")
    for kind, most in options["rate"].items():
        if not 1 <= most <= 1_000_000:
            raise InputError("is not between 1 and 1,000,000", where=f"rate: {kind}", way_out="Give what the CA allows")
    if options["certificates"] is None:
        flat = {key: options[key] for key in DECLARATION if options[key] is not None}
        return [_item(flat, {key: options[key] for key in _OWN}, options, "")]
    if not options["certificates"]:
        raise InputError("is empty", where="certificates", way_out="Declare a certificate, or leave the option out")
    return [_entry(entry, options, place, typed) for place, entry in placed(options["certificates"])]


def typed_entries(entries: list, typed) -> list:
    """The option `certificates` with its declarations checked: for a host that shall not do it again. Raises InputError with the place of a mistake."""
    return [{**own, **declared} for own, declared in (_parts(entry, place, typed) for place, entry in placed(entries))]


def _parts(entry: dict, place: str, typed) -> tuple:
    """(what an entry says besides its declaration, the declaration)."""
    own = {key: entry[key] for key in _OWN if entry.get(key) is not None}
    for key, value in own.items():
        if not isinstance(value, _OWN[key]):
            raise InputError(f"is no {_OWN[key].__name__}", where=f"{place}: {key}", way_out="Correct the declaration")
    return own, typed({key: value for key, value in entry.items() if key not in _OWN}, place)


def _entry(entry: dict, options: dict, place: str, typed) -> Item:
    own, declared = _parts(entry, place, typed)
    shared = {key: options[key] for key in _SHARED if key in DECLARATION and options.get(key) is not None}
    declared = {**shared, **{key: value for key, value in declared.items() if value is not None}}
    return _item(declared, {"reuse_key": options["reuse_key"], **own}, options, place)


def _item(declared: dict, own: dict, options: dict, place: str) -> Item:
    at = f"{place}: %s" if place else "%s"
    if declared.get("issuer") not in (None, "acme"):
        raise InputError(f"{declared['issuer']!r} certificates are not ordered from an ACME CA", where=at % "issuer", way_out="Leave issuer out")
    if declared.get("subject"):
        raise InputError("is what an ACME CA decides by itself", where=at % "subject", way_out="Leave it out")
    if own.get("csr_content") is not None and own.get("csr_path") is not None:
        raise InputError("both are given", where=at % "csr_content and csr_path", way_out="Give one of them")
    if own.get("reuse_key") and (own.get("csr_content") or own.get("csr_path")):
        raise InputError("says nothing about a given request", where=at % "reuse_key", way_out="Leave it out")
    directories = _directories(declared.get("directory"), at % "directory")
    return Item(place, {**declared, "issuer": "acme"}, directories, declared.get("profile"), declared.get("preferred_chain"),
                declared.get("challenges"), bool(own.get("reuse_key")),
                {"content": own.get("csr_content"), "path": own.get("csr_path")})


def _directories(given, where: str) -> tuple:
    """The URLs of the option `directory`, a text or a list in the order in which they are tried."""
    listed = [given] if isinstance(given, str) else given
    if not listed:
        raise InputError("is missing", where=where, way_out="Give the URL of an ACME directory, or letsencrypt-staging to try it")
    try:
        return tuple(dict.fromkeys(directory_url(one) for one in listed))
    except InputError as error:
        raise InputError(error.fact, where=where, way_out=error.way_out) from error


def trial_directory(options: dict) -> str | None:
    """The URL of the option `test_directory`. Raises InputError."""
    given = options["test_directory"]
    if given is None:
        return None
    try:
        return directory_url(given)
    except InputError as error:
        raise InputError(error.fact, where="test_directory", way_out=error.way_out) from error


def ca_options(options: dict, directory: str) -> dict:
    """The options by which `acme_session` and `acme_account` meet one CA."""
    names = ("ca_path", "timeout", "contact", "terms_agreed", "eab", "account_key_path", "account_key_content", "account_key_passphrase",
             "account_key_create", "account_key_type", "account_key_size")
    return {**{name: options[name] for name in names}, "account_key_source": None, "directory": directory}
