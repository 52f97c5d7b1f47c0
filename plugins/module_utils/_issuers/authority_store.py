# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of an authority.

| file | what it is |
| --- | --- |
| `authority.json` | its generations and what has become of them; what it does not name does not exist |
| `root-N.pem`, `root-N.key`, `intermediate-N.pem`, `intermediate-N.key`, `cross-N.pem` | a generation; keys are PKCS#8, encrypted |
| `issued.jsonl` | a line for each leaf that was signed or revoked; a last line without its end was never written |
| `crl.pem` | the revocation lists of all live generations; `*.crl` are the same in DER |
| `authority.removed` | a removal under way |
| `authority.lock` | held by whoever changes anything; never deleted |

All that changes it expects the lock to be held.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from .._core.errors import FileRefused, HostError
from .._core.files import read, refused
from .._core.replace import sync_folder
from .._lifecycle.state import make_folder, write_private
from .._x509 import crl, parse, pem
from .._x509.profiles import Issuer
from . import pending
from .authority_records import Authority, Generation, Index, dumped, index, index_text, loaded

# Some hundred thousand leaves.
_INDEX_LIMIT = 1 << 28
# Whatever else somebody has put there is left alone.
_OURS = re.compile(r"(?:(?:root|intermediate|cross)-[0-9]+\.(?:key|pem|crl)|crl\.pem|issued\.jsonl|authority\.json)(?:\.new)?|authority\.removed")
_BACKUP = "Restore the folder from its backup"


class Made(NamedTuple):
    """A certificate with its private key; key None for one that has none of its own."""

    certificate: object
    key: object


class Store:
    """The folder at a path, and the passphrase of its keys."""

    def __init__(self, path: str, passphrase: bytes | None) -> None:
        self.path, self._passphrase = path, passphrase
        self.lock_path = self.at("authority.lock")

    def __repr__(self) -> str:
        return f"Store({self.path!r})"      # without the passphrase

    def at(self, name: str) -> str:
        """The path of a file in it."""
        return os.path.join(self.path, name)

    def prepare(self) -> None:
        """Makes the folder, 0700. Raises HostError where others may look into it."""
        make_folder(self.path)
        if os.stat(self.path).st_mode & 0o077:
            raise HostError("can be read by other users", where=self.path, way_out=f"Run `chmod 0700 {self.path}`")

    def _has(self, name: str) -> bool:
        return os.path.exists(self.at(name))

    def load(self) -> Authority | None:
        """The authority, None where there is none. Raises FileRefused where its state is lost, or the keys are kept otherwise than the caller says."""
        try:
            authority = loaded(read(self.at("authority.json"), _INDEX_LIMIT), self.at("authority.json"))
        except FileNotFoundError as error:
            if not self._has("authority.removed") and self._has("crl.pem"):
                raise FileRefused("the state of the authority is missing, its other files are there", where=self.at("authority.json"),
                                  way_out=f"{_BACKUP}, or remove all that is left of it") from error
            return None
        if authority.encrypted != (self._passphrase is not None):
            raise FileRefused(f"its keys are {'' if authority.encrypted else 'not '}encrypted", where=self.path,
                              way_out="Give their passphrase" if authority.encrypted else "Leave passphrase out, and set unencrypted")
        return authority

    def save(self, authority: Authority) -> None:
        """Replaces the state, atomically and durably."""
        write_private(self.at("authority.json"), dumped(authority))
        sync_folder(self.path)

    def begin(self) -> None:
        """An empty index, before there is an authority."""
        write_private(self.at("issued.jsonl"), b"")

    # Certificates and keys.

    def put(self, number: int, made: dict) -> None:
        """Writes a generation, kind -> Made. It does not exist before `save` names it."""
        for kind, one in made.items():
            if one.key is not None:
                write_private(self.at(f"{kind}-{number}.key"), pending.sealed(one.key, self._passphrase))
            write_private(self.at(f"{kind}-{number}.pem"), one.certificate.public_bytes(parse.serialization.Encoding.PEM))
        sync_folder(self.path)

    def certificate(self, generation: Generation, kind: str):
        """A certificate of a generation. Raises FileRefused for any other than the state says."""
        path = self.at(f"{kind}-{generation.number}.pem")
        try:
            one = parse.leaf(read(path), path)
        except FileNotFoundError as error:
            raise FileRefused("is missing", where=path, way_out=_BACKUP) from error
        if pem.fingerprint(pem.to_der(one)) != getattr(generation, kind):
            raise FileRefused("is another certificate than the authority has made", where=path, way_out=_BACKUP)
        return one

    def issuer(self, generation: Generation, kind: str) -> Issuer:
        """A certificate of a generation with its key. Raises FileRefused, also where the passphrase does not open it."""
        certificate, path = self.certificate(generation, kind), self.at(f"{kind}-{generation.number}.key")
        try:
            key = pending.opened(read(path), path, self._passphrase)
        except FileNotFoundError as error:
            raise FileRefused("is missing", where=path, way_out=_BACKUP) from error
        if not parse.pair_matches(certificate, key):
            raise FileRefused("does not belong to its certificate", where=path, way_out=_BACKUP)
        return Issuer(certificate, key)

    # What was issued.

    def index(self) -> Index:
        """What was signed and revoked. Raises FileRefused."""
        path = self.at("issued.jsonl")
        try:
            return index(read(path, _INDEX_LIMIT), path)
        except FileNotFoundError as error:
            raise FileRefused("is missing: nobody knows any more what was signed", where=path, way_out=_BACKUP) from error

    def append(self, known: Index, lines: bytes) -> None:
        """Adds whole lines to the index, durably, in place of what a killed run has left behind the last one. Raises HostError."""
        path = self.at("issued.jsonl")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.ftruncate(descriptor, known.whole)
                os.lseek(descriptor, known.whole, os.SEEK_SET)
                while lines:
                    lines = lines[os.write(descriptor, lines):]
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise refused(error, path) from error

    def compact(self, issued) -> None:
        """Replaces the index by these leaves alone."""
        write_private(self.at("issued.jsonl"), index_text(issued))

    # Revocation lists.

    def crls(self) -> list:
        """The revocation lists there are; none where they cannot be read: they are made anew."""
        try:
            return crl.read(read(self.at("crl.pem"), _INDEX_LIMIT), self.at("crl.pem"))
        except (FileNotFoundError, FileRefused):
            return []

    def put_crls(self, texts: dict) -> None:
        """Replaces all revocation lists. texts: name of the DER file -> PEM."""
        for name, text in texts.items():
            write_private(self.at(name), crl.der(text))
        write_private(self.at("crl.pem"), b"".join(texts.values()))

    # What goes.

    def _ours(self) -> list:
        try:
            return sorted(name for name in os.listdir(self.path) if _OURS.fullmatch(name))
        except FileNotFoundError:
            return []

    def sweep(self, authority: Authority) -> None:
        """Removes the files of generations that are dropped, and what a killed run has left unfinished."""
        gone = {str(one.number) for one in authority.generations if one.dropped}
        for name in self._ours():
            number = re.match(r"[a-z]+-([0-9]+)\.", name)
            if name.endswith(".new") or (number and number.group(1) in gone):
                os.unlink(self.at(name))

    def leftovers(self) -> bool:
        """Whether there is anything of an authority, be it half removed or half made."""
        return bool(self._ours())

    def end_removal(self) -> bool:
        """Ends a removal that was killed; whether there was one."""
        there = self._has("authority.removed")
        if there:
            self.remove()
        return there

    def remove(self) -> None:
        """Removes the authority; killed at any instant, it is there or on its way out."""
        if self._has("authority.json"):
            os.rename(self.at("authority.json"), self.at("authority.removed"))
            sync_folder(self.path)
        # Last what says that it is to go.
        for name in sorted(self._ours(), key="authority.removed".__eq__):
            os.unlink(self.at(name))
