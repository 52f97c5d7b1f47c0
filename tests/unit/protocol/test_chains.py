# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._protocol.chains import certificates_of, pem_of, preferred, verify
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, a_key, certificate, key_pem, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.protocol.orders import STAR, A, B, chain, csr
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, OTHER_ROOT, ROOT

URL = "https://ca.example/cert/1"
LEAF, ABOVE = (block + b"-----END CERTIFICATE-----\n" for block in chain(A).split(b"-----END CERTIFICATE-----\n")[:2])


def verified(body: bytes, *names, now=NOW, key: int = 0) -> None:
    verify(certificates_of(body, URL), csr(*(names or (A,)), key=key), names or (A,), now, URL)


# Taken apart.

@pytest.mark.parametrize("body", [chain(A), LEAF, chain(A).replace(b"\n", b"\r\n"), b"subject=x\n" + LEAF + b"\n\nissuer=y\n" + ABOVE])
def test_a_chain_is_taken_apart(body):
    """What stands around the certificates goes; what is left is what the CA signed."""
    assert pem_of(certificates_of(body, URL)) in (chain(A), LEAF)


@needs_openssl
def test_openssl_reads_what_is_left():
    """The leaf first."""
    assert "DNS:a.example" in openssl("x509", "-noout", "-ext", "subjectAltName", given=pem_of(certificates_of(chain(A), URL)))


@pytest.mark.parametrize("body", [
    pytest.param(b"", id="nothing"), pytest.param(b"<html>", id="a page"), pytest.param(LEAF[:-30], id="cut off"),
    pytest.param(chain(A)[:-30], id="its second one cut off"),
    pytest.param(LEAF + key_pem(a_key(5)), id="with a private key"),
    pytest.param(LEAF + b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", id="with a list"),
    pytest.param(LEAF.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"), id="with settings of OpenSSL"), pytest.param(LEAF * 11, id="eleven"),
    pytest.param(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", id="no base64"),
    pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="no certificate"), pytest.param(LEAF + b" " * 200_000, id="too long"),
])
def test_what_is_no_chain(body):
    """RFC 8555, 9.1: a client makes sure that nothing else hides in it."""
    with pytest.raises(AnswerRefused, match=f"^{URL}: "):
        certificates_of(body, URL)


def test_ten_certificates_are_a_chain():
    """The other side of the boundary."""
    assert len(certificates_of(LEAF * 10, URL)) == 10


# Compared.

BEGINNING_NOW = pem(certificate(subject=(), issuer=(("CN", "x"),), names=(A,), key=a_key(0), signer=a_key(90), left=DAY, lifetime=DAY))


@pytest.mark.parametrize(("body", "names", "now"), [
    pytest.param(chain(A), (A,), NOW, id="one name"), pytest.param(chain(STAR, B, A), (A, B, STAR), NOW, id="several, in another order"),
    pytest.param(chain("IP:192.0.2.1", "IP:2001:db8::1"), ("IP:192.0.2.1", "IP:2001:db8::1"), NOW, id="addresses"),
    pytest.param(chain(A), ("DNS:A.example",), NOW, id="another case"), pytest.param(chain(A), (A,), NOW + 90 * DAY, id="to the last second"),
    pytest.param(BEGINNING_NOW, (A,), NOW - timedelta(hours=1), id="a clock an hour behind"),
])
def test_what_was_asked_for(body, names, now):
    """Key, names, dates, signatures."""
    verified(body, *names, now=now)


@pytest.mark.parametrize(("body", "names", "now", "says"), [
    pytest.param(chain(A, key=1), (A,), NOW, "is not for the key of the request", id="of another key"),
    pytest.param(chain(B), (A,), NOW, "other names than were asked for: DNS:a.example, DNS:b.example", id="of another name"),
    pytest.param(chain(A), (A, B), NOW, "other names than were asked for: DNS:b.example", id="a name short"),
    pytest.param(chain(A, B), (A,), NOW, "other names than were asked for: DNS:b.example", id="a name over"),
    pytest.param(chain(A), (A,), NOW + 90 * DAY + SECOND, "expired on 2027-02-21", id="expired"),
    pytest.param(BEGINNING_NOW, (A,), NOW - timedelta(hours=1) - SECOND, "not valid before 2026-11-23T01:00:00Z", id="not valid yet"),
    pytest.param(LEAF + pem(ROOT), (A,), NOW, "certificate 2 of the chain did not issue certificate 1", id="of a foreign authority"),
    pytest.param(LEAF + pem(certificate(subject=(("CN", "Intermediate"),), names=(), key=a_key(7))), (A,), NOW, "did not issue certificate 1",
                 id="of a namesake"),
    pytest.param(chain(A) + pem(ROOT), (A,), NOW, "certificate 3 of the chain did not issue certificate 2", id="with a root that does not fit"),
])
def test_what_was_not(body, names, now, says):
    """Each with its own sentence."""
    with pytest.raises(AnswerRefused, match=says):
        verified(body, *names, now=now)


def test_the_clock_is_looked_at_each_time():
    """What the bytes decide is remembered; how late it is, is not."""
    verified(chain(A))
    with pytest.raises(AnswerRefused, match="expired"):
        verified(chain(A), now=NOW + 91 * DAY)
    verified(chain(A))


def test_a_certificate_without_names():
    """Nothing is covered by it."""
    with pytest.raises(AnswerRefused, match="other names"):
        verified(pem(certificate(subject=(("CN", "a.example"),), issuer=(("CN", "x"),), names=(), key=a_key(0), signer=a_key(90))), A)


# Chosen.

AKI = ISSUER.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier.hex()


@pytest.mark.parametrize(("certificates", "wanted", "found"), [
    ([ISSUER], "root", True), ([ISSUER], " Root ", True), ([ISSUER], "issuer", True), ([ISSUER], AKI, True), ([ISSUER], AKI.upper(), True),
    ([ISSUER], ":".join(AKI[at:at + 2] for at in range(0, 40, 2)), True), ([ISSUER, ROOT], "root", True), ([ISSUER, ROOT], "issuer", False),
    ([ISSUER], "other root", False), ([OTHER_ROOT], "other root", True), ([ISSUER], AKI[:-1], False), ([ISSUER], "", False), ([ISSUER], "roo", False),
    ([certificate()], "web.example", True), ([certificate(subject=(("O", "x"),))], "None", False),
])
def test_the_end_of_a_chain(certificates, wanted, found):
    """By its top-most certificate: names whole, in any case; the key identifier with or without colons."""
    assert preferred(certificates, wanted) is found
