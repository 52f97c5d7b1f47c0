# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys as files: a pair made once, and its public part put where the client or a product looks for it."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from .._core.errors import FileRefused, HostError, InputError
from .._core.files import read
from .._core.replace import Piece, replace_all
from .._keys import master
from .._keys.client_places import PUBLIC_NAME, Place, place_of, to_tell
from .client import content, declared, make_folder
from .holding import folder_held, held

NONE, CREATE, COMPLETE, IMPORT, RESTRICT = ("none", "create", "complete", "import", "restrict")


class Outcome(NamedTuple):
    """What was done, or would be in check mode. before, after: the public part, None where there was none or is none yet. mode: of a private file."""

    action: str
    before: master.PublicKey | None
    after: master.PublicKey | None


def run(options: dict, home: str, check: bool) -> dict:
    """What master_key answers. home: the user's folder. Raises InputError, KeyRefused, FileRefused, HostError with nothing written."""
    private_path, public_path = options["private_path"], options["public_path"]
    passphrase = None if options["passphrase"] is None else options["passphrase"].encode("utf-8", "surrogatepass")
    if private_path is None:
        place = _public_place(options, home)
        outcome, public_path = put_public(options, place, check), place.public_path
        told = (declared(place) or {}).get("master-pubkey")
        command = to_tell(place, "master-pubkey", told, None)
    else:
        if options["product"] != "client":
            raise InputError("a pair is made for no product", where="product", way_out="Make the pair first, then put its public part in place by public_key")
        public_path = public_path or os.path.join(os.path.dirname(private_path), PUBLIC_NAME)
        outcome, command = make(private_path, public_path, passphrase, options["size"], check), []
    return {**_answer(outcome, public_path), "private_path": private_path, "command": command}


def _public_place(options: dict, home: str) -> Place:
    place = place_of({**options, "path": None}, home)
    if options["passphrase"] is not None:
        raise InputError("a public part has none", where="passphrase", way_out="Leave it out")
    if options["public_path"] is None:
        return place
    if options["product"] != "client":
        raise InputError("the product decides on it", where="public_path", way_out="Leave it out")
    if not os.path.isabs(options["public_path"]):
        raise InputError(f"{options['public_path']!r} is not an absolute path", where="public_path", way_out="Begin it with /")
    return place._replace(public_path=os.path.normpath(options["public_path"]), known=False)


def _answer(outcome: Outcome, public_path: str) -> dict:
    facts = dict.fromkeys(master.PublicKey._fields) if outcome.after is None else outcome.after._asdict()
    before = {} if outcome.before is None else outcome.before._asdict()
    changed = outcome.action != NONE
    return {"changed": changed, "action": outcome.action, "public_path": public_path, **facts,
            "diff": {"before_header": public_path, "after_header": public_path, "before": before, "after": facts if changed else before}}


def make(private_path: str, public_path: str, passphrase: bytes | None, size: int, check: bool, draw=master.new_key) -> Outcome:
    """A pair: the private part first, so that what a killed run left is completed by the next. Raises InputError, KeyRefused, FileRefused, HostError.

    The private part gets 0600; the client itself leaves it readable by all (proxmox-formats 2.5). draw(size) -> a new private key.
    """
    master.check_size(size, "size")
    master.check_passphrase(passphrase, "passphrase")
    for path, where in ((private_path, "private_path"), (public_path, "public_path")):
        if not os.path.isabs(path):
            raise InputError(f"{path!r} is not an absolute path", where=where, way_out="Begin it with /")
    if os.path.realpath(private_path) == os.path.realpath(public_path):
        raise InputError("is the same file as private_path", where="public_path", way_out="Give each a file of its own")
    if check:
        return _make(private_path, public_path, passphrase, None)
    with folder_held(os.path.dirname(private_path)):
        return _make(private_path, public_path, passphrase, lambda: draw(size))


def _make(private_path: str, public_path: str, passphrase: bytes, draw) -> Outcome:
    """draw: None in check mode."""
    pem, there = _peek(private_path), _peek(public_path)
    before = None if there is None else master.describe(master.read_public(there, public_path))
    if pem is None:
        if there is not None:
            raise HostError("is there without its private part", where=public_path,
                            way_out="If that one is kept elsewhere, all is well and this task done with; else move the public part away first")
        return Outcome(CREATE, None, None) if draw is None else _create(private_path, public_path, passphrase, draw())
    key = master.read_private(pem, passphrase, private_path)
    after = master.describe(key.public_key())
    if before is not None and before.fingerprint != after.fingerprint:
        raise FileRefused(f"is not the public part of {private_path}", where=public_path, way_out="Restore it, or remove it to have it made again")
    status = os.stat(private_path)
    pieces = [] if before is not None else [_piece(public_path, master.public_pem(key.public_key()), 0o644)]
    if stat.S_IMODE(status.st_mode) & 0o077:
        pieces.insert(0, Piece(private_path, pem, status.st_uid, status.st_gid, 0o600))
    if draw is not None:
        replace_all(pieces)
    return Outcome(COMPLETE if before is None else RESTRICT if pieces else NONE, before, after)


def _create(private_path: str, public_path: str, passphrase: bytes, key) -> Outcome:
    replace_all([_piece(private_path, master.private_pem(key, passphrase), 0o600), _piece(public_path, master.public_pem(key.public_key()), 0o644)])
    return Outcome(CREATE, None, master.describe(key.public_key()))


def put_public(options: dict, place: Place, check: bool) -> Outcome:
    """The given public part in its place. Another one there is replaced: keys wrapped from now on are for the new one. Raises FileRefused, HostError."""
    pem, where = content(options, "public_key", "public_key_src")
    public = master.read_public(pem, where)
    declared(place)
    path = os.path.realpath(place.public_path)
    before, after = public_at(path), master.describe(public)
    if before is not None and before.fingerprint == after.fingerprint:
        return Outcome(NONE, before, after)
    if not check:
        make_folder(place)
        with held(place) if place.known else folder_held(os.path.dirname(path)):
            replace_all([_piece(path, master.public_pem(public) + place.ending, 0o644 if place.product == "client" else 0o600)])
    return Outcome(IMPORT, before, after)


def public_at(path: str) -> master.PublicKey | None:
    """The public master key in a file; None where there is no file. Raises FileRefused."""
    pem = _peek(path)
    return None if pem is None else master.describe(master.read_public(pem, path))


def _peek(path: str) -> bytes | None:
    try:
        return read(path)
    except FileNotFoundError:
        return None


def _piece(path: str, data: bytes, mode: int) -> Piece:
    return Piece(path, data, -1, -1, mode)
