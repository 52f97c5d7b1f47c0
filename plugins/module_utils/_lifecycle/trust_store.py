# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system's trust store: one file an anchor, and the program that makes the bundle of all of them.

Debian's and Red Hat's ways differ in places and programs only; all functions take the Family, and expect its lock to be held.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from typing import NamedTuple

from .._core.errors import FileRefused, HostError, InputError, printable
from .._core.files import MAX_BYTES, read, refused
from .._core.replace import Piece, peek, replace_all, sync_folder
from .._x509 import pem
from .._x509.anchor import Anchor

_SECONDS = 300


class Family(NamedTuple):
    """Where a family of systems keeps what it trusts. update: the program and its arguments; links: the folder with a link an anchor, and `configuration`,
    by which links are taken away, where the family has them.
    """

    name: str
    folder: str
    suffix: str
    bundle: str
    update: tuple
    links: str | None = None
    configuration: str | None = None


FAMILIES = (
    Family("debian", "/usr/local/share/ca-certificates", ".crt", "/etc/ssl/certs/ca-certificates.crt", ("update-ca-certificates",), "/etc/ssl/certs",
           "/etc/ca-certificates.conf"),
    Family("redhat", "/etc/pki/ca-trust/source/anchors", ".pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", ("update-ca-trust", "extract")),
)


class Found(NamedTuple):
    """What there is of an anchor. there: fingerprint of the certificate in its file, `?` where it is none, None where there is no file.

    readable: by everybody, as it must be; left: something leads to the file, be it there or not; trusted: fingerprints of all that the bundle holds.
    """

    path: str
    there: str | None
    text: bytes | None
    readable: bool
    left: bool
    trusted: frozenset


def family(wanted: str, families=FAMILIES) -> Family:
    """The family of this host, or the one that is named. Raises HostError where its program is not there."""
    known = [one for one in families if wanted in ("auto", one.name)]
    for one in known:
        if shutil.which(one.update[0]):
            return one
    raise HostError(f"{' or '.join(one.update[0] for one in known)} is not installed", where="host", way_out="Install the package ca-certificates")


def look(store: Family, name: str) -> Found:
    """What there is of the anchor of this name. Raises InputError where the name is that of a certificate which the distribution trusts by itself."""
    path = os.path.join(store.folder, f"{name}{store.suffix}")
    text = peek(path)
    there = (_fingerprints(text) or ["?"])[0] if text is not None or os.path.lexists(path) else None
    readable = text is not None and os.stat(path).st_mode & 0o444 == 0o444
    return Found(path, there, text, readable, _left(store, name, path), trusted(store))


def _left(store: Family, name: str, path: str) -> bool:
    if store.links is None:
        # A run that was killed after it took the file away has left a bundle that is older than the folder.
        return _changed(store.folder) > _changed(store.bundle)
    link = os.path.join(store.links, f"{name}.pem")
    ours = os.path.islink(link) and os.readlink(link) == path
    if os.path.lexists(link) and not ours:
        raise InputError(f"{name!r} is the name of a certificate that the system trusts by itself ({link})", where="name", way_out="Give another name")
    return ours


def _changed(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def trusted(store: Family) -> frozenset:
    """The fingerprints of all certificates in the system's bundle."""
    try:
        return frozenset(_fingerprints(read(store.bundle, 8 * MAX_BYTES)))
    except FileNotFoundError:
        return frozenset()


def _fingerprints(data: bytes | None) -> list:
    return [pem.fingerprint(der) for der in pem.certificate_ders(data or b"")]


def add(store: Family, found: Found, anchor: Anchor) -> None:
    """Puts the anchor's file in place and has the bundle made. Raises HostError; the next call then tries again."""
    try:
        os.makedirs(store.folder, mode=0o755, exist_ok=True)
    except OSError as error:
        raise refused(error, store.folder) from error
    replace_all([Piece(found.path, anchor.text, os.geteuid(), os.getegid(), 0o644)])
    _update(store.update)
    if anchor.fingerprint not in trusted(store):
        raise HostError("the system's bundle does not hold it, though it was made anew", where=store.bundle, way_out=f"Run `{' '.join(store.update)}` and look")


def remove(store: Family, found: Found) -> None:
    """Takes the anchor's file away, with its links, and has the bundle made. Raises HostError; the next call then tries again."""
    try:
        os.unlink(found.path)
        sync_folder(store.folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise refused(error, found.path) from error
    if store.configuration is None:
        _update(store.update)
        return
    # Told so, the program takes the link away, and tells its hooks (Java's store among them); it says nothing of a file that has just gone.
    with tempfile.NamedTemporaryFile("wb", prefix="evergreen-") as file:
        name = os.path.basename(found.path)
        file.write((peek(store.configuration) or b"").rstrip(b"\n") + f"\n!{name}\n".encode())
        file.flush()
        _update((*store.update, "--certsconf", file.name))


def _update(argv: tuple) -> None:
    try:
        subprocess.run(  # pylint: disable=ansible-bad-function  # a room has no module to run it
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C"})
    except subprocess.CalledProcessError as error:
        raise HostError(f"failed: {printable(error.stdout.decode('utf-8', 'replace').strip()[-300:])}", where=argv[0],
                        way_out="Run it by hand and look; the next run tries again") from error
    except subprocess.TimeoutExpired as error:
        raise HostError(f"did not end within {_SECONDS} seconds", where=argv[0], way_out="Run it by hand and look; the next run tries again") from error
    except OSError as error:
        raise refused(error, argv[0], FileRefused) from error
