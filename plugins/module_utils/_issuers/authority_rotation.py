# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of an authority's root with overlap, a step at a time (docs/authority.md). Pure.

| phase of a generation | what is so | what the next one waits for |
| --- | --- | --- |
| made | its root and intermediate exist; the generation before signs | everybody trusts the new root |
| trusted | the caller has said so | nothing |
| signing | new leaves are signed by it; the generation before still exists | the last leaf of the generation before is over or revoked |
| finished | it is the only one; the keys of the one before are gone | |
| withdrawn | given up before it signed anything | |

What an earlier call has reached already is no error, so that a play may be run again at any point; what would jump over a phase is one.
"""

from __future__ import annotations

from typing import NamedTuple

from .._core.durations import plural
from .._core.errors import InputError
from .authority_records import Authority, Generation

ORDER = ("absent", "made", "trusted", "signing", "finished")
PHASES = (*ORDER[1:], "withdrawn")
_SHOWN = 5


class Asked(NamedTuple):
    """What the caller wants. hosts: who has to trust the root, None to leave that as it is; confirmed: who does by now; trusted: everybody does."""

    generation: int | None = None
    phase: str = "made"
    trusted: bool = False
    hosts: tuple | None = None
    confirmed: tuple = ()


class Step(NamedTuple):
    """What is to be done: the authority as it will be, without what is still to be made; the number of a generation to be made; those that go."""

    authority: Authority
    makes: int | None = None
    drops: tuple = ()
    message: str = ""


def phase(authority: Authority, number: int) -> str:
    """The phase of a generation: one of ORDER, `withdrawn`, or `dropped` for what was in force once."""
    one = authority.generation(number)
    if one is None:
        return "absent"
    if one.dropped:
        return "dropped" if one.signing else "withdrawn"
    if not one.signing:
        return "trusted" if one.trusted else "made"
    return "signing" if any(other.number < number for other in authority.live) else "finished"


def decide(authority: Authority, asked: Asked, leaves: dict, moment: str) -> Step:
    """The step that brings the asked generation into the asked phase. leaves: number -> its leaves that still live.

    Raises InputError, saying what is missing.
    """
    if asked.generation is None:
        if asked != Asked():
            raise InputError("a rotation is asked for, but not to which generation", where="generation",
                             way_out=f"Give {authority.live[-1].number}, which is there, or {_next(authority)}, to begin a new one")
        return Step(authority)
    current = phase(authority, asked.generation)
    if current == "dropped" or "withdrawn" in (current, asked.phase):
        return _withdrawn(authority, asked, current, moment)
    authority = authority.with_generation(confirmed(authority.generation(asked.generation), asked)) if current == "made" else authority
    if ORDER.index(asked.phase) <= ORDER.index(current):
        return Step(authority)
    if ORDER.index(asked.phase) > ORDER.index(current) + 1:
        raise InputError(f"generation {asked.generation} is {current}, and {ORDER[ORDER.index(current) + 1]} comes before {asked.phase}", where="phase",
                         way_out=_way(authority, leaves))
    return _STEPS[asked.phase](authority, asked, leaves, moment)


def _next(authority: Authority) -> int:
    return authority.generations[-1].number + 1


def confirmed(one: Generation, asked: Asked) -> Generation:
    """The same with what the caller says of hosts."""
    hosts = one.hosts if asked.hosts is None else tuple(sorted(set(asked.hosts)))
    return one._replace(hosts=hosts, confirmed=tuple(sorted({*one.confirmed, *asked.confirmed})))


def _make(authority: Authority, asked: Asked, leaves: dict, moment: str) -> Step:
    newest = authority.live[-1]
    if phase(authority, newest.number) != "finished":
        raise InputError(f"the rotation to generation {newest.number} has not come to its end", where="generation", way_out=_way(authority, leaves))
    if asked.generation != _next(authority):
        raise InputError(f"{asked.generation} is not the next generation", where="generation", way_out=f"Give {_next(authority)} to begin one")
    return Step(authority, makes=asked.generation, message=f"generation {asked.generation} is made; generation {newest.number} goes on signing")


def _trust(authority: Authority, asked: Asked, leaves: dict, moment: str) -> Step:
    one = authority.generation(asked.generation)
    missing = [] if asked.trusted else _unconfirmed(one)
    if missing:
        raise InputError(f"the root of generation {one.number} is not trusted everywhere: {missing[0]}", where="phase",
                         way_out="Put it into their trust stores, then name them in trusted_by; or set trusted where that is known otherwise")
    return Step(authority.with_generation(one._replace(trusted=moment)), message=f"the root of generation {one.number} is trusted everywhere")


def _sign(authority: Authority, asked: Asked, leaves: dict, moment: str) -> Step:
    one = authority.generation(asked.generation)
    return Step(authority.with_generation(one._replace(signing=moment)), message=f"leaves are signed by generation {one.number} from now on")


def _finish(authority: Authority, asked: Asked, leaves: dict, moment: str) -> Step:
    missing = _still(authority, leaves)
    if missing:
        raise InputError(f"the generation before is still needed: {missing[0]}", where="phase", way_out="Wait for their renewal and their end, or revoke them")
    older = tuple(one for one in authority.live if one.number < asked.generation)
    for one in older:
        authority = authority.with_generation(one._replace(dropped=moment))
    return Step(authority, drops=tuple(one.number for one in older), message=f"generation {older[-1].number} is dropped, its keys are removed")


def _withdrawn(authority: Authority, asked: Asked, current: str, moment: str) -> Step:
    if asked.phase == current:
        return Step(authority)
    if asked.phase != "withdrawn" or current not in ("made", "trusted"):
        gone = current in ("dropped", "withdrawn")
        raise InputError(f"generation {asked.generation} is {current}, and cannot become {asked.phase}", where="phase",
                         way_out=f"Begin with generation {_next(authority)}" if gone else "Only what has not signed yet is withdrawn")
    one = authority.generation(asked.generation)._replace(dropped=moment)
    return Step(authority.with_generation(one), drops=(one.number,), message=f"generation {one.number} is withdrawn, its keys are removed")


_STEPS = {"made": _make, "trusted": _trust, "signing": _sign, "finished": _finish}


def _unconfirmed(one: Generation) -> list:
    missing = sorted(set(one.hosts) - set(one.confirmed))
    if missing:
        return [f"{', '.join(missing[:_SHOWN])}{f' and {len(missing) - _SHOWN} more' if len(missing) > _SHOWN else ''} did not confirm"]
    return [] if one.hosts else ["nobody is named who has to"]


def _still(authority: Authority, leaves: dict) -> list:
    newest = authority.live[-1].number
    return [f"{plural(len(leaves[one.number]), 'certificate')} of generation {one.number}, the last until {max(leaf.not_after for leaf in leaves[one.number])}"
            for one in authority.live if one.number < newest and leaves[one.number]]


class Standing(NamedTuple):
    """Where a rotation stands. next: the phase that comes next, of which generation; missing: what it waits for, in sentences."""

    generation: int
    phase: str
    next: str
    next_generation: int
    missing: list


def standing(authority: Authority, leaves: dict) -> Standing:
    """Where the newest generation stands, for the report."""
    one = authority.live[-1]
    current = phase(authority, one.number)
    if current == "finished":
        return Standing(one.number, current, "made", _next(authority), [])
    missing = {"made": lambda: _unconfirmed(one), "trusted": list, "signing": lambda: _still(authority, leaves)}[current]()
    return Standing(one.number, current, ORDER[ORDER.index(current) + 1], one.number, missing)


def _way(authority: Authority, leaves: dict) -> str:
    now = standing(authority, leaves)
    waits = f", which waits: {'; '.join(now.missing)}" if now.missing else ""
    return f"The next step is phase {now.next} of generation {now.next_generation}{waits}"
