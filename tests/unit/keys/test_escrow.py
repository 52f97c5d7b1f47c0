# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blobs of an escrow as data: what is wrapped, how it is named, and what is made of hostile ones."""

from __future__ import annotations

import base64
import os
import zlib

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import escrow, master
from ansible_collections.evergreen.pki.tests.unit.helpers import needs_openssl
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, openssl_unwrapped, private, public, rsa_key

KEY, OTHER = bytes(range(32)), bytes(32)
# The known answers of proxmox-formats 2.2.
FINGERPRINT = "0e:ab:d4:46:0b:6e:b9:ca:34:50:23:de:e2:b7:78:c7:90:e5:4a:16:83:b9:65:9c:0a:57:ae:19:90:90:15:9b"
FILE = independent.written(KEY, 1_700_000_000, 1_700_000_000)
UNDER_PASSPHRASE = independent.written(KEY, 1_700_000_000, 1_700_000_000, kdf=("PBKDF2", 100), salt=bytes(32), iv=bytes(16), passphrase=b"12345")


@needs_openssl
def test_a_key_is_wrapped_for_each_master_key(tmp_path):
    """openssl opens each blob with its own private part, and finds the compact key file, byte for byte."""
    records = escrow.wrap_for(FILE, [public(0), public(1)])
    for number, record in enumerate(records):
        name = master.describe(rsa_key(number).public_key()).fingerprint
        assert (record["kind"], record["recipients"], record["fingerprint"]) == ("master_key", [name], FINGERPRINT)
        assert openssl_unwrapped(base64.b64decode(record["blob"]), tmp_path, private(number), PASSPHRASE) == FILE
    assert len({record["name"] for record in records}) == 2 and all(record["name"].startswith("0eabd4460b6eb9ca") for record in records)


@pytest.mark.parametrize(("data", "kind", "says"), [
    pytest.param(UNDER_PASSPHRASE, KeyRefused, "protected by a passphrase", id="one under a passphrase, which nobody could open"),
    pytest.param(FILE.replace(b"0e:ab", b"0e:ac"), KeyRefused, "says that it is the key", id="one that lies about its key"),
    pytest.param(FILE[:100], FileRefused, "no key file", id="half of one"), pytest.param(b"", FileRefused, "no key file", id="nothing"),
])
def test_only_a_whole_key_is_wrapped(data, kind, says):
    """An escrow that could not be opened is none."""
    with pytest.raises(kind, match=says):
        escrow.wrap_for(data, [public()])


def test_a_master_key_that_is_none_is_named_by_its_number():
    """And nothing is wrapped for the others."""
    with pytest.raises(FileRefused, match=r"^master_keys\[1\]: there is a private key"):
        escrow.wrap_for(FILE, [public(), private()])
    with pytest.raises(FileRefused, match=r"^master_keys\[2\]: "):
        escrow.check_master_keys([public().decode(), public(1).decode(), "x"])


@pytest.mark.parametrize(("option", "fine"), [
    (None, True), ({"age": [], "master_keys": []}, False), ({"age": ["x"], "master_keys": []}, True), ({"age": [], "master_keys": ["x"]}, True)])
def test_an_escrow_without_a_recipient_is_refused(option, fine):
    """It would look like one."""
    if fine:
        escrow.check_option(option)
    else:
        with pytest.raises(InputError, match="names no recipient"):
            escrow.check_option(option)


WRAPPED = master.wrap(FILE, rsa_key().public_key())
STORED = bytes([66, 171, 56, 7, 190, 131, 112, 161]) + zlib.crc32(WRAPPED).to_bytes(4, "little") + WRAPPED


@pytest.mark.parametrize("blob", [
    pytest.param(WRAPPED, id="the bytes, as the client restores them"), pytest.param(base64.b64encode(WRAPPED), id="base64"),
    pytest.param(base64.encodebytes(WRAPPED), id="base64 in lines"), pytest.param(base64.b64encode(WRAPPED) + b"\n", id="base64 with a line end"),
    pytest.param(STORED, id="as it lies in a datastore"),
])
def test_what_a_master_key_wrapped_is_opened_in_every_form(blob):
    """The key file comes back with its dates."""
    config = escrow.open_master(blob, rsa_key(), "x")
    assert (config.data, config.fingerprint, config.created) == (KEY, FINGERPRINT, "2023-11-14T22:13:20+00:00")
    assert escrow.kind_of(blob, "x") == "master_key"


@pytest.mark.parametrize("blob", [
    pytest.param(master.wrap(FILE, rsa_key(1).public_key()), id="for another master key"),
    pytest.param(WRAPPED[:-1] + bytes([WRAPPED[-1] ^ 1]), id="one bit turned"), pytest.param(WRAPPED[:-1], id="cut off"),
    pytest.param(b"A" * 512, id="base64 of zeros"), pytest.param(os.urandom(384), id="chance"),
    pytest.param(master.wrap(b"{}", rsa_key().public_key()), id="no key file in it"),
    pytest.param(master.wrap(b"\x00" * 100, rsa_key().public_key()), id="rubbish in it"),
])
def test_what_does_not_hold_a_key_for_this_master_key_is_refused(blob):
    """However openssl puts it: it may answer with bytes of chance, and nothing of them is shown."""
    with pytest.raises(KeyRefused, match="^there: (is not wrapped for this master key, or is damaged|holds no encryption key for this recipient)"):
        escrow.open_master(blob, rsa_key(), "there")


def test_a_key_file_that_lies_is_told_from_one_that_is_not_there():
    """Its fingerprint is computed, not believed."""
    lying = master.wrap(FILE.replace(b"0e:ab", b"0e:ac"), rsa_key().public_key())
    with pytest.raises(KeyRefused, match="says that it is the key 0e:ac"):
        escrow.open_master(lying, rsa_key(), "x")
    silent = FILE.replace(b',"fingerprint":"' + FINGERPRINT.encode() + b'"', b"")
    assert b"fingerprint" not in silent
    assert escrow.open_master(master.wrap(silent, rsa_key().public_key()), rsa_key(), "x").fingerprint == FINGERPRINT


@pytest.mark.parametrize(("blob", "kind"), [
    (b"-----BEGIN AGE ENCRYPTED FILE-----\nAAAA", "age"), (b"\n  -----BEGIN AGE ENCRYPTED FILE-----\n", "age"), (b"age-encryption.org/v1\n-> X25519 ", "age"),
    (b"age-encryption.org/v2\n", "master_key"), (b"AAAA", "master_key")])
def test_the_kind_of_a_blob_is_seen_from_its_beginning(blob, kind):
    """Armored or not."""
    assert escrow.kind_of(blob, "x") == kind


@pytest.mark.parametrize(("blob", "says"), [(b"", "is empty"), (b" \n", "is empty"), (b"A" * 262145, "262145 bytes, more than 262144")])
def test_no_blob_is_refused(blob, says):
    """Also what is too large to be one."""
    with pytest.raises(FileRefused, match=says):
        escrow.kind_of(blob, "x")
