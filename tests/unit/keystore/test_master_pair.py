# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys as files: made once, completed, never exchanged; their public part in the places of the products."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.master_pair import run
from ansible_collections.evergreen.pki.tests.unit.helpers import needs_openssl, openssl, tree
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, private, public
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import NONE, make_pair, product_options

OPTIONS = {**NONE, "private_path": None, "passphrase": None, "size": 4096, "public_key": None, "public_key_src": None, "public_path": None}


def asked(home, check=False, **options) -> dict:
    """One run of a user with this home."""
    return run({**OPTIONS, **options}, str(home), check)


def mode(path) -> int:
    """Permission bits."""
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture
def pair(tmp_path):
    """A pair that is there already, and the options that name it."""
    paths = {"private_path": str(tmp_path / "master-private.pem"), "public_path": str(tmp_path / "master-public.pem")}
    make_pair(*paths.values(), private())
    return {**paths, "passphrase": PASSPHRASE}


@needs_openssl
def test_a_pair_is_made_once(tmp_path):
    """The private part for its owner alone, unlike the client's own; openssl finds the same key in both files. Check mode makes nothing."""
    wish = {"private_path": str(tmp_path / "m.pem"), "passphrase": PASSPHRASE, "size": 3072}
    foreseen = asked(tmp_path, check=True, **wish)
    assert (foreseen["changed"], foreseen["action"], foreseen["fingerprint"]) == (True, "create", None) and os.listdir(tmp_path) == []
    made = asked(tmp_path, **wish)
    assert made["public_path"] == str(tmp_path / "master-public.pem") and (mode(tmp_path / "m.pem"), mode(made["public_path"])) == (0o600, 0o644)
    modulus = openssl("rsa", "-in", wish["private_path"], "-passin", "stdin", "-modulus", "-noout", given=PASSPHRASE.encode())
    assert modulus == openssl("rsa", "-pubin", "-in", made["public_path"], "-modulus", "-noout") == f"Modulus={made['modulus']}\n" and made["size"] == 3072
    before = tree(tmp_path)
    again = asked(tmp_path, **wish)
    assert (again["changed"], again["fingerprint"]) == (False, made["fingerprint"]) and tree(tmp_path) == before


def test_half_a_pair_is_completed(tmp_path, pair):
    """What a killed run left: the private part comes first."""
    whole = (tmp_path / "master-public.pem").read_bytes()
    os.unlink(tmp_path / "master-public.pem")
    assert asked(tmp_path, check=True, **pair)["action"] == "complete" and not (tmp_path / "master-public.pem").exists()
    assert [asked(tmp_path, **pair)["action"] for number in range(2)] == ["complete", "none"]
    assert (tmp_path / "master-public.pem").read_bytes() == whole == public()


def test_a_private_part_that_others_can_read_is_closed(tmp_path, pair):
    """As the client leaves it (proxmox-formats 2.5)."""
    os.chmod(pair["private_path"], 0o644)
    assert [asked(tmp_path, **pair)["action"] for number in range(2)] == ["restrict", "none"]
    assert mode(pair["private_path"]) == 0o600


@pytest.mark.parametrize(("prepare", "options", "kind", "says"), [
    pytest.param(lambda folder: None, {"passphrase": "another"}, KeyRefused, "passphrase does not open", id="another passphrase"),
    pytest.param(lambda folder: None, {"passphrase": None}, InputError, "^passphrase: ", id="none"),
    pytest.param(lambda folder: None, {"passphrase": "1234"}, InputError, "^passphrase: ", id="a short one"),
    pytest.param(lambda folder: None, {"size": 2048}, InputError, "^size: 2048 bits is too small", id="a small key"),
    pytest.param(lambda folder: (folder / "master-public.pem").write_bytes(public(1)), {}, FileRefused, "is not the public part of", id="another public part"),
    pytest.param(lambda folder: os.unlink(folder / "master-private.pem"), {}, HostError, "is there without its private", id="the private part is elsewhere"),
    pytest.param(lambda folder: (folder / "master-private.pem").write_bytes(b"x"), {}, FileRefused, "there is no private key in it", id="something else"),
    pytest.param(lambda folder: None, {"public_path": "x.pem"}, InputError, "^public_path: 'x.pem' is not an absolute", id="a relative path"),
    pytest.param(lambda folder: None, {"product": "pve"}, InputError, "^product: ", id="for a product"),
])
@pytest.mark.parametrize("check", [False, True])
def test_a_pair_is_never_exchanged(tmp_path, pair, prepare, options, kind, says, check):
    """Keys may have been wrapped for the one that is there."""
    prepare(tmp_path)
    before = tree(tmp_path)
    with pytest.raises(kind, match=says):
        asked(tmp_path, check, **{**pair, **options})
    assert tree(tmp_path) == before


def test_both_parts_in_one_file_are_refused(tmp_path):
    """The second would replace the first."""
    with pytest.raises(InputError, match="^public_path: is the same file"):
        asked(tmp_path, private_path=str(tmp_path / "m.pem"), public_path=f"{tmp_path}/./m.pem", passphrase=PASSPHRASE)


# The public part.

def test_the_client_s_public_part(tmp_path):
    """In its default place, replaced by another, found again."""
    place = tmp_path / ".config" / "proxmox-backup" / "master-public.pem"
    first = asked(tmp_path, public_key=public().decode())
    assert (first["action"], first["public_path"], first["private_path"], first["command"]) == ("import", str(place), None, [])
    assert place.read_bytes() == public() and mode(place) == 0o644 and asked(tmp_path, public_key=public().decode())["action"] == "none"
    foreseen = asked(tmp_path, check=True, public_key=public(1).decode())
    assert foreseen["changed"] and place.read_bytes() == public()
    second = asked(tmp_path, public_key=public(1).decode())
    assert second["diff"] == foreseen["diff"] and second["diff"]["before"]["fingerprint"] == first["fingerprint"] != second["fingerprint"]
    assert place.read_bytes() == public(1)


@pytest.mark.parametrize(("product", "first"), [("pve", "pvesm"), ("pmg", "pmgbackup")])
def test_a_product_s_public_part(tmp_path, product, first):
    """Beside its copies of keys, with the line end that it writes; its configuration is for its own command to change."""
    options = product_options(tmp_path, product)
    answer = asked(tmp_path, public_key=public().decode(), **options)
    with open(answer["public_path"], "rb") as file:
        assert file.read() == public() + b"\n"
    assert answer["public_path"].endswith("/main.master.pem") and answer["command"][0] == first and answer["command"][-2] == "--master-pubkey"
    with open(options["config_path"], "a") as file:
        file.write("\tmaster-pubkey 1\n")
    again = asked(tmp_path, public_key=public().decode(), **options)
    assert (again["changed"], again["command"]) == (False, []) and mode(answer["public_path"]) == 0o600


@pytest.mark.parametrize(("options", "kind", "says"), [
    ({"public_key": private().decode()}, FileRefused, "private key where the public one belongs"), ({"public_key": "x"}, FileRefused, "no public key"),
    ({"public_key_src": "/nowhere"}, FileRefused, "there is no such file"), ({"public_key": public().decode(), "passphrase": "x"}, InputError, "^passphrase: "),
    ({"public_key": public().decode(), "public_path": "x"}, InputError, "^public_path: "),
    ({"public_key": public().decode(), "product": "pve"}, InputError, "^storage: "),
    ({"public_key": public().decode(), "product": "pve", "storage": "ab", "public_path": "/x"}, InputError, "^public_path: "),
])
def test_what_is_no_public_part_is_not_put_anywhere(tmp_path, options, kind, says):
    """Above all no private one."""
    with pytest.raises(kind, match=says):
        asked(tmp_path, **options)
    assert os.listdir(tmp_path) == []


def test_only_the_client_s_own_folder_is_made(tmp_path):
    """A path that is misspelt makes none."""
    with pytest.raises(HostError, match="missing: No such file"):
        asked(tmp_path, public_key=public().decode(), public_path=str(tmp_path / "missing" / "m.pem"))
    assert os.listdir(tmp_path) == []
    (tmp_path / "real").mkdir()
    (tmp_path / "home").symlink_to("real")
    assert asked(tmp_path / "home", public_key=public().decode())["changed"]
    assert (tmp_path / "real" / ".config" / "proxmox-backup" / "master-public.pem").read_bytes() == public()
