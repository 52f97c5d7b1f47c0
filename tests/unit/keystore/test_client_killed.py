# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key file at whatever instant a run is killed: there is the old key, the new one, or none; never half of one, and the next run ends it."""

from __future__ import annotations

import itertools
import os

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_keys import Wish
from ansible_collections.evergreen.pki.plugins.module_utils._keys.client_places import place_of
from ansible_collections.evergreen.pki.plugins.module_utils._keys.given import given_key
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import client as room
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import master_pair
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, kill_at, memory_disk, temporaries
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, private
from ansible_collections.evergreen.pki.tests.unit.keystore.client_parts import KEY, PLAIN, chance, client, make_pair, product_options, sealed

OLD = b"0ld-w0rds"


@pytest.mark.parametrize("what", ["create", "rewrap", "copy"])
def test_a_key_is_whole_at_every_instant(tmp_path, what):
    """And the same call, run again, makes it what was asked for, with nothing left behind."""
    with memory_disk(tmp_path) as folder:
        for number in itertools.count():
            here = folder / f"{what}{number}"
            here.mkdir()
            place = place_of(product_options(here), "/root") if what == "copy" else client(here / "k.json")
            wish = Wish("none", OLD, rewrap=True) if what == "rewrap" else Wish("none")
            before = sealed(OLD) if what == "rewrap" else None
            if before:
                (here / "k.json").write_bytes(before)
            given = given_key(PLAIN, "key", None, NOW) if what == "copy" else None
            killed = kill_at(number, room.keep, wish, given, place, (NOW, chance), False)
            found = _content(place.key_path)
            assert found in (before, None) or independent.opened(found, b"")["key"] == (b"\x07" * 32 if what == "create" else KEY)
            if what == "copy" and os.path.isdir(here / "priv" / "lock" / "file-storage_cfg"):
                os.rmdir(here / "priv" / "lock" / "file-storage_cfg")      # as pmxcfs does after two minutes
            room.keep(wish, given, place, (NOW, chance), False)
            assert independent.opened(_content(place.key_path), b"") and temporaries(here) == []
            if not killed:
                assert number > 5, "it was killed at too few instants to prove anything"
                return


def test_a_master_key_is_whole_at_every_instant(tmp_path):
    """The private part comes first: what is left of it is completed, and never another pair made."""
    with memory_disk(tmp_path) as folder:
        for number in itertools.count():
            paths = [str(folder / f"{number}" / name) for name in ("private.pem", "public.pem")]
            os.mkdir(folder / f"{number}")
            killed = kill_at(number, make_pair, *paths, private())
            assert _content(paths[0]) is not None or _content(paths[1]) is None
            make_pair(*paths, private())
            assert master_pair.make(*paths, PASSPHRASE.encode(), 4096, True).action == "none"
            if not killed:
                assert number > 8
                return


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
