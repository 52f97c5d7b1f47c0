# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's stand-in for the API of Proxmox Backup Server, with a store, a token and a certificate, for tests; and calls as the module makes them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from datetime import datetime, timezone

from ansible_collections.evergreen.pki.plugins.module_utils._keys import given, options, wishes
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_address import address_of
from ansible_collections.evergreen.pki.plugins.module_utils._keystore import change, making
from ansible_collections.evergreen.pki.plugins.module_utils._keystore.api import ApiStore
from ansible_collections.evergreen.pki.tests.lab.files import pbs_api
from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair

TOKEN_ID = "ansible@pbs!evergreen"
# Not the product's form, which is a UUID: what has to be encoded shows whether it is.
TOKEN = "0a1b2c3d-%41+/=?&:;\"'-7f8e9d0c1b2a"
ALL = {"/system": ["Sys.Audit", "Sys.Modify"], "/datastore": ["Datastore.Audit"]}
NOW = datetime(2026, 11, 23, 1, 0, 0, tzinfo=timezone.utc)


class Pbs:
    """A server that is up for the length of its `with` block, and what it saw."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.pair = Pair(self.folder, name="pbs")
        self.tokens, self.log, self.trouble = (self.folder / name for name in ("tokens.json", "log.jsonl", "trouble.json"))
        self.store = pbs_api.Store(self.folder / "store")
        self.fresh()

    def __enter__(self):
        options = {"cert": self.pair.path, "key": self.pair.key_path, "store": self.store.folder, "tokens": self.tokens, "log": self.log,
                   "trouble": self.trouble, "port": 0}
        self._process = subprocess.Popen([sys.executable, pbs_api.__file__, *(f"--{name}={value}" for name, value in options.items())],
                                         stdout=subprocess.PIPE, text=True)
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *unused):
        self._process.kill()
        self._process.wait(10)
        self._process.stdout.close()

    def fresh(self) -> None:
        """A server that nobody has used yet."""
        self.grant(ALL)
        self.plan()
        self.forget()
        for path in (*self.store.folder.glob("*.cfg"), *self.store.folder.glob("*/*")):
            path.unlink()

    def grant(self, acl: dict) -> None:
        """What the token may do from now on: path -> privileges."""
        self.tokens.write_text(json.dumps({TOKEN_ID: {"secret": TOKEN, "acl": acl}}))

    def plan(self, *troubles) -> None:
        """What is to go wrong: [method, how], in order."""
        self.trouble.write_text(json.dumps(troubles))

    def jobs(self, text: str) -> None:
        """sync.cfg."""
        (self.store.folder / "sync.cfg").write_text(text)

    def option(self, **changes) -> dict:
        """The option `api` that reaches it."""
        return {"host": "127.0.0.1", "port": self.port, "token_id": TOKEN_ID, "token": TOKEN, "fingerprint": self.pair.fingerprint, "ca_path": None,
                "timeout": 20.0, **changes}

    def events(self, *words) -> list:
        """The log's lines of these kinds."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] in words]

    def forget(self) -> None:
        """Empties the log."""
        self.log.write_text("")

    def methods(self) -> list:
        """The requests since `forget` that were no GET."""
        return [line["method"] for line in self.events("request") if line["method"] != "GET"]

    def key_file(self, id: str) -> bytes:
        """What the server keeps of a key."""
        return (self.store.folder / "encryption-keys" / f"{id}.enc").read_bytes()


def engine(api: dict, state_path, ids: list | None, patient: bool = True) -> ApiStore:
    """The engine behind these options."""
    return ApiStore(address_of(api), str(state_path), ids, patient)


def bring(api: dict, state_path, check: bool = False, **asked):
    """The Outcome of a call of encryption_key with this option `api`. random: the bytes of a new key, for those who have to know them."""
    random = asked.pop("random", None)
    filled = {**{name: spec.get("default") for name, spec in options.KEY.items()}, **asked}
    wish = wishes.wish_of(filled, False)
    key = None if filled["key"] is None else given.given_key(filled["key"].encode(), "key", None, NOW)
    edge = making.Edge(NOW, os.urandom if random is None else lambda count: random[:count])
    return change.bring(wish, key, engine(api, state_path, [wish.id], wish.digest is None), edge, check)


def step(api: dict, state_path: str, wanted: str, id: str) -> None:
    """A call that may be killed half-way."""
    bring(api, state_path, id=id, state=wanted)
