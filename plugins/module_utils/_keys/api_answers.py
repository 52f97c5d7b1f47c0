# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API of Proxmox Backup Server is asked about encryption keys, and what its answers say (proxmox-formats 2.4). Pure.

An answer is `{"data": …}`, a list has its `digest` beside it. A refusal is a status with a sentence as its body, which is no JSON.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urlencode

from .._core.errors import HostError, InputError, printable
from .key_config import KeyConfig, render
from .strict_json import load_object
from .sync_keys import Entry, text_of
from .uses import Use

KEYS = "/api2/json/config/encryption-keys"
AUDIT, MODIFY = "Sys.Audit", "Sys.Modify"
_ACL = "/system/encryption-keys"
_LONGEST = 300          # characters of a sentence of the server's
_TELLING = 8            # so many characters of a secret in a row are never shown
_DIGEST = re.compile("[0-9a-f]{64}")
_FIELDS = {"id": str, "kdf": str, "created": int, "modified": int, "fingerprint": str, "hint": str, "path": str, "archived-at": int}


class Unreachable(HostError):
    """The server cannot be asked; nothing was sent."""

    retry = True


class AnswerLost(HostError):
    """The request was sent and no whole answer came back: whether it was done, only the list tells."""

    retry = True


class ServerRefused(HostError):
    """The server says no."""


class AnswerRefused(HostError):
    """The server's answer is none that its API knows."""


class Request(NamedTuple):
    """One request. target: path and query; body: a form, None where there is none; secrets: what of it no message may show."""

    method: str
    target: str
    body: bytes | None = None
    secrets: tuple = ()

    def __repr__(self) -> str:
        return f"Request({self.method} {self.target})"


def listing() -> Request:
    """All keys that the token may see, archived ones too."""
    return Request("GET", f"{KEYS}?include-archived=true")


def creation(id: str, config: KeyConfig) -> Request:
    """Uploads a key. The server takes only keys without a kdf. Its answer holds the key again."""
    text = render(config).decode("utf-8")
    record = load_object(text.encode("utf-8"))
    return Request("POST", KEYS, urlencode({"id": id, "key": text}).encode("ascii"), (record["data"], quote(record["data"], safe=""), config.data.hex()))


def toggle(id: str, digest: str) -> Request:
    """Archives an active key, and makes an archived one active again: only the digest keeps it from doing the wrong one of both."""
    return Request("POST", f"{KEYS}/{quote(id, safe='')}", urlencode({"digest": digest}).encode("ascii"))


def deletion(id: str, digest: str) -> Request:
    """Deletes an archived key. Of a key that is not there, the server says that it is done."""
    return Request("DELETE", f"{KEYS}/{quote(id, safe='')}?{urlencode({'digest': digest})}")


def asked_privileges(id: str | None) -> Request:
    """What the token may do with a key; None: with the store."""
    return Request("GET", f"/api2/json/access/permissions?{urlencode({'path': acl_path(id)})}")


def acl_path(id: str | None) -> str:
    """The path of a key, or of the whole store (None), in the server's access control."""
    return _ACL if id is None else f"{_ACL}/{id}"


def asked_jobs() -> Request:
    """The sync jobs that the token may see. Without the parameter, only those that pull are listed."""
    return Request("GET", "/api2/json/config/sync?sync-direction=all")


def entries(body: bytes, where: str) -> tuple:
    """(entries, digest) of a listing, sorted by id: the server's order is another one each time. Raises AnswerRefused."""
    record = _record(body, where)
    try:
        digest, rows = record.get("digest"), _rows(record)
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise ValueError("it names no digest, without which nothing can be changed safely")
        found = sorted((_entry(row) for row in rows), key=lambda entry: entry.id)
        # The text itself is not needed: it is refused where an entry is one that the server would not have.
        text_of(found)
    except (ValueError, InputError) as error:
        raise _strange(str(error), where) from None
    return found, digest


def _entry(row) -> Entry:
    if not isinstance(row, dict):
        raise ValueError("an entry of its list is no object")
    for field, kind in _FIELDS.items():
        # True is an int to isinstance.
        if row.get(field) is not None and (not isinstance(row[field], kind) or isinstance(row[field], bool)):
            raise ValueError(f"{field} of an entry has the wrong type")
    if row.get("id") is None:
        raise ValueError("an entry of its list has no id")
    return Entry(*(row.get(field) for field in _FIELDS))


def jobs(body: bytes, where: str) -> list[Use]:
    """The keys that the sync jobs of a listing name. Raises AnswerRefused."""
    try:
        return [use for row in _rows(_record(body, where)) for use in _uses(row)]
    except ValueError as error:
        raise _strange(str(error), where) from None


def _uses(row) -> list[Use]:
    name = row.get("id") if isinstance(row, dict) else None
    if not isinstance(name, str):
        raise ValueError("a sync job of its list has no id")
    active, associated = row.get("active-encryption-key"), row.get("associated-key") or []
    named = [("active", active)] if active is not None else []
    named += [("associated", key) for key in (associated if isinstance(associated, list) else [associated])]
    return [Use("sync_job", _shown(name), role, key) for role, key in named if isinstance(key, str)]


def privileges(body: bytes, id: str | None, where: str, inherited: bool = False) -> frozenset:
    """The privileges on a key, or on the store (None). inherited: only those that hold for all below it, too. Raises AnswerRefused."""
    data = _record(body, where).get("data")
    found = data.get(acl_path(id), {}) if isinstance(data, dict) else None
    if not isinstance(found, dict):
        raise _strange("it has no map of privileges", where)
    return frozenset(name for name, below in found.items() if below or not inherited)


def _record(body: bytes, where: str) -> dict:
    try:
        return load_object(body)
    except ValueError as error:
        raise _strange(str(error), where) from None


def _rows(record: dict) -> list:
    if not isinstance(record.get("data"), list):
        raise ValueError("it has no list as its data")
    return record["data"]


def _strange(fact: str, where: str) -> AnswerRefused:
    return AnswerRefused(f"the answer is none of Proxmox Backup Server: {_shown(fact)}", where=where, way_out="Check api.host and api.port")


def refusal(status: int, body: bytes, where: str, secrets: tuple) -> HostError:
    """The error that a status other than 200 stands for. secrets: if the server repeats one, its sentence is not shown."""
    said = _sentence(body, secrets)
    if status == 401:
        return ServerRefused(f"the server does not take the token{said}", where=where,
                             way_out="Check api.token_id and api.token, and that neither token nor user is disabled or expired")
    if status == 403:
        return _forbidden(f"the token may not do this{said}", MODIFY, _ACL, where)
    if status == 404:
        return ServerRefused(f"the server has no such API{said}", where=where,
                             way_out="It takes Proxmox Backup Server 4.2 or newer; check api.host and api.port")
    if status >= 500:
        return AnswerLost(f"the server has failed (HTTP {status}){said}", where=where, way_out="Look at its log, and run again")
    if status >= 400:
        return ServerRefused(f"the server refuses it{said}", where=where, way_out="Settle what it names, then run again")
    return AnswerRefused(f"the answer has the status {status}", where=where, way_out="Check api.host and api.port")


def missing_privilege(name: str, id: str | None, where: str) -> ServerRefused:
    """The token lacks a privilege on a key, or on the store (None)."""
    what = "sees not all keys" if name == AUDIT else "may not change keys"
    return _forbidden(f"the token {what}: it has no {name} on {acl_path(id)}", name, acl_path(id), where)


def _forbidden(fact: str, name: str, path: str, where: str) -> ServerRefused:
    # The product has no other roles with these privileges, and nobody can add one.
    role = "Audit" if name == AUDIT else "Admin"
    return ServerRefused(fact, where=where, way_out=f"Give the token the role {role} on {path}, and its user as well: a token has no more than its user")


def _sentence(body: bytes, secrets: tuple) -> str:
    text = " ".join(body[:64 << 10].decode("utf-8", "replace").split())
    if any(secret[at:at + _TELLING] in text for secret in secrets for at in range(max(len(secret) - _TELLING + 1, 1))):
        return ", in words that repeat a secret and are not shown"
    return f": {_shown(text).rstrip('.')}" if text else ""


def _shown(text: str) -> str:
    """Text from outside for people: on one line, without control characters, cut where it is too long."""
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST - 1]}…")
