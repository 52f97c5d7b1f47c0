# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxmox VE's cluster file system: how it is known, and what it does to its files (proxmox-formats 3.4).

Owners and modes are computed there: only what a file has already can be asked for, and without quorum nothing can be written.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import NamedTuple

from .errors import HostError

_MARK = ".members"


class Shape(NamedTuple):
    """What every file of a folder there has."""

    uid: int
    gid: int
    mode: int


def holds(path: str) -> bool:
    """Whether a path, links resolved, lies in a cluster file system."""
    folder, status = _existing(path)
    device = status.st_dev
    # Disks have a major number; asking them for the mark would cost each installation some calls more.
    if os.major(device):
        return False
    while folder != "/" and os.stat(os.path.dirname(folder)).st_dev == device:
        folder = os.path.dirname(folder)
    return os.path.isfile(os.path.join(folder, _MARK))


def shape(path: str) -> Shape:
    """What a file at this path gets, whatever is asked for: the owners of its folder, and a mode that is closed to the group where the folder is."""
    _path, folder = _existing(path)
    return Shape(folder.st_uid, folder.st_gid, 0o640 if folder.st_mode & 0o070 else 0o600)


def is_read_only(path: str) -> bool:
    """Whether a path lies in a cluster file system that has lost its quorum: the bits for writing are gone."""
    return holds(path) and not _existing(path)[1].st_mode & 0o222


def is_below_its_place(path: str) -> bool:
    """Whether a path, links resolved, is one of those where Proxmox VE mounts it."""
    return path.startswith("/etc/pve/")


def refuse_unmounted(path: str) -> None:
    """Raises HostError for a path below the place of a file system that is not mounted: a folder made there would keep it from being mounted."""
    if is_below_its_place(path) and not holds(path):
        raise HostError("the cluster file system is not mounted", where=path, way_out="Start it (`systemctl start pve-cluster`); make no folder by hand")


def no_quorum(path: str) -> HostError:
    """The refusal of a cluster that cannot agree on a change."""
    return HostError("the cluster has no quorum, so that its file system is read-only", where=path,
                     way_out="Bring enough nodes back (`pvecm status` shows them), then run again; what is in service stays so")


def _existing(path: str) -> tuple:
    """The folder of a path, or the nearest one above it that is there, and its status."""
    folder = os.path.dirname(path) or "/"
    while True:
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(folder)
            if stat.S_ISDIR(status.st_mode) or folder == "/":
                return folder, status
        folder = os.path.dirname(folder) or "/"
