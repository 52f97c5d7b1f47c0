# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many pairs put in place in one call: one that fails stops no other."""

from __future__ import annotations

import os
from datetime import datetime
from typing import NamedTuple

from .._core.errors import EvergreenError, InputError, chain
from .._core.files import refused
from .._lifecycle.declaration import complete
from .._lifecycle.results import brief_installation, installation
from .external import leaf_fingerprint, put


class Outcome(NamedTuple):
    """What became of all pairs. rows: an answer each, in their order; warnings: of all; failures: a sentence each."""

    rows: list
    warnings: list
    failures: list


def put_all(pairs: list, fqdn: str, state, now: datetime, check_mode: bool) -> Outcome:
    """Puts each pair in place. Raises InputError, with nothing done, where two of them have the same file."""
    places = [_place(index, item) for index, item in enumerate(pairs)]
    _refuse_twice(pairs, places)
    done = Outcome([], [], [])
    for item, place in zip(pairs, places):
        try:
            row, warnings = _put(item, place, fqdn, state, now, check_mode)
            done.warnings.extend(warnings)
        except (EvergreenError, OSError) as error:
            row = _failed(item, place, error)
            done.failures.append(row["msg"])
        done.rows.append(row)
    return done


def worth_telling(outcome) -> tuple:
    """The warnings of an installation, once: what is in place unchanged was told when it came."""
    return outcome.warnings if outcome.changed else ()


def _place(index: int, item: dict) -> str:
    label = item.get("name") or item.get("path") or item.get("product")
    return f"pairs[{index}] ({label})"


def _refuse_twice(pairs: list, places: list) -> None:
    seen: dict = {}
    for item, place in zip(pairs, places):
        for key in ("path", "pkcs12_path", "truststore_path"):
            path = item.get(key) and os.path.realpath(item[key])
            if path and seen.setdefault(path, place) != place:
                raise InputError(f"{item[key]!r} is the file of {seen[path]} as well", where=f"{place}: {key}", way_out="Give each pair files of its own")


def _put(item: dict, place: str, fqdn: str, state, now: datetime, check_mode: bool) -> tuple:
    wanted = complete(item, fqdn, place)
    outcome = put({**item, "state": "present", "set_aside": False}, wanted, state, now, check_mode)
    # Facts of a hundred certificates that are what they were would be most of the answer.
    row = installation(outcome, wanted) if outcome.changed else brief_installation(outcome, wanted, leaf_fingerprint(outcome.after))
    return {**row, "failed": False, "msg": ""}, [f"{place}: {warning}" for warning in worth_telling(outcome)]


def _failed(item: dict, place: str, error) -> dict:
    told = error if isinstance(error, EvergreenError) else refused(error, str(error.filename or "host"))
    said = str(told) if str(told).startswith(place) else f"{place}: {told}"
    return {"changed": False, "failed": True, "msg": said, "error_chain": chain(error), "retry": told.retry, "path": item.get("path"),
            "name": item.get("name") or item.get("path") or item.get("product"), "key_path": item.get("key_path"), "activation_pending": False}
