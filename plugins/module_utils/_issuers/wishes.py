# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new certificate is to be, where the declaration leaves it open. Pure."""

from __future__ import annotations

import re
import uuid

from .._core.errors import InputError
from .._x509.names import parse_name
from .._x509.services import SERVICES

# Upper bounds of RFC 5280, appendix A.1, in characters.
SUBJECT = {"CN": 64, "C": 2, "L": 128, "ST": 128, "O": 64, "OU": 64, "street": 128, "DC": 63, "serialNumber": 64, "UID": 256, "emailAddress": 255}
KEY_SIZES = {"RSA": (2048, 3072, 4096, 8192), "EC": (256, 384, 521), "Ed25519": ()}
_DEFAULT_SIZE = {"RSA": 3072, "EC": 256, "Ed25519": None}
_TEXT, _ASCII, _HOST = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+"), re.compile("[ -~]+"), re.compile("[!-~]{1,253}")
# Their string types hold less than UTF-8 does (RFC 5280, appendix A.1).
_FORMS = {"C": re.compile("[A-Za-z]{2}"), "serialNumber": re.compile("[A-Za-z0-9 '()+,./:=?-]+"), "DC": _ASCII, "emailAddress": _ASCII}


def new_names(wanted) -> tuple:
    """The names of a new certificate, `TYPE:value` in order: the declared ones, else the host's two; for a product loopback besides (proxmox-formats 1.3)."""
    if wanted.declared_names:
        return wanted.declared_names
    if not _HOST.fullmatch(wanted.fqdn):
        raise InputError(f"{wanted.fqdn!r} cannot stand in a certificate", where="fqdn", way_out="Set fqdn, or correct /etc/resolv.conf")
    node = f"DNS:{wanted.fqdn.split('.', 1)[0]}"
    if wanted.product_row.organizations:
        return tuple(dict.fromkeys(("IP:127.0.0.1", "IP:::1", "DNS:localhost", node, f"DNS:{wanted.fqdn}")))
    parse_name(f"DNS:{wanted.fqdn}", "fqdn")
    return tuple(dict.fromkeys((f"DNS:{wanted.fqdn}", node)))


def new_key_kind(wanted) -> tuple:
    """(type, size in bits or None) of a new private key: as declared, else the product's, else EC P-256. Raises InputError."""
    _refuse_size(wanted.key_type, wanted.key_size)
    row = SERVICES[wanted.product]
    key_type = wanted.key_type or row.key_type or "EC"
    return key_type, wanted.key_size or (row.key_size if key_type == row.key_type else _DEFAULT_SIZE[key_type])


def key_kind(key_type: str | None, size: int | None) -> tuple:
    """(type, size in bits or None) of a key that is nobody's product's; EC P-256 where nothing is said. Raises InputError."""
    _refuse_size(key_type, size)
    return key_type or "EC", size or _DEFAULT_SIZE[key_type or "EC"]


def _refuse_size(key_type: str | None, size: int | None) -> None:
    if size is not None and key_type is None:
        raise InputError("says nothing without key_type", where="key_size", way_out="Declare key_type as well")
    if size is not None and size not in KEY_SIZES[key_type]:
        raise InputError(f"{size} is no size of an {key_type} key", where="key_size", way_out=f"Use {', '.join(map(str, KEY_SIZES[key_type])) or 'none'}")


def new_subject(wanted) -> tuple:
    """The subject of a new certificate, ((short name, value), …).

    Declared, or a product's own `O=<product>, OU=<new UUID, upper case>, CN=<fqdn>`, by which it is known again
    (proxmox-formats 1.3), or `CN=<first name that fits>`. Raises InputError for what no subject may hold.
    """
    if wanted.subject is not None:
        return checked_subject(wanted.subject)
    if wanted.product_row.organizations:
        return (("O", wanted.product_row.organizations[0]), ("OU", str(uuid.uuid4()).upper()), _checked("CN", wanted.fqdn, "fqdn"))
    values = (name.partition(":")[2] for name in new_names(wanted))
    return tuple(("CN", value) for value in values if len(value) <= SUBJECT["CN"])[:1]


def checked_subject(pairs) -> tuple:
    """The parts of a declared subject, ((short name, value), …). Raises InputError for what no subject may hold."""
    return tuple(_checked(key, value) for key, value in pairs)


def _checked(key: str, value: str, where: str = "subject") -> tuple:
    if key not in SUBJECT:
        raise InputError(f"{key!r} is not known", where=where, way_out=f"Use {', '.join(SUBJECT)}")
    # Of a CN the library counts the bytes.
    if not _FORMS.get(key, _TEXT).fullmatch(value) or len(value.encode() if key == "CN" else value) > SUBJECT[key]:
        raise InputError(f"{value!r} cannot be the {key} of a subject", where=where, way_out=f"Give at most {SUBJECT[key]} printable characters")
    return key, value
