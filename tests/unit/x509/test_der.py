# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._x509 import der as steps
from ansible_collections.evergreen.pki.tests.unit.helpers import certificate, der, lawful, name
from ansible_collections.evergreen.pki.tests.unit.x509.shapes import all_vectors

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(("numbers", "content"), [
    pytest.param("2.5.4.3", "550403", id="two arcs in one byte"),
    pytest.param("1.2.840.113549.1.1.11", "2a864886f70d01010b", id="numbers of several bytes"),
    pytest.param("2.999.3", "883703", id="a first byte of more than 119"),
    pytest.param("0.9.2342", "09" + "9226", id="the first arc"),
])
def test_identifiers(numbers, content):
    """X.690, 8.19."""
    assert steps.dotted(bytes.fromhex(content)) == numbers


@pytest.mark.parametrize("content", ["", "80", "2a86"])
def test_identifiers_that_are_cut_off(content):
    """They are refused, not read halfway."""
    with pytest.raises(ValueError, match="cut off"):
        steps.dotted(bytes.fromhex(content))


@pytest.mark.parametrize(("size", "header"), [
    pytest.param(0, "3000", id="empty"),
    pytest.param(127, "307f", id="the longest short form"),
    pytest.param(128, "308180", id="the shortest long form"),
    pytest.param(255, "3081ff", id="one byte of length"),
    pytest.param(256, "30820100", id="two bytes of length"),
])
def test_elements_are_written_and_read(size, header):
    """What is written is what is read."""
    whole = steps.element(0x30, b"\x05" * size)
    assert whole[:len(header) // 2].hex() == header
    assert steps.head(whole, 0, len(whole)) == (len(header) // 2, len(whole))


@pytest.mark.parametrize("data", ["", "30", "3001", "308201", "3082ffff00", "1f8101", "30ff" + "ff" * 20])
def test_what_does_not_fit_is_refused(data):
    """No length is believed beyond the end of the data."""
    data = bytes.fromhex(data)
    with pytest.raises(ValueError, match="element"):
        steps.head(data, 0, len(data))


@lawful
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(data):
    """No other error than ValueError, whatever is asked of whatever bytes."""
    for step in (steps.split, steps.extension, steps.key_algorithm, steps.name):
        try:
            step(data)
        except ValueError:
            continue


def test_all_vectors_come_apart():
    """The parts are those that the library sees: as many extensions, with the same identifiers, and names of the same number."""
    for path, data in all_vectors():
        parts = steps.split(data)
        one = x509.load_der_x509_certificate(data)
        try:
            seen, subject = [extension.oid.dotted_string for extension in one.extensions], [entry.oid.dotted_string for entry in one.subject]
        except Exception:  # what the library refuses is in test_facts
            continue
        assert [steps.extension(raw)[0] for raw in parts.extensions] == seen, path
        assert [dotted for dotted, text in steps.name(parts.subject)[0]] == subject, path


def test_an_extension_alone():
    """The library reads one extension of a certificate of which it read none before."""
    whole = der(certificate(extensions=(x509.BasicConstraints(True, 3), x509.OCSPNoCheck())))
    for raw in steps.split(whole).extensions:
        alone, = x509.load_der_x509_certificate(steps.with_one_extension(whole, raw)).extensions
        assert (alone.oid.dotted_string, alone.critical) == steps.extension(raw)[:2]


@pytest.mark.parametrize(("tag", "content", "text", "sound"), [
    pytest.param(0x0C, "café".encode(), "café", True, id="UTF-8"),
    pytest.param(0x0C, "café".encode("latin-1"), "café", False, id="UTF-8 that is Latin-1"),
    pytest.param(0x14, "café".encode("latin-1"), "café", False, id="TeletexString in Latin-1"),
    pytest.param(0x1E, "café".encode("utf-16-be"), "café", True, id="BMPString"),
    pytest.param(0x1E, b"\xd8\x00", "Ø\x00", False, id="half a surrogate pair"),
    pytest.param(0x1C, "é".encode("utf-32-be"), "é", True, id="UniversalString"),
    pytest.param(0x13, b"a_b*", "a_b*", True, id="PrintableString with letters that it may not have"),
    pytest.param(0x03, b"\x00\xff", "#00ff", True, id="a bit string"),
    pytest.param(0x45, b"a", "#61", False, id="no universal type"),
])
def test_text_of_names(tag, content, text, sound):
    """Text is read as what it says it is, else as Latin-1; what is no text in hexadecimal digits."""
    pair = steps.element(0x30, bytes.fromhex("0603550403") + steps.element(tag, content))
    assert steps.name(steps.element(0x30, steps.element(0x31, pair))) == ((("2.5.4.3", text),), sound)


def test_names_of_several_values():
    """Order and repetition are kept, also within one relative name."""
    pairs = (("CN", "a"), ("O", "b"), ("CN", "c"))
    raw = name(*pairs).public_bytes()
    assert [text for dotted, text in steps.name(raw)[0]] == ["a", "b", "c"]
    both = steps.element(0x30, steps.element(0x31, b"".join(bytes.fromhex(one) for one in ("3008060355040a0c0162", "300806035504030c0161"))))
    assert steps.name(both)[0] == (("2.5.4.10", "b"), ("2.5.4.3", "a"))
