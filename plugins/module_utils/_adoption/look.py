# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of other clients a host has: certificates, accounts, what calls the clients by the clock."""

from __future__ import annotations

import os
from typing import NamedTuple

from .._core.errors import EvergreenError, FileRefused, PairRefused
from .._core.files import read
from .._lifecycle.guard import refuse_protected
from .._x509 import parse
from . import acmesh, certbot, dehydrated, lego, schedule, told
from .changes import Change
from .disk import Disk
from .words import PARKED, Lineage, refused

ROOMS = {"acmesh": acmesh, "certbot": certbot, "dehydrated": dehydrated, "lego": lego}


class Found(NamedTuple):
    """One certificate: as its client's files say, and as it is shown."""

    lineage: Lineage
    record: dict


class Refused(NamedTuple):
    """One that cannot be taken over, or with name None the client as a whole."""

    client: str
    name: str | None
    error: EvergreenError


def lineages(places: dict, client: str, commands: list, disk: Disk) -> list:
    """Found and Refused, of all folders of the client. places: the module's options, lists of paths."""
    results = []
    for home in places[f"{client}_paths"]:
        try:
            found = ROOMS[client].found(disk, home)
        except FileRefused as error:
            results.append(Refused(client, None, error))
            continue
        for name, conf in found:
            try:
                results.append(_looked_at(ROOMS[client].lineage(disk, home, name, conf, commands)))
            except EvergreenError as error:
                results.append(Refused(client, name, error))
    return results


def _looked_at(lineage: Lineage) -> Found:
    """With what the certificate itself says. Raises FileRefused, PairRefused: what does not belong together is not taken over."""
    certificate = parse.leaf(_read(lineage.path), lineage.path)
    key = parse.private_key(_read(lineage.key_path), lineage.key_path)
    if not parse.pair_matches(certificate, key):
        raise PairRefused(f"does not belong to the private key in {lineage.key_path}", where=lineage.path, way_out="Let the old client renew it once")
    try:
        names = parse.names_of(certificate)
    except ValueError:
        names = ()
    if not names:
        raise refused("names no host", lineage.path)
    refuse_protected(os.path.realpath(lineage.path))
    for path in lineage.beside:
        # Whatever is no certificate is nobody's to be replaced by one.
        if os.path.exists(path):
            parse.leaf(_read(path), path)
    return Found(lineage, told.record(lineage, names, parse.key_kind(certificate.public_key()), parse.dates(certificate)[1]))


def _read(path: str) -> bytes:
    try:
        return read(path)
    except FileNotFoundError:
        raise refused("there is no such file", path) from None


def scheduled(places: dict, client: str, disk: Disk, systemctl) -> tuple:
    """(Changes that end what calls the client by the clock, lists of words behind it). systemctl(words): (exit status, output)."""
    changes, lines = [], []
    for path in _files(places["cron_paths"], disk):
        calling = schedule.calling(_text(disk, path), client)
        changes += [Change("silence", path, lines=calling)] if calling else []
        lines += calling
    for path in _files(places["script_paths"], disk):
        # The scripts of cron's folders are run only under names without a dot.
        if "." not in os.path.basename(path) and schedule.calls(_text(disk, path), client):
            changes.append(Change("move", path, path + PARKED))
            lines += _text(disk, path).split("\n")
    for timer, starts in _timers(places["unit_paths"], client, disk):
        states = _states(timer, systemctl)
        changes += [Change("timer", timer, lines=states)] if states else []
        lines += starts
    return tuple(changes), [words for words in (schedule.words_behind(line, client) for line in lines) if words]


def _files(paths, disk: Disk) -> list:
    """Files, and those of folders; each once, whatever links lead there."""
    listed = [one for path in paths for one in ([f"{path}/{name}" for name in disk.names(path)] if os.path.isdir(path) else [path])]
    return list({os.path.realpath(path): path for path in reversed(listed) if disk.there(path) and not path.endswith(PARKED)}.values())[::-1]


def _text(disk: Disk, path: str) -> str:
    try:
        return disk.text(path) or ""
    except FileRefused:
        return ""     # a program, for example, calls nobody by a line


def _timers(folders, client: str, disk: Disk):
    """(timer, command lines of its service); the first folder that has a unit decides, as with systemd."""
    units: dict = {}
    for folder in folders:
        for name in disk.names(folder):
            units.setdefault(name, f"{folder}/{name}")
    for timer in sorted(name for name in units if name.endswith(".timer")):
        service = units.get(schedule.started_by(_text(disk, units[timer]), timer))
        starts = schedule.starting(_text(disk, service), client) if service else ()
        if starts:
            yield timer, starts


def _states(timer: str, systemctl) -> tuple:
    """Which of enabled and active it is."""
    try:
        enabled, active = (systemctl([word, timer])[1].strip() for word in ("is-enabled", "is-active"))
    except FileNotFoundError:
        return ()     # without systemd its units call nobody
    return (*(("enabled",) if enabled in ("enabled", "enabled-runtime") else ()), *(("active",) if active == "active" else ()))
