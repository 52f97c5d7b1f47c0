# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same certificates described by others: community.crypto, of which we promise the names and forms, and openssl."""

from __future__ import annotations

import importlib
import os
import pathlib
import re
import subprocess

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._x509.facts import describe, examine, pem
from ansible_collections.evergreen.pki.plugins.module_utils._x509.oids import ATTRIBUTES, SIGNATURES, USAGES
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, certificate, der, needs_openssl, openssl
from ansible_collections.evergreen.pki.tests.unit.x509.shapes import all_vectors

# What the library thinks of odd certificates is no matter here.
pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[3]
_BACKEND = "community.crypto.plugins.module_utils._crypto.module_backends.certificate_info"

# Facts in which we differ on purpose, the vectors in which we do, and why.
_ENCODED_ANEW = ("it returns an extension as the library would write it, we return it as it stands in the certificate", {
    "PKITS_data/certs/InvalidonlySomeReasonsTest20EE.crt", "PKITS_data/certs/InvalidonlySomeReasonsTest21EE.crt",
    "PKITS_data/certs/P1anyPolicyMapping1to2CACert.crt", "PKITS_data/certs/UserNoticeQualifierTest15EE.crt",
    "PKITS_data/certs/UserNoticeQualifierTest16EE.crt", "PKITS_data/certs/UserNoticeQualifierTest17EE.crt",
    "PKITS_data/certs/UserNoticeQualifierTest18EE.crt", "PKITS_data/certs/UserNoticeQualifierTest19EE.crt",
    "PKITS_data/certs/ValidPolicyMappingTest12EE.crt", "PKITS_data/certs/ValidonlySomeReasonsTest19EE.crt",
    "accvraiz1.pem", "belgian-eid-invalid-visiblestring.pem", "custom/alternate-rsa-sha1-oid.der", "custom/cp_user_notice_no_explicit_text.pem",
    "custom/cp_user_notice_with_explicit_text.pem", "custom/cp_user_notice_with_notice_reference.pem"})
_KEY_AS_IT_STANDS = ("it returns RSA-PSS keys as plain RSA and curves given by numbers as named ones, we return what the certificate says, as pins want it", {
    "custom/ec_no_named_curve.pem", "custom/rsa_pss.pem", "custom/rsa_pss_cert.pem", "custom/rsa_pss_cert_invalid_mgf.der",
    "custom/rsa_pss_cert_no_sig_params.der", "custom/rsa_pss_cert_unsupported_mgf_hash.der"})
_NO_TEXT = ("it returns a bit string as half-decoded text, we return it in hexadecimal digits (RFC 4514, 2.4)", {
    "scottishpower-bitstring-dn.pem", "unique_identifier.pem"})
DIFFERENCES = {
    "extensions_by_oid": _ENCODED_ANEW, "public_key": _KEY_AS_IT_STANDS, "public_key_fingerprints": _KEY_AS_IT_STANDS,
    "subject": _NO_TEXT, "subject_ordered": _NO_TEXT, "issuer": _NO_TEXT, "issuer_ordered": _NO_TEXT,
}


@pytest.fixture(scope="module")
def theirs():
    """community.crypto's facts of DER, or None where it fails; skips where the collection or ansible-core is not here."""
    pytest.importorskip("ansible.module_utils.basic", reason="community.crypto needs ansible-core, which this Python has not")
    import ansible_collections
    places = [*os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep), ROOT / ".cache" / "collections"]
    for place in places:
        folder = os.path.join(place, "ansible_collections")
        if os.path.isdir(os.path.join(folder, "community", "crypto")) and folder not in ansible_collections.__path__:
            ansible_collections.__path__.append(folder)
    try:
        backend = importlib.import_module(f"ansible_collections.{_BACKEND}")
    except ImportError as error:
        pytest.skip(f"community.crypto, which is compared here, is not where it was looked for: {error}")

    class Options:
        params = {"name_encoding": "ignore"}

    def facts(data):
        try:
            return backend.get_certificate_info(module=Options, content=pem("CERTIFICATE", data).encode())
        except Exception:  # it describes a certificate whole or not at all
            return None
    return facts


def _in_our_form(key: str, value, ours):
    """A value of community.crypto's in our form: RFC 3339 dates, two digests."""
    if key in ("not_before", "not_after"):
        year, month, day, hour, minute, second = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", value).groups()
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
    return {name: value[name] for name in ours} if key in ("fingerprints", "public_key_fingerprints") else value


def test_the_same_fact_has_the_same_name_and_form(theirs):
    """Over all vectors, every fact that both return is the same, but for the differences listed above, each with its reason."""
    compared, unexplained = 0, []
    for name, data in all_vectors():
        their = theirs(data)
        if their is None:
            continue
        compared += 1
        ours = describe(x509.load_der_x509_certificate(data), NOW)
        for key in set(ours) & set(their) - {"expired"}:
            if ours[key] != _in_our_form(key, their[key], ours[key]) and name not in DIFFERENCES.get(key, ("", ()))[1]:
                unexplained.append((name, key, ours[key], their[key]))
    assert unexplained == []
    assert compared > 450


def test_nothing_of_theirs_is_left_out(theirs):
    """Who switches finds every fact again; `valid_at` is what the options of that module ask, and no fact."""
    one = certificate()
    their = theirs(der(one))
    assert set(their) - set(describe(one, NOW)) == set()


def test_what_they_cannot_read_we_describe(theirs):
    """Wherever community.crypto gives up on a certificate that the library loads, ours says which part is to blame."""
    given_up = [(name, data) for name, data in all_vectors() if theirs(data) is None]
    assert len(given_up) > 15
    # Bit strings in names, on which it fails with old releases of the library, are described whole.
    silent = [name for name, data in given_up if name not in _NO_TEXT[1] and not examine(x509.load_der_x509_certificate(data), NOW)[1]]
    assert silent == []


# Each is a process of its own: of the many that are made alike, some.
_SAMPLE = [row for index, row in enumerate(all_vectors()) if index % (40 if row[0].startswith("PKITS") else 2) == 0]


def _said(data: bytes) -> dict | None:
    """Serial number, dates and fingerprint as openssl reads them; None where it does not."""
    wanted = ["-serial", "-startdate", "-enddate", "-fingerprint", "-sha256", "-dateopt", "iso_8601"]
    asked = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", *wanted],
                           input=data, capture_output=True, check=False)
    if asked.returncode or b"-dateopt" in asked.stderr:
        return None
    said = dict(line.split("=", 1) for line in asked.stdout.decode().splitlines() if "=" in line)
    return {"serial_number": int(said["serial"], 16), "fingerprint": next(value for key, value in said.items() if "ingerprint" in key).lower(),
            **{ours: said[its].replace(" ", "T") for ours, its in (("not_before", "notBefore"), ("not_after", "notAfter"))}}


@needs_openssl
def test_openssl_reads_the_same():
    """Serial number, dates and fingerprint of vectors of all kinds, by another implementation."""
    compared, different = 0, []
    for name, data in _SAMPLE:
        said = _said(data)
        if said is None:
            continue
        compared += 1
        ours = describe(x509.load_der_x509_certificate(data))
        different += [(name, key, ours[key], said[key]) for key in said if ours[key] != said[key]]
    assert different == []
    assert compared > 50


@needs_openssl
def test_the_names_of_identifiers_are_those_of_openssl():
    """Every row of our table, as far as this openssl knows the identifier."""
    known = {}
    for line in openssl("list", "-objects").splitlines():
        match = re.fullmatch(r"(.+?) = (?:(.+), )?([0-9.]+)", line.strip())
        if match:
            known[match.group(3)] = (match.group(2) or match.group(1), match.group(1))
    ours = {**{dotted: names[0] for dotted, names in ATTRIBUTES.items()}, **USAGES, **SIGNATURES}
    assert {dotted: name for dotted, name in ours.items() if dotted in known and known[dotted][0] != name} == {}
    assert {dotted: names[1] for dotted, names in ATTRIBUTES.items() if dotted in known and known[dotted][1] != names[1]} == {}
    assert len(set(ours) & set(known)) > len(ours) - 15
