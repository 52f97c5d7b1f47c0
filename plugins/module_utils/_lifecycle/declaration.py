# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration: what people write of a certificate in, one complete record out. Pure.

Every mistake is refused with its place: `certificates[2] (web): renew_before`.
"""

from __future__ import annotations

import posixpath
import re
from datetime import timedelta
from typing import NamedTuple, Optional

from .._core.durations import lead, parse_duration
from .._core.errors import InputError
from .._core.options import DECLARATION
from .._x509.names import folded, parse_name
from .._x509.products import PRODUCTS, Product, fqdn_of
from .rule import refuse_endless

_GLOB = re.compile(r"[*?\[]")
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(\d{1,5})")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]+")
STARTTLS = ("smtp", "imap", "pop3", "ldap", "postgres", "mysql")
_ACTIVATIONS = ("reload", "restart", "command", "proxmox")
KEY_SIZES = {"RSA": (2048, 3072, 4096, 8192), "EC": (256, 384, 521), "Ed25519": ()}
_DEFAULT_SIZE = {"RSA": 3072, "EC": 256, "Ed25519": None}


class Endpoint(NamedTuple):
    """Where a certificate must be seen: `host:port`, the name asked for, and how TLS begins."""

    address: str
    server_name: Optional[str] = None
    starttls: Optional[str] = None


class Wanted(NamedTuple):
    """A declared certificate with every default filled in. names, subject, key_type: None when not declared, so no drift is looked for."""

    name: str
    product: str
    product_row: Product
    issuer: str
    path: str
    key_path: Optional[str]
    fqdn: str
    names: Optional[frozenset]
    new_names: tuple
    subject: Optional[tuple]
    key_type: Optional[str]
    key_size: Optional[int]
    new_key: tuple
    lifetime: timedelta
    max_lifetime: Optional[timedelta]
    excessive: str
    renew_before: Optional[str]
    warn_before: Optional[str]
    renew_days: Optional[int]
    warn_days: Optional[int]
    warns: bool
    adopt_renamed: bool
    force: bool
    owner: Optional[str]
    group: Optional[str]
    mode: Optional[int]
    key_mode: Optional[int]
    activate: Optional[dict]
    endpoints: tuple
    many: bool                             # the path is a pattern for many files


def declared(certificates: list, fqdn: str, force: bool = False) -> list:
    """The Wanted records of a list of declarations. Raises InputError with the place of the first mistake, also for a name or path used twice."""
    wanted, seen = [], {}
    for index, item in enumerate(certificates):
        place = f"certificates[{index}]"
        if not isinstance(item, dict):
            raise InputError("is not a dictionary", where=place, way_out="Declare each certificate as a dictionary with at least name and path")
        label = item.get("name") or item.get("product")
        place = f"{place} ({label})" if label else place
        record = complete(_typed(item, place), fqdn, place, force)
        for key, value in (("name", record.name), ("path", record.path)):
            first = seen.setdefault((key, value), place)
            if first != place:
                raise InputError(f"{key} {value!r} is declared twice, first in {first}", where=f"{place}: {key}", way_out=f"Give each certificate a {key} of its own")
        wanted.append(record)
    return wanted


_BOOL = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


def _typed(item: dict, place: str) -> dict:
    """The declaration with its values checked against the table of keys, as Ansible does for a module's own options."""
    unknown = sorted(str(key) for key in item if key not in DECLARATION)
    if unknown:
        raise InputError(f"unknown key {unknown[0]!r}", where=place, way_out=f"Known keys are {', '.join(DECLARATION)}")
    return {key: _value(value, DECLARATION[key], f"{place}: {key}") for key, value in item.items() if value is not None}


def _value(value, row: dict, where: str):
    kind = row["type"]
    if kind == "bool":
        value = value if isinstance(value, bool) else _BOOL.get(str(value).lower())
        if value is None:
            raise InputError("is neither true nor false", where=where, way_out="Write true or false")
    elif kind == "int":
        if isinstance(value, bool) or not str(value).isdigit():
            raise InputError(f"{value!r} is not a whole number", where=where, way_out="Write a number without a unit")
        value = int(value)
    elif kind in ("list", "dict"):
        if not isinstance(value, list if kind == "list" else dict):
            raise InputError(f"is not a {kind}", where=where, way_out=f"Write it as a YAML {kind}")
    elif kind in ("str", "path"):
        if isinstance(value, (list, dict)):
            raise InputError("is not a text", where=where, way_out="Write it as one text")
        value = str(value)
    if "choices" in row and value not in row["choices"]:
        raise InputError(f"{value!r} is not known", where=where, way_out=f"Use one of {', '.join(row['choices'])}")
    return value


def complete(item: dict, fqdn: str, place: str = "", force: bool = False) -> Wanted:
    """One declaration (values of the right types, keys may be missing or None) as a Wanted, the product's defaults filled in.

    fqdn: the host's. Raises InputError with the place of the mistake.
    """
    at = f"{place}: %s" if place else "%s"
    product = item.get("product") or "generic"
    row = PRODUCTS[product]

    def get(key):
        return item[key] if item.get(key) is not None else getattr(row, key, None)

    path = _path(get("path"), at % "path")
    if path is None:
        raise InputError("has no path", where=place or "path", way_out="Declare the certificate file's path, or a product that has one")
    issuer = get("issuer")
    key_path = _path(get("key_path"), at % "key_path")
    if item.get("path") is not None and item.get("key_path") is None:
        key_path = None
    many = bool(_GLOB.search(path))
    _refuse_combination(item, issuer, product, key_path, many, at)
    names = None if item.get("names") is None else tuple(parse_name(name, at % "names") for name in item["names"])
    new_key = _new_key(item.get("key_type") or row.key_type or "EC", item.get("key_size"), row, at)
    max_lifetime = get("max_lifetime")
    lifetime = parse_duration(get("lifetime") or "365d", at % "lifetime")
    wanted = Wanted(
        name=item.get("name") or (product if product != "generic" else path), product=product, product_row=row, issuer=issuer, path=path, key_path=key_path, fqdn=fqdn,
        names=None if names is None else folded(names), new_names=names or default_names(fqdn, product), subject=_subject(item.get("subject"), at % "subject"),
        key_type=item.get("key_type"), key_size=item.get("key_size"), new_key=new_key, lifetime=lifetime,
        max_lifetime=None if max_lifetime is None else parse_duration(max_lifetime, at % "max_lifetime"), excessive=item.get("excessive") or "warn",
        renew_before=_rule(item, "renew_before", at), warn_before=_rule(item, "warn_before", at), renew_days=row.renew_days, warn_days=row.warn_days,
        warns=issuer in ("selfsigned", "external"), adopt_renamed=bool(item.get("adopt_renamed")), force=force, owner=get("owner"), group=get("group"),
        mode=_mode(get("mode"), at % "mode"), key_mode=_mode(get("key_mode"), at % "key_mode"), activate=_activate(get("activate"), at % "activate"),
        endpoints=_endpoints(item, row, issuer, at % "endpoints"), many=many)
    if issuer == "selfsigned":
        _refuse_lifetime(wanted, item, at)
    return wanted


def _refuse_combination(item, issuer, product, key_path, many, at) -> None:
    if issuer == "selfsigned" and product not in ("generic", "pbs", "pdm"):
        raise InputError(f"the certificates of {PRODUCTS[product].label} are never written as self-signed ones", where=at % "issuer", way_out="Leave issuer out")
    if many and issuer != "external":
        raise InputError("a pattern can only be watched", where=at % "path", way_out="Declare issuer: external, or one certificate with one path")
    if issuer == "selfsigned" and key_path is None:
        raise InputError("a certificate that is to be renewed needs key_path", where=at % "key_path",
                         way_out="Declare where its private key lies; the same as path for one combined file")


def _refuse_lifetime(wanted: Wanted, item: dict, at: str) -> None:
    if wanted.lifetime < timedelta(minutes=1):
        raise InputError("is shorter than a minute", where=at % "lifetime", way_out="Give a longer lifetime")
    if wanted.lifetime > timedelta(days=365000):
        raise InputError("is longer than 365,000 days", where=at % "lifetime", way_out="Give a shorter lifetime")
    refuse_endless(wanted.lifetime, wanted, at % ("renew_before" if item.get("renew_before") else "lifetime"))
    if wanted.excessive == "renew" and wanted.max_lifetime is not None and wanted.lifetime > wanted.max_lifetime:
        raise InputError("is longer than max_lifetime: the certificate would be renewed on every run", where=at % "lifetime", way_out="Give a shorter lifetime")


def default_names(fqdn: str, product: str) -> tuple:
    """The names of a new certificate where none are declared: for a product, loopback and both host names, in this order (proxmox-formats 1.3)."""
    node = fqdn.split(".", 1)[0]
    names = ["IP:127.0.0.1", "IP:::1", "DNS:localhost"] if PRODUCTS[product].organizations else []
    names += [f"DNS:{name}" for name in ((node, fqdn) if PRODUCTS[product].organizations else (fqdn, node))]
    return tuple(dict.fromkeys(names))


def _path(path, where: str):
    if path is None:
        return None
    if not path.startswith("/") or not _TEXT.fullmatch(path):
        raise InputError(f"{path!r} is not an absolute path", where=where, way_out="Give the full path of the file")
    return posixpath.normpath(path)


def _rule(item: dict, key: str, at: str):
    text = item.get(key)
    if text is not None:
        lead(timedelta(days=90), text, at % key)
    return text


def _mode(mode, where: str):
    if mode is None or (isinstance(mode, int) and not isinstance(mode, bool)):
        number = mode
    else:
        number = int(str(mode), 8) if re.fullmatch(r"0?o?[0-7]{3,4}", str(mode)) else -1
    if number is not None and not 0 <= number <= 0o777:
        raise InputError(f"{mode!r} is not a file mode", where=where, way_out="Quote an octal mode, such as '0640'")
    return number


def _new_key(key_type: str, size, row: Product, at: str) -> tuple:
    """(key type, size in bits or None) for a new private key."""
    if size is None:
        size = row.key_size if row.key_type == key_type else _DEFAULT_SIZE[key_type]
    elif size not in KEY_SIZES[key_type]:
        sizes = ", ".join(map(str, KEY_SIZES[key_type])) or "no size at all"
        raise InputError(f"{size} is no size of an {key_type} key", where=at % "key_size", way_out=f"Use {sizes}")
    return key_type, size


_SUBJECT_KEYS = {"CN": 64, "C": 2, "L": 128, "ST": 128, "O": 64, "OU": 64, "street": 128, "DC": 63, "serialNumber": 64, "UID": 256, "emailAddress": 255}


def _subject(subject, where: str):
    """((short name, value), …) in the declared order; upper bounds as in RFC 5280, appendix A.1."""
    if subject is None:
        return None
    for key, value in subject.items():
        if key not in _SUBJECT_KEYS:
            raise InputError(f"{key!r} is not known", where=where, way_out=f"Use {', '.join(_SUBJECT_KEYS)}")
        limit = _SUBJECT_KEYS[key]
        if not _TEXT.fullmatch(str(value)) or len(str(value)) > limit or (key == "C" and len(str(value)) != 2):
            raise InputError(f"{value!r} cannot be the {key} of a subject", where=where, way_out=f"Give at most {limit} printable characters")
    return tuple((key, str(value)) for key, value in subject.items())


def _activate(activate, where: str):
    if activate is None:
        return None
    if len(activate) != 1 or next(iter(activate)) not in _ACTIVATIONS:
        raise InputError("needs exactly one way", where=where, way_out=f"Use one of {', '.join(_ACTIVATIONS)}")
    (how, what), = activate.items()
    if how in ("reload", "restart") and not (isinstance(what, str) and re.fullmatch(r"[A-Za-z0-9:_.@\\-]+", what)):
        raise InputError(f"{what!r} is not the name of a unit", where=where, way_out="Name one systemd unit")
    if how == "command" and not (isinstance(what, list) and what and all(isinstance(word, str) and word for word in what)):
        raise InputError("command is not a list of words", where=where, way_out="Write it as a list: no shell reads it")
    if how == "proxmox" and not (isinstance(what, dict) and set(what) == {"pid_path", "socket_prefix"}):
        raise InputError("proxmox needs pid_path and socket_prefix", where=where, way_out="Leave activate out for the product's own")
    return activate


def _endpoints(item: dict, row: Product, issuer: str, where: str) -> tuple:
    given = item.get("endpoints")
    if given is None:
        # Only where the product's own service is the one that is activated does its port tell anything.
        own = issuer == "selfsigned" and row.port and item.get("activate") is None and item.get("path") is None
        given = [f"localhost:{row.port}"] if own else []
    return tuple(parse_endpoint(endpoint, where) for endpoint in given)


def parse_endpoint(endpoint, where: str = "") -> Endpoint:
    """An endpoint given as `host:port` or as a dictionary with address, server_name, starttls. Raises InputError for anything else."""
    record = {"address": endpoint} if isinstance(endpoint, str) else endpoint
    if not isinstance(record, dict) or set(record) - set(Endpoint._fields) or "address" not in record:
        raise InputError(f"{endpoint!r} is not an endpoint", where=where, way_out="Write host:port, or address, server_name and starttls")
    address = str(record["address"])
    match = _ADDRESS.fullmatch(address)
    if not match or not 0 < int(match.group(1)) < 65536:
        raise InputError(f"{address!r} is not host:port", where=where, way_out="Write a host name or [address], a colon, and a port from 1 to 65535")
    if record.get("starttls") not in (None, *STARTTLS):
        raise InputError(f"{record['starttls']!r} is not known", where=where, way_out=f"Use one of {', '.join(STARTTLS)}")
    if record.get("server_name") is not None:
        parse_name(record["server_name"], where)
    return Endpoint(address, record.get("server_name"), record.get("starttls"))


def host_fqdn(given, nodename: str, resolv_conf: str) -> str:
    """The option `fqdn` where given, else the name that Proxmox would compute."""
    if given:
        parse_name(given, "fqdn")
        return given
    return fqdn_of(nodename, resolv_conf)
