# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files looked at: facts, findings, and nothing written or shown."""

from __future__ import annotations

import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.client_look import survey
from ansible_collections.evergreen.pki.tests.unit.helpers import tree
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import private, public
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import CREATED, FINGERPRINT, NONE, OTHER, PLAIN, product_options, sealed

OPTIONS = {**{name: value for name, value in NONE.items() if name != "path"}, "paths": [], "passphrase": None}


def told(home, **options) -> list:
    """What is said of the keys of a user with this home."""
    return survey({**OPTIONS, **options}, str(home))


def words(row: dict) -> list:
    """The findings' words."""
    return [finding["finding"] for finding in row["findings"]]


def test_what_key_show_tells(tmp_path):
    """kdf, dates, fingerprint, hint (proxmox-formats 2.5); never the key, and no file is touched."""
    (tmp_path / "k.json").write_bytes(sealed(b"0ld-w0rds", hint="h"))
    (tmp_path / "k.json").chmod(0o600)
    before = tree(tmp_path)
    (row,) = told(tmp_path, paths=[str(tmp_path / "k.json")])
    assert row == {
        "path": str(tmp_path / "k.json"), "product": "client", "storage": None, "exists": True, "kdf": "pbkdf2", "created": "2023-11-14T22:13:20Z",
        "modified": "2023-11-14T22:13:20Z", "fingerprint": FINGERPRINT, "hint": "h", "mode": "0600", "opens": None, "configured": None, "command": [],
        "master_key": None, "findings": row["findings"]}
    assert words(row) == ["pbkdf2"] and tree(tmp_path) == before


@pytest.mark.parametrize(("content", "passphrase", "opens"), [
    (sealed(b"0ld-w0rds"), "0ld-w0rds", True), (sealed(b"0ld-w0rds"), "other", False), (PLAIN, None, True), (PLAIN, "other", True),
    (PLAIN.replace(b"0e:ab", b"0e:ac"), None, False), (sealed(b"0ld-w0rds"), None, None)])
def test_whether_it_opens(tmp_path, content, passphrase, opens):
    """And holds the key that it says; None: not tried."""
    (tmp_path / "k.json").write_bytes(content)
    assert [row["opens"] for row in told(tmp_path, paths=[str(tmp_path / "k.json")], passphrase=passphrase)] == [opens]


def test_what_cannot_be_read_hides_nothing(tmp_path):
    """Missing, no key file, a folder; each a row, by path."""
    (tmp_path / "b").write_bytes(b"my diary")
    (tmp_path / "c").mkdir()
    (tmp_path / "d").write_bytes(PLAIN)
    for name in "bc":
        (tmp_path / name).chmod(0o700)
    rows = told(tmp_path, paths=[str(tmp_path / name) for name in "dcba"])
    assert [(os.path.basename(row["path"]), row["exists"], row["fingerprint"]) for row in rows] == [
        ("a", False, None), ("b", True, None), ("c", True, None), ("d", True, FINGERPRINT)]
    assert [words(row) for row in rows[:3]] == [[], ["unreadable_file"], ["unreadable_file"]] and "diary" not in str(rows)


def test_the_default_key_with_its_master_key(tmp_path):
    """Without a path it is the client's own, and the public master key stands beside it; a private one there is a problem, not a failure."""
    folder = tmp_path / ".config" / "proxmox-backup"
    folder.mkdir(parents=True)
    (folder / "encryption-key.json").write_bytes(PLAIN)
    (folder / "master-public.pem").write_bytes(public())
    (row,) = told(tmp_path)
    assert (row["master_key"]["size"], row["master_key"]["exponent"], row["master_key"]["problem"]) == (3072, 65537, None)
    (folder / "master-public.pem").write_bytes(private())
    (row,) = told(tmp_path)
    assert row["master_key"]["size"] is None and "private key where" in row["master_key"]["problem"]


def test_all_copies_of_a_product(tmp_path):
    """What its configuration names and what its folder holds, each with what does not fit; other files are none of theirs."""
    options = product_options(tmp_path)
    with open(options["config_path"], "w") as file:
        file.write(f"pbs: fine\n\tencryption-key {FINGERPRINT.upper()}\n\npbs: differs\n\tencryption-key {FINGERPRINT}\n\npbs: gone\n\tencryption-key 1\n\n"
                   "pbs: silent\n\tdatastore x\n\npbs: plain\n\tdatastore y\n")
    os.mkdir(options["folder"])
    contents = {"fine.enc": PLAIN + b"\n", "differs.enc": independent.written(OTHER, CREATED, CREATED), "silent.enc": sealed(b"12345"), "old.enc": PLAIN,
                "fine.pw": b"x", "fine.enc.old": b"x", ".x.enc": b"x", "not a name.enc": b"x"}
    for name, content in contents.items():
        with open(os.path.join(options["folder"], name), "wb") as file:
            file.write(content)
        os.chmod(os.path.join(options["folder"], name), 0o600)
    rows = {row["storage"]: row for row in told(tmp_path, **{**options, "storage": None, "paths": []})}
    assert {name: words(row) for name, row in rows.items()} == {
        "fine": ["kdf_none_outside_store"], "differs": ["kdf_none_outside_store", "fingerprint_differs"], "gone": ["missing_copy"],
        "silent": ["pbkdf2", "not_configured", "unusable_copy"], "old": ["kdf_none_outside_store", "not_configured"]}
    assert rows["fine"]["command"] == []
    assert rows["silent"]["command"][:3] == ["pvesm", "set", "silent"] and rows["gone"]["configured"] == "1" and not rows["gone"]["exists"]
    assert {row["path"] for row in told(tmp_path, **options)} == {f"{options['folder']}/main.enc"}


def test_a_host_without_the_product_has_none(tmp_path):
    """No configuration, no folder, no copies."""
    assert told(tmp_path, product="pmg", folder=str(tmp_path / "no"), config_path=str(tmp_path / "no.conf")) == []


def test_options_of_another_product_are_refused(tmp_path):
    """As where keys are made."""
    with pytest.raises(InputError, match="^storage: "):
        told(tmp_path, storage="main")
