# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of sync jobs in sync.cfg (proxmox-formats 2.4): read, and changed line by line, so that all else stays byte for byte. Pure.

Only `sync: ID` sections are jobs. Their other properties, and sections of other types, are none of our business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core import section_config
from .._core.errors import FileRefused, InputError

TYPE, ACTIVE, ASSOCIATED = "sync", "active-encryption-key", "associated-key"
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._\-]{2,31}")


class Job(NamedTuple):
    """active: the id of the key that it encrypts with, or None. associated: those that it needs to read what it wrote before."""

    id: str
    active: str | None
    associated: tuple = ()


def jobs_of(text: str, where: str) -> list[Job]:
    """All sync jobs, in order. Raises FileRefused where the product would refuse the whole file."""
    return [_job(section, where) for section in section_config.parse(text, where) if section.type == TYPE]


def _job(section: section_config.Section, where: str) -> Job:
    active, associated = ([value for key, value in section.properties if key == name] for name in (ACTIVE, ASSOCIATED))
    wrong = [value for value in (*active, *associated) if not _ID.fullmatch(value)]
    if wrong or len(active) > 1:
        fact = f"names {wrong[0][:40]!r}, which is no id of a key" if wrong else f"has {ACTIVE} twice"
        raise FileRefused(f"section {section.id} {fact}: Proxmox Backup Server would refuse the whole file", where=where,
                          way_out="Correct the line, or restore the file; nothing has been touched")
    return Job(section.id, active[0] if active else None, tuple(associated))


def after(job: Job, key: str) -> Job:
    """The job once it encrypts with this key. What it could read it can read still: the key before joins the others, and none of them goes."""
    if job.active == key:
        return job
    before = () if job.active is None or job.active in job.associated else (job.active,)
    return Job(job.id, key, (*job.associated, *before))


def switched(text: str, ids: list, key: str, where: str) -> str:
    """The text with these jobs encrypting with the key; each line that says nothing of it as it was.

    What the product wrote comes out as the product would write it. Raises InputError for a job that is not there, FileRefused.
    """
    jobs = {job.id: job for job in jobs_of(text, where)}
    for id in ids:
        if id not in jobs:
            raise InputError(f"{where} has no sync job {id!r}", where="jobs", way_out="Correct the id, or make the job first")
    changed = {id: after(jobs[id], key) for id in ids if jobs[id].active != key}
    return _edited(text, changed) if changed else text


def _edited(text: str, changed: dict) -> str:
    """The text was parsed before, so a line is blank, the first of a section, or a property."""
    lines, properties, job, inside = [], [], None, False
    for line in text.split("\n"):
        if not line.strip():
            lines += [*_with(job, properties), line]
            properties, job, inside = [], None, False
        elif inside:
            properties.append(line)
        else:
            kind, colon, id = line.partition(":")
            job, inside = changed.get(id.strip()) if kind.strip() == TYPE else None, True
            lines.append(line)
    return "\n".join([*lines, *_with(job, properties)])


def _with(job: Job | None, lines: list) -> list:
    """The properties of a job with its keys as they are to be: in front of the first that comes later in the alphabet."""
    if job is None:
        return lines
    kept = [line for line in lines if line.split()[0] != ACTIVE]
    there = [line.split()[1] for line in kept if line.split()[0] == ASSOCIATED]
    for name, value in ((ACTIVE, job.active), *((ASSOCIATED, one) for one in job.associated[len(there):])):
        at = next((number for number, line in enumerate(kept) if line.split()[0] > name), len(kept))
        kept.insert(at, f"\t{name} {value}")
    return kept
