# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a pair and its place: files that are not ours to write, a cluster's file system, and locks of products."""

from __future__ import annotations

import contextlib
import os

from .._core import cluster_fs
from .._core.errors import HostError, InputError
from .._core.locks import locked
from .._core.replace import Piece, group_id, peek, user_id
from .._x509 import parse
from .._x509.products import CLUSTER_CA
from .._x509.services import LOCKS, is_protected


def piece_of_cluster(path: str, content: bytes, service, mode: int | None) -> Piece:
    """There, owner and mode are the file system's own. A stricter wish than it grants is refused, not forgotten."""
    given = cluster_fs.shape(path)
    asked = cluster_fs.Shape(user_id(service.owner, given.uid), group_id(service.group, given.gid), given.mode if mode is None else mode)
    if asked != given:
        raise InputError(f"the cluster file system gives the file the mode {given.mode:04o} and the owners {given.uid}:{given.gid} by itself", where=path,
                         way_out="Leave out owner, group, mode and key_mode, or give these")
    return Piece(path, content, -1, -1, -1)


def refuse_protected(path: str) -> None:
    """Raises HostError for a file, links resolved, that is Proxmox VE's own: the cluster's authority, the pair that it signs for each node (row 38).

    It is also raised where the place of the cluster's file system is empty.
    """
    if is_protected(path) and (cluster_fs.is_below_its_place(path) or cluster_fs.holds(path)):
        raise HostError("is Proxmox VE's own and never written, whatever is forced", where=path,
                        way_out="Install the pair at /etc/pve/local/pveproxy-ssl.pem and pveproxy-ssl.key, which pveproxy prefers")
    cluster_fs.refuse_unmounted(path)


def refuse(pieces: list) -> None:
    """Raises HostError where a file cannot or must not be replaced; nothing is written. What a cluster's authority signed is never replaced (row 38)."""
    for piece in pieces:
        if os.path.isdir(piece.path):
            raise HostError("is a folder", where=piece.path, way_out="Name a file")
        refuse_protected(piece.path)
        if cluster_fs.is_read_only(piece.path):
            raise cluster_fs.no_quorum(piece.path)
        if _is_of_cluster_ca(piece.path):
            raise HostError("was issued by the Proxmox VE cluster CA, which renews it by itself", where=piece.path,
                            way_out="Install the pair elsewhere; if this is only a copy, remove it first")


def _is_of_cluster_ca(path: str) -> bool:
    there = peek(path)
    try:
        return there is not None and CLUSTER_CA.fullmatch(parse.name_text(parse.leaf(there, path).issuer)) is not None
    except Exception:  # no certificate, or an issuer that cannot be read: nobody's own
        return False


@contextlib.contextmanager
def alone(pieces: list):
    """Holds what the products whose files these are hold while they change them (proxmox-formats 3.2, 5.1). Raises LockBusy after their 10 seconds."""
    with contextlib.ExitStack() as held:
        for path in sorted({lock for folder, lock in LOCKS.items() for piece in pieces if piece.path.startswith(folder)}):
            held.enter_context(locked(path, 10))
        yield
