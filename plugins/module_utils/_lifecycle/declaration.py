# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration: what people write in, complete records out. Pure."""

from __future__ import annotations

import posixpath
import re
from collections import namedtuple
from datetime import timedelta

from .._core.durations import lead, parse_duration
from .._core.errors import InputError
from .._core.options import DIRECTORIES
from .._x509.names import folded, parse_name
from .._x509.products import PRODUCTS, fqdn_of
from .rule import CAS, refuse_endless

_GLOB = re.compile(r"[*?\[]")
_PATH = re.compile(r"/[^\x00-\x1f\x7f\ud800-\udfff]*")


# Defaults filled in; of what is None no drift is looked for. declared_names: tuple, in order; names: frozenset; lifetimes: timedelta; directory: tuple of
# URLs; many: the path is a pattern; source: as declared, for rooms that read the rest of it.
Wanted = namedtuple("Wanted", (
    "name product product_row issuer path key_path fqdn declared_names names subject key_type key_size lifetime max_lifetime excessive renew_before"
    " warn_before adopt_renamed directory force many source"))


def declared(certificates: list, fqdn: str, typed, force: bool = False) -> list:
    """The Wanted records. typed(item, place) checks keys and types. Raises InputError with the place of a mistake."""
    wanted, seen = [], {}
    for place, item in placed(certificates):
        record = complete(typed(item, place), fqdn, place, force)
        if record.issuer in CAS:
            _refuse_keyless(record.key_path, f"{place}: key_path")
        # What is only watched may share its key; what is written may share no file.
        written = (("path", "file"), ("key_path", "file")) if record.issuer != "external" else ()
        for key, space in (("name", "name"), ("path", "path"), *written):
            value = getattr(record, key)
            first = seen.setdefault((space, value), place)
            if value and first != place:
                raise InputError(f"{value!r} is declared twice, first in {first}", where=f"{place}: {key}", way_out=f"Give each certificate a {key} of its own")
        wanted.append(record)
    return wanted


def placed(certificates: list):
    """(place, entry) for each: what errors name it by."""
    for index, item in enumerate(certificates):
        label = item.get("name") or item.get("product")
        yield f"certificates[{index}] ({label})" if label else f"certificates[{index}]", item


def complete(item: dict, fqdn: str, place: str = "", force: bool = False) -> Wanted:
    """One declaration, of the right types. Raises InputError with the place of a mistake."""
    at = f"{place}: %s" if place else "%s"
    product = item.get("product") or "generic"
    row = PRODUCTS[product]

    def get(key):
        return item[key] if item.get(key) is not None else getattr(row, key, None)

    path = _path(get("path"), at % "path")
    if path is None:
        raise InputError("is missing", where=at % "path", way_out="Declare it, or a product that has one")
    # A product's key does not belong to a certificate that lies elsewhere.
    key_path = _path(get("key_path") if item.get("path") is None else item.get("key_path"), at % "key_path")
    issuer, many = get("issuer"), bool(_GLOB.search(path))
    _refuse_combination(issuer, row, path, key_path, many, at)
    names = tuple(dict.fromkeys(parse_name(name, at % "names") for name in item.get("names") or ())) or None
    wanted = Wanted(
        name=item.get("name") or (product if product != "generic" else path), product=product, product_row=row, issuer=issuer, path=path,
        key_path=key_path, fqdn=fqdn, declared_names=names, names=names and folded(names),
        subject=_subject(item.get("subject"), issuer == "selfsigned" and row.organizations, at % "subject"),
        key_type=item.get("key_type"), key_size=item.get("key_size"), lifetime=parse_duration(get("lifetime") or "365d", at % "lifetime"),
        max_lifetime=None if get("max_lifetime") is None else parse_duration(get("max_lifetime"), at % "max_lifetime"),
        excessive=item.get("excessive") or "warn", renew_before=_rule(item, "renew_before", at), warn_before=_rule(item, "warn_before", at),
        adopt_renamed=bool(item.get("adopt_renamed")), directory=_directory(item), force=force, many=many, source=item)
    if issuer == "selfsigned":
        _refuse_lifetime(wanted, item, at)
    return wanted


def _refuse_combination(issuer, row, path, key_path, many: bool, at: str) -> None:
    if many and issuer != "external":
        raise InputError("a pattern can only be watched", where=at % "path", way_out="Declare issuer: external, or one path a certificate")
    if many and key_path not in (None, path):
        raise InputError("is one key for many certificates", where=at % "key_path", way_out="Leave it out; the same as path for combined ones")
    if issuer == "selfsigned" and row.issuer != "selfsigned" and row.found_by:
        raise InputError(f"{row.label}'s certificates are never written as self-signed ones", where=at % "issuer", way_out="Leave issuer out")
    if issuer == "selfsigned":
        _refuse_keyless(key_path, at % "key_path")


def _refuse_keyless(key_path, where: str) -> None:
    if key_path is None:
        raise InputError("is missing", where=where, way_out="Declare the private key's file; the same as path for a combined one")


def _refuse_lifetime(wanted: Wanted, item: dict, at: str) -> None:
    if not timedelta(minutes=1) <= wanted.lifetime <= timedelta(days=365000):
        raise InputError("is not between a minute and 365,000 days", where=at % "lifetime", way_out="Give another lifetime")
    refuse_endless(wanted.lifetime, wanted, at % ("renew_before" if item.get("renew_before") else "lifetime"))
    if wanted.excessive == "renew" and wanted.max_lifetime is not None and wanted.lifetime > wanted.max_lifetime:
        raise InputError("is longer than max_lifetime: it would be renewed on every run", where=at % "lifetime", way_out="Shorten it")


def _subject(subject, own, where: str):
    if subject is None:
        return None
    if own:
        raise InputError("is what the product's own certificate is known by", where=where, way_out="Leave it out")
    if not all(isinstance(value, (str, int)) for value in subject.values()):
        raise InputError("has a value that is no text", where=where, way_out="Give each part a text")
    return tuple((str(key), str(value)) for key, value in subject.items())


def _path(path, where: str):
    if path is None:
        return None
    if not _PATH.fullmatch(path):
        raise InputError(f"{path!r} is not an absolute path", where=where, way_out="Give the full path of the file")
    # POSIX keeps two slashes in front, which are one path to Linux.
    return "/" + posixpath.normpath(path).lstrip("/")


def _directory(item: dict) -> tuple | None:
    given = item.get("directory") or ()
    return tuple(DIRECTORIES.get(one, one) for one in map(str, given if isinstance(given, list) else [given])) if given else None


def _rule(item: dict, key: str, at: str):
    text = item.get(key)
    if text is not None:
        lead(timedelta(days=90), text, at % key)
    return text


def host_fqdn(given, nodename: str, resolv_conf: str) -> str:
    """`fqdn` where given, else what Proxmox would compute."""
    if not given:
        return fqdn_of(nodename, resolv_conf)
    name = parse_name(f"DNS:{given}", "fqdn")
    return given if given.isascii() else name[len("DNS:"):]
