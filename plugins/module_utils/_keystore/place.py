# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the store lies, whose its files are, and its locks: as Proxmox Backup Server has them (proxmox-formats 1.1, 1.2)."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import NamedTuple

from .._core.errors import HostError, InputError
from .._core.files import refused
from .._core.locks import locked
from .._core.replace import group_id, sync_folder, temporary, user_id
from .._keys.told import ownership

KEY_MODE = CONFIG_MODE = 0o640
FOLDER_MODE = 0o750
LOCK_MODE = 0o660
# Of a configuration: some 30,000 keys.
MAX_CONFIG = 8 << 20
# After so many seconds the product gives up too.
PATIENCE = 10.0
_TEMPORARY = ".evergreen"


class Owners(NamedTuple):
    """Numbers: of keys, configuration and folder uid:gid, of locks lock_uid:gid."""

    uid: int
    gid: int
    lock_uid: int


class Place(NamedTuple):
    """A store by the folder of its encryption-keys.cfg. owner, group, lock_owner: names or numbers as given."""

    store: str
    owner: str
    group: str
    lock_owner: str

    @property
    def config(self) -> str:
        return os.path.join(self.store, "encryption-keys.cfg")

    @property
    def folder(self) -> str:
        return os.path.join(self.store, "encryption-keys")

    @property
    def jobs(self) -> str:
        return os.path.join(self.store, "sync.cfg")

    @property
    def lock(self) -> str:
        return os.path.join(self.store, ".encryption-keys.lck")

    def key(self, id: str) -> str:
        """Where the product keeps the key of this id, which was checked before."""
        return os.path.join(self.folder, f"{id}.enc")

    def owners(self) -> Owners:
        """Raises InputError, with the option, for a user or group that the host does not have."""
        try:
            lock_uid = user_id(self.lock_owner, 0)
        except InputError as error:
            raise InputError(error.fact, where="lock_owner", way_out="Create the user first, or name another lock_owner") from error
        return Owners(user_id(self.owner, 0), group_id(self.group, 0), lock_uid)


def check_store(place: Place) -> None:
    """Raises HostError where there is no store to write to, before anything is written."""
    if not os.path.isdir(place.store):
        raise HostError("there is no such folder", where=place.store, way_out="Install Proxmox Backup Server, create the folder, or correct store_path")
    if os.path.islink(place.config):
        raise HostError("is a symbolic link: replaced, it would no longer lead to the file behind it", where=place.config, way_out="Put the file itself there")


@contextlib.contextmanager
def held(path: str, owners: Owners):
    """Holds a lock file of the product's for as long as the block takes; waits 10 seconds at most. Raises LockBusy, HostError.

    The file is never deleted: who waits for it would then hold another one than who comes next.
    """
    while not os.path.lexists(path):
        _bear(path, owners)
    with locked(path, PATIENCE):
        yield


def _bear(path: str, owners: Owners) -> None:
    """Makes the lock file with its final owner and mode from its first instant on: one that root has made for itself alone would
    shut out the product's own process, which runs as another user. A file that somebody else has made meanwhile stays.
    """
    fresh = temporary(f"{path}.{os.getpid()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            give(descriptor, owners.lock_uid, owners.gid, LOCK_MODE)
        finally:
            os.close(descriptor)
        # A link never takes the place of a file that is there. Whoever holds the lock by now may have swept the temporary file away.
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(fresh, path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise refused(error, path) from error


def give(descriptor: int, uid: int, gid: int, mode: int) -> None:
    """Owner, then mode: the other way round the first would take bits of the second away."""
    if (uid, gid) != (os.geteuid(), os.getegid()) or os.geteuid() == 0:
        os.fchown(descriptor, uid, gid)
    os.fchmod(descriptor, mode)


def ensure_folder(place: Place, owners: Owners) -> None:
    """The folder of the keys, made where it is missing. Raises HostError."""
    if not os.path.lexists(place.folder):
        _make_folder(place.folder, owners)
    check_folder(place, owners)


def check_folder(place: Place, owners: Owners) -> None:
    """Raises HostError where the folder's owner or mode is not the product's, which would refuse it too: it is never repaired."""
    try:
        status = os.stat(place.folder)
    except OSError as error:
        raise refused(error, place.folder) from error
    if not stat.S_ISDIR(status.st_mode):
        raise HostError("is no folder", where=place.folder, way_out="Move it away")
    there, wanted = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (owners.uid, owners.gid, FOLDER_MODE)
    if there != wanted:
        raise HostError(f"has owner, group and mode {ownership(there)}, not {ownership(wanted)}", where=place.folder,
                        way_out=f"Find out who changed it, then run `chown {place.owner}:{place.group}` and `chmod 0750` on it")


def _make_folder(path: str, owners: Owners) -> None:
    """Made under another name: killed between making and giving it away, a run would leave one that the product refuses for good."""
    fresh = temporary(path)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(fresh)
        os.mkdir(fresh, 0o700)
        descriptor = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            give(descriptor, owners.uid, owners.gid, FOLDER_MODE)
        finally:
            os.close(descriptor)
        os.rename(fresh, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.rmdir(fresh)
        raise refused(error, path) from error


def sweep(place: Place) -> None:
    """Takes away what killed runs left half-written: it may hold a key. Only while the configuration's lock is held, when nobody is writing."""
    for folder, begins in ((place.store, (".encryption-keys", "..encryption-keys")), (place.folder, (".",))):
        try:
            names = [name for name in os.listdir(folder) if name.endswith(_TEMPORARY) and name.startswith(begins)]
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)
