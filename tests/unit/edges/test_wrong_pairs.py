# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every way in which a pair can be wrong (issue 5): each has a sentence of its own, and nothing is written. What is harmless is put right."""

from __future__ import annotations

import contextlib
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError
from ansible_collections.evergreen.pki.tests.unit.edges.placing import Place
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    a_key,
    certificate,
    changed_tbs,
    contents,
    der,
    key_pem,
    memory_disk,
    needs_openssl,
    openssl,
    pem,
    tree,
)

CA = [x509.BasicConstraints(ca=True, path_length=None)]
KEY, MIDDLE_KEY, ROOT_KEY, OTHER_KEY = (a_key(80 + number) for number in range(4))
ROOT = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY, extensions=CA)
MIDDLE = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=MIDDLE_KEY, signer=ROOT_KEY, extensions=CA)
FOREIGN = certificate(subject=(("CN", "Foreign"),), issuer=(("CN", "Root"),), names=(), key=OTHER_KEY, signer=ROOT_KEY, extensions=CA)


def leaf(**options):
    return certificate(**{"issuer": (("CN", "Middle"),), "key": KEY, "signer": MIDDLE_KEY, **options})


LEAF = leaf()
OTHER = leaf(key=OTHER_KEY, subject=(("CN", "other"),))
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CHAIN, TEXT = pem(LEAF) + pem(MIDDLE), key_pem(KEY)
# A signature of SHA-1 that nobody checks: new libraries make none.
SHA256_RSA, SHA1_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
LONG = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def weakly_signed() -> bytes:
    one = certificate(key=LONG)
    return pem(x509.load_der_x509_certificate(der(one).replace(SHA256_RSA, SHA1_RSA)))


WRONG = {
    "mismatch": ({"content": CHAIN, "key_content": key_pem(OTHER_KEY)}, "the private key does not belong to the certificate"),
    "swapped files": ({"content": TEXT, "key_content": CHAIN}, "the two are exchanged"),
    "two keys": ({"content": TEXT, "key_content": TEXT}, "there is a private key where a certificate belongs"),
    "two certificates": ({"content": CHAIN, "key_content": CHAIN}, "there is a certificate where a private key belongs"),
    "encrypted key": ({"content": CHAIN, "key_content": key_pem(KEY, b"s3cret")}, "the private key is encrypted"),
    "wrong passphrase": ({"content": CHAIN, "key_content": key_pem(KEY, b"s3cret"), "input_passphrase": "other"}, "cannot be opened with this passphrase"),
    "key truncated": ({"content": CHAIN, "key_content": TEXT[:80]}, "there is no private key in it that can be read"),
    "no certificate": ({"content": b"hello\n", "key_content": TEXT}, "there is no certificate in it that can be read"),
    "truncated": ({"content": pem(LEAF)[:-60], "key_content": TEXT}, "the certificate is cut off"),
    "chain truncated": ({"content": CHAIN[:-60], "key_content": TEXT}, "one of its 2 certificates is cut off or cannot be read"),
    "DER with trailing junk": ({"src": der(LEAF) + b"junk", "key_content": TEXT}, "4 bytes stand behind the end of the certificate"),
    "empty": ({"content": b"", "key_content": TEXT}, "the file is empty"),
    "a request": ({"content": b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n", "key_content": TEXT},
                  "there is a certificate request where a certificate belongs"),
    "expired": ({"content": pem(leaf(left=-DAY)), "key_content": TEXT}, "the certificate expired on 2026-11-22T01:00:00Z"),
    "future": ({"content": pem(leaf(left=91 * DAY)), "key_content": TEXT}, "the certificate is not valid before 2026-11-24T01:00:00Z"),
    "weak key": ({"content": pem(certificate(key=SHORT)), "key_content": key_pem(SHORT)}, "its RSA key has 1024 bits, less than 2048"),
    "weak signature": ({"content": weakly_signed(), "key_content": key_pem(LONG)}, "the certificate is signed with sha1, which clients no longer trust"),
    "wrong names": ({"content": CHAIN, "key_content": TEXT, "declared": {"names": ["www.example"]}}, "the certificate does not carry www.example"),
    "chain missing": ({"content": pem(LEAF), "key_content": TEXT, "chain": "required"}, "no certificate of its issuer (CN = Middle) is given"),
    "foreign intermediate": ({"content": pem(LEAF) + pem(FOREIGN), "key_content": TEXT}, "certificate 2 (CN = Foreign) issued none"),
    "expired intermediate": ({"content": pem(LEAF) + pem(certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=MIDDLE_KEY,
                                                                     signer=ROOT_KEY, extensions=CA, left=-DAY)), "key_content": TEXT},
                             "certificate 2 (CN = Middle) expired on"),
    "CA as leaf": ({"content": pem(MIDDLE) + pem(ROOT), "key_content": key_pem(MIDDLE_KEY)}, "which is an authority's (CA:TRUE)"),
    "two leaves": ({"content": pem(LEAF) + pem(OTHER), "key_content": TEXT}, "certificate 2 (CN = other) is of another service, with another key"),
    "two leaves of one key": ({"content": pem(LEAF) + pem(leaf(serial=2)), "key_content": TEXT}, "are both of this private key"),
    "closed store": ({"src": "store", "key_content": None}, "this PKCS#12 store cannot be opened without a passphrase"),
    "store, wrong passphrase": ({"src": "store", "key_content": None, "input_passphrase": "other"}, "this PKCS#12 store cannot be opened with this passphrase"),
    "no key anywhere": ({"content": pem(OTHER), "key_content": None}, "the private key in place"),
    "a name nobody can read": ({"src": changed_tbs(LEAF, b"\x0c\x06Middle", b"\x0c\x06M\xffddl\xfe"), "key_content": TEXT}, "cannot be"),
}


@pytest.fixture
def place(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Place(stack.enter_context(memory_disk(tmp_path)))


def call(place, given) -> dict:
    """The options of a case; what is no text comes in a file."""
    options = {key: value.decode() if isinstance(value, bytes) and key != "src" else value for key, value in given.items()}
    if options.get("src") == "store":
        (place.folder / "pair").write_bytes(TEXT + CHAIN)
        openssl("pkcs12", "-export", "-in", str(place.folder / "pair"), "-out", str(place.folder / "given"), "-passout", "pass:s3cret")
        options["src"] = str(place.folder / "given")
    elif "src" in options:
        options["src"] = place.file("given", options["src"])
    return options


def refusal(place, given) -> str:
    """What is said of a wrong pair, where another is in place, kept and remembered; checked to leave the disk as it was."""
    place.put(0)
    place.put(1)
    options = call(place, given)
    before = tree(place.folder)
    said = []
    for check in (True, False):
        with pytest.raises(EvergreenError) as caught:
            place.put(check=check, **options)
        assert caught.value.way_out and tree(place.folder) == before
        said.append(str(caught.value))
    assert said[0] == said[1] and said[0].isprintable()
    return said[0]


@needs_openssl
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_pair_is_refused_and_nothing_is_written(place, case):
    """In check mode and without, in the same sentence, with the way out."""
    given, says = WRONG[case]
    assert says in refusal(place, given)


@needs_openssl
def test_no_two_of_them_are_told_in_the_same_words(place):
    """Whoever reads the sentence knows which of them it is, without the name of the file, numbers or dates."""
    told = {}
    for case, (given, _says) in WRONG.items():
        facts = re.sub(r"^\S+: |[0-9]+", "", refusal(place, given))
        assert facts not in told, (case, told[facts])
        told[facts] = case
    assert len(told) == len(WRONG) >= 16


HARMLESS = {
    "the ends of lines": {"content": CHAIN.replace(b"\n", b"\r\n"), "key_content": TEXT.replace(b"\n", b"\r\n")},
    "a byte order mark": {"content": b"\xef\xbb\xbf" + CHAIN, "key_content": b"\xef\xbb\xbf" + TEXT},
    "text around and behind": {"content": b"subject=web\n" + CHAIN + b"\n\x00junk\n", "key_content": TEXT + b"\njunk"},
    "the key in the certificate file": {"content": CHAIN + TEXT, "key_content": TEXT},
    "another key in the certificate file": {"content": key_pem(OTHER_KEY) + CHAIN, "key_content": TEXT},
    "a chain upside down": {"content": pem(MIDDLE) + pem(LEAF), "key_content": TEXT},
    "a certificate twice": {"content": CHAIN + pem(LEAF), "key_content": TEXT},
    "a passphrase for nothing": {"content": CHAIN, "key_content": TEXT, "input_passphrase": "s3cret"},
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_is_harmless_is_put_right(place, case):
    """It goes into service as it should be: PEM, the leaf first, no key in the certificate file, the key in its own."""
    place.put(**call(place, HARMLESS[case]))
    assert place.pair() == (CHAIN, TEXT)
    assert not place.put(content=CHAIN.decode(), key_content=TEXT.decode()).changed


def test_an_encrypted_key_with_its_passphrase_goes_into_service_open(place):
    """Services cannot ask for a passphrase."""
    place.put(content=CHAIN.decode(), key_content=key_pem(KEY, b"s3cret").decode(), input_passphrase="s3cret")
    assert place.pair() == (CHAIN, TEXT) and not any(b"ENCRYPTED" in content for content in contents(place.folder).values())
