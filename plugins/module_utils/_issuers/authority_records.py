# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an authority remembers, and its text: `authority.json` with its generations, `issued.jsonl` with a line for each deed. Pure."""

from __future__ import annotations

import json
from typing import NamedTuple

from .._core.errors import FileRefused
from .._x509.constraints import Constraints

FORMAT = 1
_LOST = "Restore the folder from its backup"


class Wish(NamedTuple):
    """What a generation is to be. subject: ((short name, value), …), its CN the name of the authority; lifetime: seconds."""

    subject: tuple
    key_type: str
    key_size: int | None
    lifetime: int
    permitted: tuple
    excluded: tuple
    crl_url: str | None

    @property
    def constraints(self) -> Constraints:
        return Constraints(self.permitted, self.excluded)


class Generation(NamedTuple):
    """A root with its intermediate. root, intermediate, cross: SHA-256 of the certificates; the rest: RFC 3339 when a step was done, None before.

    hosts: who has to trust the root before leaves are signed by it; confirmed: who does.
    """

    number: int
    wish: Wish
    root: str
    intermediate: str
    cross: str | None
    made: str
    not_after: str
    trusted: str | None = None
    signing: str | None = None
    dropped: str | None = None
    hosts: tuple = ()
    confirmed: tuple = ()


class Authority(NamedTuple):
    """generations: in the order of their numbers, the dropped ones among them; encrypted: whether the keys are."""

    generations: tuple
    encrypted: bool

    @property
    def live(self) -> tuple:
        """The generations that still exist."""
        return tuple(one for one in self.generations if one.dropped is None)

    @property
    def signer(self) -> Generation:
        """The generation that signs leaves."""
        return max((one for one in self.live if one.signing), key=lambda one: one.number)

    def generation(self, number: int) -> Generation | None:
        return next((one for one in self.generations if one.number == number), None)

    def with_generation(self, generation: Generation) -> Authority:
        """The same with this one added, or in place of the one with its number."""
        others = [one for one in self.generations if one.number != generation.number]
        return self._replace(generations=tuple(sorted([*others, generation])))


def dumped(authority: Authority) -> bytes:
    """The text of authority.json."""
    rows = [{**one._asdict(), "wish": one.wish._asdict()} for one in authority.generations]
    return json.dumps({"format": FORMAT, "encrypted": authority.encrypted, "generations": rows}, indent=1).encode() + b"\n"


def loaded(data: bytes, where: str) -> Authority:
    """The reverse of dumped. Raises FileRefused."""
    try:
        record = json.loads(data)
        if record["format"] != FORMAT:
            raise ValueError(record["format"])
        found = Authority(tuple(_generation(row) for row in record["generations"]), bool(record["encrypted"]))
        if not isinstance(found.signer.number, int):
            raise ValueError(found.signer.number)
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileRefused("the state of the authority cannot be read", where=where, way_out=_LOST) from error


def _generation(row: dict) -> Generation:
    wish = row["wish"]
    wish = Wish(**{**wish, "subject": tuple(map(tuple, wish["subject"])), "permitted": tuple(wish["permitted"]), "excluded": tuple(wish["excluded"])})
    return Generation(**{**row, "wish": wish, "hosts": tuple(row["hosts"]), "confirmed": tuple(row["confirmed"])})


class Issued(NamedTuple):
    """A leaf. request: SHA-256 of its CSR (DER), hexadecimal; lifetime: seconds that were asked for; times: RFC 3339; certificate: DER in base64."""

    serial: int
    generation: int
    request: str
    profile: str
    lifetime: int
    names: tuple
    not_before: str
    not_after: str
    certificate: str
    revoked: str | None = None
    reason: str | None = None


def issued_line(one: Issued) -> bytes:
    """The line of a leaf that was signed."""
    return json.dumps([f"{one.serial:x}", *one[1:9]]).encode() + b"\n"


def revoked_line(one: Issued) -> bytes:
    """The line of a leaf that was revoked."""
    return json.dumps([f"{one.serial:x}", one.revoked, one.reason]).encode() + b"\n"


class Index(NamedTuple):
    """issued: serial -> Issued; whole: bytes of the file that are whole lines: what a killed run has left behind them is as if never written."""

    issued: dict
    whole: int

    def live(self, generation: int, moment: str) -> list:
        """The leaves of a generation that are neither revoked nor over at this time (RFC 3339)."""
        return [one for one in self.issued.values() if one.generation == generation and one.revoked is None and one.not_after > moment]

    def revoked(self, generation: int) -> list:
        return [one for one in self.issued.values() if one.generation == generation and one.revoked is not None]


def index(data: bytes, where: str) -> Index:
    """The index of the lines of a file. Raises FileRefused for a line that is none of ours."""
    whole, issued = data.rfind(b"\n") + 1, {}
    for number, line in enumerate(data[:whole].splitlines(), 1):
        try:
            row = json.loads(line)
            serial = int(row[0], 16)
            issued[serial] = issued[serial]._replace(revoked=row[1], reason=row[2]) if len(row) == 3 else Issued(serial, *row[1:5], tuple(row[5]), *row[6:])
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise FileRefused(f"line {number} cannot be read", where=where, way_out=_LOST) from error
    return Index(issued, whole)


def index_text(issued) -> bytes:
    """The text of the whole index."""
    return b"".join(issued_line(one) + (revoked_line(one) if one.revoked else b"") for one in issued)
