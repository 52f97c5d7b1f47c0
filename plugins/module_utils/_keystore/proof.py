# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that an escrow can be opened: in memory, by the secret of a recipient. Nothing is written."""

from __future__ import annotations

import os
import re

from .._core import age
from .._core.errors import FileRefused, InputError, KeyRefused
from .._keys import escrow
from .client import content, master_private

OPTIONS = {
    "blobs": {"type": "list", "elements": "dict", "required": True},
    "fingerprint": {"type": "str", "required": True},
    "identity": {"type": "str", "no_log": True},
    "identity_src": {"type": "path"},
    "master_key": {"type": "str", "no_log": True},
    "master_key_src": {"type": "path", "no_log": False},
    "master_passphrase": {"type": "str", "no_log": True},
    "require": {"type": "str", "choices": ["any", "all"], "default": "any"},
}
EXCLUSIVE = [("identity", "identity_src"), ("master_key", "master_key_src")]
NEEDED = [("identity", "identity_src", "master_key", "master_key_src")]
MAX_BLOBS = 1000
_FINGERPRINT = re.compile("[0-9a-f]{64}")


def prove(options: dict) -> dict:
    """Opens every blob that the given secrets can open. Raises InputError; KeyRefused, with the same results, where the proof fails.

    It fails where no blob was opened, with `require: all` where one was not, and always where one holds another key.
    """
    expected = _expected(options["fingerprint"])
    blobs = [_blob(item, number) for number, item in enumerate(_checked(options["blobs"]))]
    opener = _Opener(options)
    rows = [_row(data, where, opener, expected) for data, where in blobs]
    proven = [row for row in rows if row["proven"]]
    results = {"proven": bool(proven), "fingerprint": expected, "blobs": rows}
    others = [row for row in rows if row["holds"] not in (None, expected)]
    failed = others or ([] if proven else rows) or ([row for row in rows if not row["proven"]] if options["require"] == "all" else [])
    if failed:
        raise _refusal(failed[0], others, {**results, "proven": False})
    return results


def _refusal(row: dict, others: list, results: dict) -> KeyRefused:
    error = KeyRefused(row["reason"], where=row["name"], way_out="Wrap the key again and store it anew: this escrow would not have helped" if others
                       else "Give the secret of one of its recipients")
    error.results = results
    return error


def _expected(text: str) -> str:
    bare = text.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(bare):
        raise InputError("is no whole fingerprint", where="fingerprint", way_out="Give the fingerprint of the encryption key, 32 pairs")
    return bytes.fromhex(bare).hex(":")


def _checked(blobs: list) -> list:
    if not 0 < len(blobs) <= MAX_BLOBS:
        raise InputError(f"are {len(blobs)}, not 1 to {MAX_BLOBS}", where="blobs", way_out="Give the blobs that the escrow made, or their files")
    return blobs


def _blob(item: dict, number: int) -> tuple:
    """(bytes, name for messages)."""
    place = f"blobs[{number}]"
    texts = {name: item.get(name) for name in ("blob", "path")}
    if sum(isinstance(text, str) for text in texts.values()) != 1:
        raise InputError("has neither a blob nor a path, or both", where=place,
                         way_out="Give blob, as the escrow returned it, or path, a file on the controller")
    if texts["path"] is not None:
        texts["path"] = os.path.expanduser(texts["path"])
    data, where = content(texts, "blob", "path")
    return data, where if texts["path"] is not None else str(item.get("name") or place)


class _Opener:
    """What opens blobs: the identities of age, each by itself so that it is known which one did, and the master key."""

    def __init__(self, options: dict) -> None:
        identity, where = content(options, "identity", "identity_src")
        self._identities = [] if identity is None else age.identities(identity, where)
        self._master = None
        if options["master_key"] is not None or options["master_key_src"] is not None:
            self._master = master_private(options)
        elif options["master_passphrase"] is not None:
            raise InputError("there is no master key that it could open", where="master_passphrase", way_out="Give master_key or master_key_src")

    def open(self, kind: str, data: bytes, where: str) -> tuple:
        """(key file, recipient that opened it). Raises KeyRefused."""
        if kind == escrow.MASTER_KEY:
            if self._master is None:
                raise KeyRefused("is wrapped for a master key, and none is given", where=where, way_out="Give master_key")
            return escrow.open_master(data, self._master, where), escrow.recipient_of(self._master)
        if not self._identities:
            raise KeyRefused("is wrapped by age, and no identity is given", where=where, way_out="Give identity")
        refusal = None
        for identity in self._identities:
            try:
                return escrow.checked(age.decrypt(data, identity, where), where), age.recipient_of(identity)
            except KeyRefused as error:
                refusal = refusal or error
        raise refusal


def _row(data: bytes, where: str, opener: _Opener, expected: str) -> dict:
    """What came of one blob. holds: the fingerprint of the key in it, None where it was not opened."""
    row = {"name": where, "kind": None, "proven": False, "recipient": None, "holds": None, "reason": None}
    try:
        row["kind"] = escrow.kind_of(data, where)
        config, row["recipient"] = opener.open(row["kind"], data, where)
    except FileRefused as error:        # any other error, such as a missing program, says nothing of the blob
        return {**row, "reason": error.fact}
    row["holds"] = config.fingerprint
    if config.fingerprint != expected:
        return {**row, "reason": f"holds the key {config.fingerprint}, not {expected}"}
    return {**row, "proven": True}
