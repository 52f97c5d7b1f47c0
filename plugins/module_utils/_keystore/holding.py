# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks around key files outside the store: those of the products, and for the client, which knows none, one that leaves nothing behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

from .._core.errors import HostError, LockBusy
from .._core.files import refused
from .._core.locks import locked
from .._keys.client_places import PMG_FOLDER, Place

_PMG_LOCK = "/var/lock/pmgpbsconfig.lck"
_PVE_LOCK = "file-storage_cfg"
PATIENCE = 60.0             # seconds
_PVE_FORGETS = 110.0        # seconds; pmxcfs gives the lock to somebody else after 120


@contextlib.contextmanager
def held(place: Place):
    """The product's own lock around its copies; for a file of the client its folder's flock. Raises LockBusy, HostError."""
    if place.product == "pve":
        lock = _cluster_locked(os.path.join(os.path.dirname(place.folder), "lock"))
    elif place.product == "pmg":
        lock = locked(_PMG_LOCK if place.folder == PMG_FOLDER else os.path.join(place.folder, os.path.basename(_PMG_LOCK)), PATIENCE)
    else:
        lock = folder_held(place.folder)
    with lock:
        yield


@contextlib.contextmanager
def folder_held(folder: str):
    """Holds a folder's own flock, which leaves nothing behind. Raises LockBusy, HostError where there is no such folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refused(error, folder) from error
    try:
        _until(folder, lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _cluster_locked(locks: str):
    """The lock around storage.cfg: a folder that pmxcfs lets one node make, and forgets after two minutes (proxmox-formats 3.4)."""
    path = os.path.join(locks, _PVE_LOCK)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(locks)
        _until(path, lambda: _ask(path))
    except PermissionError as error:
        raise HostError("the cluster's file system is read only", where=path,
                        way_out="Look at `pvecm status`: without quorum nothing can be written") from error
    except OSError as error:
        raise refused(error, path) from error
    began = time.monotonic()
    try:
        yield
    finally:
        if time.monotonic() - began < _PVE_FORGETS:
            with contextlib.suppress(OSError):
                os.rmdir(path)


def _ask(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        with contextlib.suppress(OSError):
            os.utime(path, (0, 0))      # asks pmxcfs to let go of it if it is too old
        raise BlockingIOError from None


def _until(path: str, take) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            take()
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise LockBusy(f"another run has held the lock for over {PATIENCE:g} seconds", where=path, way_out="Wait for it to end, or end it") from error
            time.sleep(0.05)
