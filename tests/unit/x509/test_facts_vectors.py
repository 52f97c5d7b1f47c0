# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of every X.509 file of cryptography's test package, compared with what openssl says of it."""

from __future__ import annotations

import ipaddress
import pathlib
import re
import subprocess
from datetime import datetime, timezone

import cryptography
import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import bundle
from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import examine
from ansible_collections.evergreen.pki.tests.unit.helpers import needs_openssl

# What the library refuses differs between its versions.
NOT_THE_NEWEST = int(cryptography.__version__.split(".")[0]) < 50
NOW = datetime(2026, 11, 23, tzinfo=timezone.utc)
ENDINGS = (".pem", ".der", ".crt", ".cer")
vectors = pytest.importorskip("cryptography_vectors", reason="cryptography's test package is not installed")
BASE = pathlib.Path(vectors.__file__).parent
QUESTIONS = ["-noout", "-serial", "-startdate", "-enddate", "-subject", "-issuer", "-nameopt", "sep_multiline,space_eq,lname,utf8", "-ext", "subjectAltName"]
_KINDS = {"DNS": "DNS", "IP Address": "IP", "email": "email", "URI": "URI", "DirName": "dirName", "Registered ID": "RID", "othername": "otherName"}


def files() -> list:
    return sorted(str(path.relative_to(BASE)) for path in BASE.rglob("*") if path.suffix in ENDINGS)


def ours(data: bytes) -> dict | None:
    """What we say of the first certificate of a file; None where there is none."""
    try:
        found = bundle.opened(data, "file").certificates
    except EvergreenError:
        return None
    if not found or found[0].position != 0:
        return None
    facts = examine(found[0].certificate, NOW)[0]
    names = {key: None if facts[f"{key}_ordered"] is None else [tuple(pair) for pair in facts[f"{key}_ordered"]] for key in ("subject", "issuer")}
    return {"serial": facts["serial_number"], "start": facts["not_before"], "end": facts["not_after"], **names,
            "names": None if facts["subject_alt_name"] is None else [alike(*name.split(":", 1)) for name in facts["subject_alt_name"]]}


def alike(kind: str, value: str) -> tuple:
    """A name to compare by: of kinds that the two write each in its own way, only the kind."""
    return (kind, value) if kind in ("DNS", "email", "URI", "IP") else (kind, "")


def theirs(path: str) -> dict | None:
    """What openssl says of it."""
    data = (BASE / path).read_bytes()
    form = "PEM" if b"-----BEGIN" in data else "DER"
    told = subprocess.run(["openssl", "x509", "-inform", form, *QUESTIONS], input=data, capture_output=True, check=False)
    if told.returncode:
        return None
    text = told.stdout.decode("utf-8", "replace")
    serial = re.search("^serial=(-?[0-9A-F]+)$", text, re.MULTILINE).group(1)
    return {"serial": int(serial, 16), "start": instant(text, "notBefore"), "end": instant(text, "notAfter"), "subject": name(text, "subject"),
            "issuer": name(text, "issuer"), "names": names(text)}


def instant(text: str, key: str) -> str | None:
    found = re.search(f"^{key}=(.*)$", text, re.MULTILINE).group(1).replace(" GMT", "")
    return None if found == "Bad time value" else datetime.strptime(found, "%b %d %H:%M:%S %Y").strftime("%Y-%m-%dT%H:%M:%SZ")


def name(text: str, key: str) -> list:
    lines = re.search(rf"^{key}=\s*\n((?:    .*\n)*)", text, re.MULTILINE)
    pairs = [pair for line in (lines.group(1) if lines else "").splitlines() for pair in re.split(r" \+ (?=[A-Za-z0-9.]+ = )", line[4:])]
    return [tuple(pair.split(" = ", 1)) for pair in pairs]


def names(text: str) -> list | None:
    told = re.search(r"^X509v3 Subject Alternative Name:.*\n(.*)", text, re.MULTILINE)
    if told is None:
        return None
    line = told.group(1).strip()
    found = re.split(f", (?=(?:{'|'.join(_KINDS)}|X400Name|EdiPartyName)[: ])", line) if line else []
    return [_name(*one.partition(":")[::2]) for one in found]


def _name(kind: str, value: str) -> tuple:
    kind = _KINDS.get(kind.strip(), kind)
    return alike(kind, ipaddress.ip_address(value).compressed if kind == "IP" and "/" not in value else value)


# Files that only one of the two reads, with the newest library: who does, and why the other does not.
ALONE = {
    "pkcs7/amazon-roots.der": "ours: a bundle, which openssl reads by another command", "pkcs7/isrg.pem": "ours: the same in PEM",
    "pkcs7/authenticode.der": "ours: the certificates in a signature",
    "x509/custom/invalid_utf8_common_name.pem": "ours: openssl refuses a common name that is no UTF-8, we read it as Latin-1 and say so",
    "x509/custom/long-form-name-attribute.pem": "ours: openssl refuses a value whose tag is written in the long form",
    "x509/custom/name_attribute_unsupported_tag.pem": "ours: openssl refuses a name of a type that names have not",
    "x509/PKITS_data/certs/DSAParametersInheritedCACert.crt": "openssl's: the library refuses DSA keys without parameters of their own",
    "x509/PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt": "openssl's: the same",
    "x509/badasn1time.pem": "openssl's, which says `Bad time value`; the library refuses a date that is none",
    "x509/custom/dsa_null_alg_params.pem": "openssl's: the library refuses parameters of a signature that may have none",
    "x509/custom/ecdsa_null_alg.pem": "openssl's: the same", "x509/custom/invalid_version.pem": "openssl's: the library knows versions 1 and 3 only",
    "x509/ed25519/ed25519-rfc8410.pem": "openssl's: the library refuses a default that is written out, against DER",
}
# Facts in which the two differ: the facts, and why.
DIFFERENT = {
    "x509/custom/malformed-san.pem": ({"names"}, "what is malformed is null to us and a finding; openssl dumps its bytes"),
    "x509/san_edipartyname.der": ({"names"}, "the library knows no EDI party names; openssl dumps their bytes"),
    "x509/san_x400address.der": ({"names"}, "the library knows no X.400 addresses; openssl says `<unsupported>`"),
    "x509/scottishpower-bitstring-dn.pem": ({"subject"}, "a value that is no text is hexadecimal digits to us (RFC 4514, 2.4), raw bytes to openssl"),
    "x509/unique_identifier.pem": ({"subject"}, "the same"),
}


@pytest.mark.slow
@needs_openssl
@pytest.mark.parametrize("path", files())
def test_facts_agree_with_openssl(path):
    """Serial number, dates, subject, issuer and names, of every file that both can read."""
    mine, other = ours((BASE / path).read_bytes()), theirs(path)
    if mine is None or other is None:
        # Older libraries, and other versions of openssl, read more or less than these.
        assert mine is other or path in ALONE or NOT_THE_NEWEST, f"only one of the two reads it: {mine or other}"
        return
    assert {key for key in mine if mine[key] != other[key]} == DIFFERENT.get(path, (set(), ""))[0], [(key, mine[key], other[key]) for key in mine]


def test_the_tables_name_files_that_are_there():
    """A file that a new package has no longer is struck off."""
    assert set(ALONE) | set(DIFFERENT) <= set(files()) and len(files()) > 700
