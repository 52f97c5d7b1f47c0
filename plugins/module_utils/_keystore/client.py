# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files outside the store: the client's own, and the copies that Proxmox VE and Mail Gateway keep."""

from __future__ import annotations

import contextlib
import os
import stat
from datetime import datetime
from typing import NamedTuple

from .._core.errors import FileRefused, HostError
from .._core.files import MAX_BYTES, read
from .._core.replace import Piece, replace_all, temporary
from .._keys import client_answers, escrow, key_config, master, paper
from .._keys.client_keys import CREATE, NONE, Decision, Wish, decide
from .._keys.client_places import Place, storages, to_tell
from .._keys.given import Given, given_key
from . import wrapping
from .holding import held


class Found(NamedTuple):
    """A key file as it is. config, raw None: there is none. mode: its permission bits."""

    config: key_config.KeyConfig | None = None
    raw: bytes | None = None
    mode: int | None = None
    uid: int = -1
    gid: int = -1

    def __repr__(self) -> str:
        return f"Found(config={self.config!r}, mode={self.mode!r})"


class Outcome(NamedTuple):
    """What was done, or would be in check mode. after: None for a key that is not made yet. key: None where it was not opened."""

    action: str
    before: Found
    after: key_config.KeyConfig | None
    key: bytes | None
    records: list

    def __repr__(self) -> str:
        return f"Outcome(action={self.action!r}, after={self.after!r})"


def home() -> str:
    """The folder of the user who runs this."""
    return os.path.expanduser("~")


def look(path: str) -> Found:
    """The key file at a path. Raises FileRefused where there is something else."""
    try:
        raw = read(path)
        status = os.stat(path)
    except FileNotFoundError:
        return Found()
    return Found(key_config.parse(raw, path), raw, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


def given_of(options: dict, now: datetime) -> Given | None:
    """The key to be imported: a key file or bare key, the text of a paper key, or one wrapped for a master key. Raises FileRefused, KeyRefused, InputError."""
    passphrase = options["key_passphrase"]
    passphrase = None if passphrase is None else passphrase.encode("utf-8", "surrogatepass")
    data, where = content(options, "key", "key_src")
    if data is not None:
        return given_key(paper.unframed(data), where, passphrase, now)
    blob, where = content(options, "encrypted_key", "encrypted_key_src")
    if blob is None:
        return None
    config = escrow.open_master(blob, master_private(options), where)
    return Given(config, config.fingerprint, where)


def master_private(options: dict):
    """The master key's private part that the options name. Raises FileRefused, KeyRefused."""
    pem, where = content(options, "master_key", "master_key_src")
    passphrase = options["master_passphrase"]
    return master.read_private(pem, None if passphrase is None else passphrase.encode("utf-8", "surrogatepass"), where)


def content(options: dict, text: str, source: str) -> tuple:
    """(bytes of one of the two options, its place for messages); None where neither is given. Raises FileRefused."""
    if options[text] is not None:
        return options[text].encode("utf-8", "surrogatepass"), text
    if options[source] is None:
        return None, text
    try:
        return read(options[source], MAX_BYTES), options[source]
    except FileNotFoundError as error:
        raise FileRefused("there is no such file", where=options[source], way_out=f"Correct {source}") from error


def keep(wish: Wish, given: Given | None, place: Place, tools: tuple, check: bool, recipients: dict | None = None) -> Outcome:
    """Brings the key file into the state that is asked for. tools: the time, and chance as `random(n) -> bytes`.

    Raises InputError, KeyRefused, FileRefused, HostError with nothing written.
    """
    wrapping.check(recipients)
    declared(place)
    place = place._replace(key_path=os.path.realpath(place.key_path))
    if check or place.product == "pve":
        # A lock of the cluster is a write to all its nodes: not where nothing is to be done.
        outcome = _keep(wish, given, place, tools, recipients, foresee=True)
        if check or (outcome.action == NONE and not os.path.lexists(temporary(place.key_path))):
            return outcome
    make_folder(place)
    with held(place):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary(place.key_path))        # of a run that was killed: it may hold a key
        return _keep(wish, given, place, tools, recipients, foresee=False)


def _keep(wish: Wish, given: Given | None, place: Place, tools: tuple, recipients: dict | None, foresee: bool) -> Outcome:
    before = look(place.key_path)
    mode = None if place.product == "pve" else before.mode      # pmxcfs computes its modes
    decision = decide(wish, before.config, mode, given, place.key_path, tools, foresee)
    if decision.config is None:
        return Outcome(CREATE, before, None, None, [])
    key = _opened(wish, decision, place.key_path) if wish.return_secret or recipients is not None else decision.key
    records = wrapping.wrapped(recipients, key, decision.config.created, tools[0])
    if decision.action != NONE and not foresee:
        same = before.raw is not None and decision.config is before.config
        data = before.raw if same else key_config.render(decision.config) + place.ending
        replace_all([Piece(place.key_path, data, before.uid, before.gid, 0o600)])
    return Outcome(decision.action, before, decision.config, key, records)


def _opened(wish: Wish, decision: Decision, where: str) -> bytes:
    if decision.key is not None:
        return decision.key
    return key_config.unwrap(decision.config, wish.passphrase, where)


def declared(place: Place) -> dict | None:
    """The properties of the storage that a product's copy is for; None for the client's own. Raises HostError where there is no such storage."""
    if place.config_path is None:
        return None
    try:
        found = storages(read(place.config_path).decode("utf-8", "replace")).get(place.storage)
    except FileNotFoundError:
        found = None
    if found is None:
        raise HostError(f"there is no storage {place.storage} of the type pbs", where=place.config_path,
                        way_out="Add it first: where the product adds a storage without a key, it deletes a key file of that name")
    return found


def make_folder(place: Place) -> None:
    """Makes the folder where it is a known one, as the product would. Raises HostError."""
    if place.product == "client":
        if place.known:
            os.makedirs(place.folder, 0o700, exist_ok=True)
    elif not os.path.isdir(place.folder):
        above = os.path.dirname(place.folder)
        if not os.path.isdir(above):
            raise HostError("there is no such folder", where=above, way_out="Run this on a host with the product; on Proxmox VE check that pve-cluster runs")
        os.mkdir(place.folder, 0o700)


def answer(outcome: Outcome, place: Place, secret: bool) -> dict:
    """What client_key returns; the key only where it was asked for."""
    changed, after = outcome.action != NONE, client_answers.described(outcome.after)
    configured = (declared(place) or {}).get("encryption-key")
    shown = secret and outcome.key is not None
    return {
        "changed": changed, "action": outcome.action, "path": place.key_path, **after, "configured": configured,
        "command": to_tell(place, "encryption-key", configured, after["fingerprint"]), "escrow": outcome.records,
        "key": client_answers.secret_of(outcome.key, outcome.after) if shown else None,
        "diff": client_answers.difference(place.key_path, outcome.before.config, outcome.before.mode, outcome.after, changed,
                                          None if place.product == "pve" else "0600"),
    }
