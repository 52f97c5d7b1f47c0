# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates by the product's own command line: `pvenode cert`, and `cert update` of Backup Server and Datacenter Manager (proxmox-formats 1.7, 3.2, 5.2).

What a command says of itself proves nothing: the fingerprint that the product shows before and after tells whether something has changed.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import datetime
from typing import NamedTuple

from .._core.durations import rfc3339
from .._core.errors import FileRefused, HostError, InputError, PairRefused, printable
from .._core.files import read
from .._x509 import parse, pem
from .._x509.keys import to_pem
from .._x509.products import PRODUCTS

PROGRAMS = {"pve": "pvenode", "pbs": "proxmox-backup-manager", "pdm": "proxmox-datacenter-manager-admin"}
_FINGERPRINT = r"(?:[0-9a-f]{2}:){31}[0-9a-f]{2}"
_SHOWN = re.compile(rf"^Fingerprint \(sha256\): ({_FINGERPRINT})\s*$", re.MULTILINE | re.IGNORECASE)
_GIVEN = ("content", "src", "key_content", "key_src")


class Done(NamedTuple):
    """What was done, or would be in check mode. before, after: fingerprints, None where there is no certificate, or none yet that is known."""

    changed: bool
    before: str | None
    after: str | None
    command: tuple = ()


class _Pair(NamedTuple):
    """PEM texts to be handed over, and the leaf's fingerprint. key: None for the one in place."""

    certificate: bytes
    key: bytes | None
    fingerprint: str


def ensure(options: dict, run, folder: str, now: datetime, check: bool) -> Done:
    """Brings the product's certificate into its state. Raises InputError, FileRefused, PairRefused, HostError.

    run(argv): (exit status, standard output, standard error), FileNotFoundError where there is no such program. folder: root's alone, for
    files that the command reads; they are removed.
    """
    product = options["product"]
    given = [key for key in _GIVEN if options[key] is not None]
    if product == "pve":
        if options["force"]:
            raise InputError("makes a new self-signed certificate, which Proxmox VE has none of", where="force", way_out="Leave it out")
        return _delete(options, run, check) if options["state"] == "absent" else _set(options, _pair(options, now), run, folder, check)
    if given or options["state"] == "absent":
        where = given[0] if given else "state"
        raise InputError(f"{PRODUCTS[product].label}'s command line makes self-signed certificates only", where=where,
                         way_out="Use cert_install for a pair from elsewhere")
    return _update(options, run, check)


def _pair(options: dict, now: datetime) -> _Pair:
    text, where = _given(options, "content", "src")
    if text is None:
        raise InputError("is missing", where="content", way_out="Give content or src")
    key_text, key_where = _given(options, "key_content", "key_src")
    if key_text is None and b"PRIVATE KEY-----" in text:
        key_text, key_where = text, where
    leaf = parse.leaf(text, where)
    own = key_text is not None
    key = parse.private_key(key_text if own else _in_place(), key_where if own else PRODUCTS["pve"].key_path)
    if not parse.pair_matches(leaf, key):
        raise PairRefused("the private key does not belong to the certificate", where=where, way_out="Give both of one issue; nothing was written")
    start, end = parse.dates(leaf)
    if not (options["allow_invalid_dates"] or start <= now <= end):
        raise PairRefused(f"the certificate is valid from {rfc3339(start)} to {rfc3339(end)} only", where=where,
                          way_out="Give a valid one, or set allow_invalid_dates; nothing was written")
    chain = [pem.from_der(der, where) for der in pem.certificate_ders(text)] or [leaf]
    encoded = b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in chain)
    return _Pair(encoded, to_pem(key) if own else None, pem.fingerprint(pem.to_der(leaf)))


def _given(options: dict, content: str, source: str) -> tuple:
    if options[content] is not None:
        return options[content].encode("utf-8", "surrogatepass"), content
    if options[source] is None:
        return None, content
    try:
        return read(options[source]), options[source]
    except FileNotFoundError as error:
        raise FileRefused("there is no such file on the host", where=options[source], way_out=f"Copy it there first, or correct {source}") from error


def _in_place() -> bytes:
    path = PRODUCTS["pve"].key_path
    try:
        return read(path)
    except FileNotFoundError as error:
        raise PairRefused("no private key is given, and there is none in place", where=path, way_out="Give key_content or key_src") from error


def _set(options: dict, pair: _Pair, run, folder: str, check: bool) -> Done:
    before = _of_node(run)
    if before == pair.fingerprint:
        return Done(False, before, before)
    with tempfile.TemporaryDirectory(prefix="evergreen-", dir=folder) as place:
        names = [name for name, text in (("certificate.pem", pair.certificate), ("key.pem", pair.key)) if text is not None]
        command = ("pvenode", "cert", "set", *(os.path.join(place, name) for name in names), "--force", "1", "--restart", str(int(options["restart"])))
        if check:
            return Done(True, before, pair.fingerprint, command)
        for name, text in (("certificate.pem", pair.certificate), ("key.pem", pair.key)):
            if text is not None:
                _write(os.path.join(place, name), text)
        _called(run, command)
    return _settled(Done(True, before, _of_node(run), command), pair.fingerprint)


def _write(path: str, text: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(text)


def _delete(options: dict, run, check: bool) -> Done:
    if any(options[key] is not None for key in _GIVEN):
        raise InputError("is absent, but a certificate is given", where="state", way_out="Leave one of the two out")
    before = _of_node(run)
    command = ("pvenode", "cert", "delete", str(int(options["restart"])))
    if before is None:
        return Done(False, None, None)
    if check:
        return Done(True, before, None, command)
    _called(run, command)
    return _settled(Done(True, before, _of_node(run), command), None)


def _update(options: dict, run, check: bool) -> Done:
    program = PROGRAMS[options["product"]]
    before = _of_daemon(run, program, missing_is_fine=True)
    if before is not None and not options["force"]:
        return Done(False, before, before)
    command = (program, "cert", "update", *(("--force", "true") if options["force"] else ()))
    if check:
        return Done(True, before, None, command)
    _called(run, command)
    after = _of_daemon(run, program, missing_is_fine=False)
    if after == before:
        raise HostError("made no new certificate, though it was told to", where=program, way_out="Call it by hand and read what it says")
    return Done(True, before, after, command)


def _settled(done: Done, wanted: str | None) -> Done:
    if done.after != wanted:
        raise HostError(f"ended well, but the node shows {done.after or 'no certificate'} now", where=done.command[0], way_out="See what else changes it")
    return done


def _of_node(run) -> str | None:
    """The fingerprint of the node's pveproxy-ssl.pem, as pvenode shows it."""
    text = _called(run, ("pvenode", "cert", "info", "--output-format", "json"))
    try:
        shown = [entry["fingerprint"].lower() for entry in json.loads(text) if entry["filename"] == "pveproxy-ssl.pem"]
        if all(re.fullmatch(_FINGERPRINT, one) for one in shown):
            return shown[0] if shown else None
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise HostError("its list of certificates cannot be read", where="pvenode", way_out="Call `pvenode cert info --output-format json` and see")


def _of_daemon(run, program: str, missing_is_fine: bool) -> str | None:
    """The fingerprint in the text of `cert info`; a command that fails shows none."""
    status, text, said = _run(run, (program, "cert", "info"))
    match = _SHOWN.search(text)
    if status == 0 and match:
        return match.group(1).lower()
    if status != 0 and missing_is_fine and "No such file" in said:
        return None
    raise _failed(program, said or text)


def _called(run, command: tuple) -> str:
    status, text, said = _run(run, command)
    if status != 0:
        raise _failed(command[0], said or text)
    return text


def _run(run, command: tuple) -> tuple:
    try:
        return run(list(command))
    except FileNotFoundError as error:
        raise HostError("is not on this host", where=command[0], way_out="Run it on a host of the product") from error


def _failed(program: str, said: str) -> HostError:
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["nothing"]
    return HostError(f"failed and said: {printable(lines[-1])[:300]}", where=program, way_out="Call it by hand and read what it says")
