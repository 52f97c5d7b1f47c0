# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""http-01 by files below the root of a web server that runs already (RFC 8555, 8.3).

Whoever writes below that root may not be trusted: no symbolic link there is followed, and each step goes on from the folder that was opened before.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat

from .._core.errors import FileRefused, HostError
from .._core.files import read, refused
from .._core.locks import locked
from .._lifecycle.state import State, folder_name, make_folder, write_private
from .._protocol.challenges import HTTP
from .proofs import sound

FOLDERS = (".well-known", "acme-challenge")
# Hosts that share a root hold no common lock: one may remove the folders while another is about to write there.
_TRIES = 20
_LIMIT = 4096
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Webroot:
    """settings: path. edge: state_path."""

    def __init__(self, settings: dict, edge) -> None:
        self._path, self._state_path = settings["path"], edge.state_path
        name = folder_name(self._path)
        self._lock = os.path.join(edge.state_path, "locks", f"webroot-{name}.lock")
        self._record = os.path.join(edge.state_path, "webroots", f"{name}.json")

    def present(self, proofs: list, aliases: dict | None = None) -> None:
        """Writes a file for each proof, with the folders above it. Raises InputError, HostError, LockBusy."""
        if not sound(proofs, HTTP):
            return
        State(self._state_path, listed=False).prepare()
        with locked(self._lock), self._refusals():
            for _try in range(_TRIES - 1):
                with contextlib.suppress(FileNotFoundError):
                    self._write_all(proofs)
                    return
            self._write_all(proofs)

    def _write_all(self, proofs: list) -> None:
        with self._folders(make=True) as folders:
            for proof in proofs:
                _write(folders[-1], proof.token, proof.content.encode("ascii"))

    def wait(self, proofs: list, aliases: dict | None = None, deadline: float = 0.0) -> None:
        """Nothing: what is presented is seen at once."""

    def clean_up(self, proofs: list, aliases: dict | None = None) -> None:
        """Removes the files that hold these proofs, and the folders that were made for them once they are empty. Raises HostError, LockBusy."""
        if not os.path.isdir(os.path.dirname(self._lock)):
            return
        with locked(self._lock), self._refusals(), self._folders(make=False) as folders:
            if len(folders) > len(FOLDERS):
                for proof in sound(proofs, HTTP):
                    _remove(folders[-1], proof.token, proof.content.encode("ascii"))
            self._clear(folders)

    @contextlib.contextmanager
    def _refusals(self):
        try:
            yield
        except OSError as error:
            where = os.path.join(self._path, *FOLDERS)
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise FileRefused("something on this path is a symbolic link, or no folder, and is not followed", where=where,
                                  way_out="Make it a real folder, or set the path of the solver to where it leads") from error
            if error.errno == errno.ENOENT:
                raise FileRefused("there is no such folder", where=self._path, way_out="Set the path of the solver to the root of the web server") from error
            raise refused(error, where) from error

    @contextlib.contextmanager
    def _folders(self, make: bool):
        """The descriptors of the root and of the folders below it: all of them, made where they are missing, or as deep as there are any."""
        folders: list = []
        try:
            with contextlib.suppress(*(() if make else (FileNotFoundError,))):
                # The root itself is the operator's word; a link there is followed.
                folders.append(os.open(self._path, _FOLDER))
                if make:
                    self._remember(folders[0])
                for name in FOLDERS:
                    if make:
                        _make(folders[-1], name)
                    folders.append(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folders[-1]))
            yield folders
        finally:
            for one in folders:
                os.close(one)

    def _remember(self, root: int) -> None:
        """Notes on disk which folders are about to be made: these are ours, to be removed again, whoever comes later."""
        missing = [name for depth, name in enumerate(FOLDERS, 1) if not _is_there(root, os.path.join(*FOLDERS[:depth]))]
        if missing:
            made = [name for name in FOLDERS if name in (*missing, *self._made())]
            make_folder(os.path.dirname(self._record))
            write_private(self._record, json.dumps({"path": self._path, "made": made}).encode() + b"\n")

    def _made(self) -> list:
        try:
            made = json.loads(read(self._record))["made"]
            return made if isinstance(made, list) else []
        except (FileNotFoundError, FileRefused, ValueError, KeyError, TypeError):
            return []   # then they stay, empty

    def _clear(self, folders: list) -> None:
        """Removes our folders, the deepest first, as far as they are empty."""
        made = self._made()
        for depth in range(len(folders) - 1, 0, -1):
            if FOLDERS[depth - 1] in made:
                try:
                    os.rmdir(FOLDERS[depth - 1], dir_fd=folders[depth - 1])
                except OSError:     # in use by another: its clean-up comes later
                    return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._record)


def _is_there(root: int, path: str) -> bool:
    try:
        os.stat(path, dir_fd=root, follow_symlinks=False)
        return True
    except FileNotFoundError:
        return False


def _make(parent: int, name: str) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return
    made = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)
    try:
        # The web server reads there, whatever the umask of this run.
        os.fchmod(made, 0o755)
    finally:
        os.close(made)


def _write(folder: int, token: str, content: bytes) -> None:
    """Puts the file in place whole: one that is half written nobody would know for ours."""
    fresh = _discarded(folder, token)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.fchmod(file, 0o644)
        if os.write(file, content) < len(content):
            raise HostError("the file system is full", where=token, way_out="Free space on it")
        os.rename(fresh, token, src_dir_fd=folder, dst_dir_fd=folder)
    except (OSError, HostError):
        _discarded(folder, token)
        raise
    finally:
        os.close(file)


def _discarded(folder: int, token: str) -> str:
    """The temporary name of a token's file, which is not there: of the token alone, that may be as long as a name."""
    name = f".{hashlib.sha256(token.encode()).hexdigest()}.evergreen"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
    return name


def _remove(folder: int, token: str, content: bytes) -> None:
    _discarded(folder, token)
    try:
        file = os.open(token, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):     # there is none, or one that we never make
            return
        raise
    try:
        ours = stat.S_ISREG(os.fstat(file).st_mode) and os.read(file, _LIMIT) == content
    finally:
        os.close(file)
    if ours:
        os.unlink(token, dir_fd=folder)
