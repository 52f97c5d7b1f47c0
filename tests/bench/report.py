# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/performance.md: one section a question, each replaced by the run that answered it last."""

from __future__ import annotations

import pathlib
import re

from common import Row, Size

HEAD = """<!--
Copyright (c) 2026 The evergreen.pki authors
SPDX-License-Identifier: GPL-3.0-or-later
-->
# Performance

Written by `make bench` (`python tests/bench/run.py`); each section says how to measure it again. What is promised is a ratio, never a time: the two
processes of a pair run one after the other on the same machine, every second pair the other way round, and the ratio is taken pair by pair. The table gives the
median, the least and the greatest of them. Seconds belong to that machine and that hour; *ping* is a run of `ansible.builtin.ping` in the same series, of the
same kind as the row (a whole play, or the payload alone). CPU is user and system time of the process and all its descendants. *At most* is the promise, the
figure after it what we would like to reach; rows without one are for information.

Say `pipelining = True` in your `ansible.cfg`, as all these runs do: without it a play over ssh takes almost twice the time.
"""
_COLUMNS = "| | against | of | ratio | least–greatest | pairs | against, s | ping, s | at most | promise |\n|---|---|---|---|---|---|---|---|---|---|\n"


def section(name: str, title: str, text: str, rows: list, about: str) -> str:
    """A section with its table; about: when, where and how it was measured."""
    ratios = "".join(map(_ratio, (row for row in rows if isinstance(row, Row))))
    sizes = "".join(map(_size, (row for row in rows if isinstance(row, Size))))
    table = (_COLUMNS + ratios if ratios else "") + ("\n" + sizes if sizes else "")
    return f"<!-- begin {name} -->\n## {title}\n\n{text}\n\n{table}\n{about}\n<!-- end {name} -->\n"


def write(path: pathlib.Path, sections: dict, order: list) -> None:
    """Replaces these sections of the page; the others stay as they were."""
    kept = _sections(path.read_text()) if path.exists() else {}
    everything = {**kept, **sections}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEAD, *(everything[name] for name in order if name in everything)]))


def verdict(value: float, limit, stretch) -> str:
    """met, missed, or met with the wish as well."""
    if limit is None:
        return ""
    if value > limit:
        return "**missed**"
    return "met, and the wish" if stretch is not None and value <= stretch else "met"


def line(row) -> str:
    """A row for the terminal."""
    if isinstance(row, Size):
        return f"{row.what}: {row.amount:.1f} {row.unit}, at most {row.limit}: {verdict(row.amount, row.limit, row.stretch)}"
    said = verdict(row.ratio, row.limit, row.stretch)
    promise = f", at most {row.limit}: {said}" if said else ""
    return f"{row.what}, {row.quantity}: {_number(row.ratio)} [{_number(row.low)}-{_number(row.high)}] of {row.against} ({row.base:.2f} s){promise}"


def _ratio(row: Row) -> str:
    quantity = "CPU" if row.quantity == "cpu" else "wall"
    limit = "" if row.limit is None else str(row.limit) if row.stretch is None else f"{row.limit} ({row.stretch})"
    return (f"| {row.what} | {row.against} | {quantity} | {_number(row.ratio)} | {_number(row.low)}–{_number(row.high)} | {row.pairs} | {row.base:.2f} "
            f"| {row.ping:.2f} | {limit} | {verdict(row.ratio, row.limit, row.stretch)} |\n")


def _size(row: Size) -> str:
    return f"Besides, {line(row)} (wished: {row.stretch}).\n"


def _number(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.3f}"


def _sections(text: str) -> dict:
    return {match.group(1): match.group(0) + "\n" for match in re.finditer(r"<!-- begin (\S+) -->.*?<!-- end \1 -->", text, re.DOTALL)}
