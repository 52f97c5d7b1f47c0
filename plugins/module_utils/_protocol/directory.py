# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a CA: where its resources are, what it demands and offers (RFC 8555, 7.1.1; draft-ietf-acme-profiles). Pure."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from .._core.errors import InputError
from .._core.options import DIRECTORIES
from .errors import AnswerRefused
from .hostile import is_url, text, texts, url
from .messages import Answer, json_of
from .problems import expect

# What a CA cannot do without; its other resources are asked for when they are used.
_NEEDED = ("newNonce", "newAccount", "newOrder")


class Directory(NamedTuple):
    """url: its own. urls: resource -> URL. profiles: name -> what the CA says of it; None where it has none."""

    url: str
    urls: dict
    terms_of_service: str | None
    website: str | None
    caa_identities: tuple
    external_account_required: bool
    profiles: dict | None

    def to(self, resource: str) -> str:
        """The URL of a resource. Raises AnswerRefused where the CA does not offer it."""
        if resource not in self.urls:
            raise AnswerRefused(f"the CA offers no {resource}", where=self.url, way_out="Do without, or use another CA")
        return self.urls[resource]

    def facts(self) -> dict:
        """As modules return it."""
        return {**self._asdict(), "caa_identities": list(self.caa_identities)}


def directory_url(given: str) -> str:
    """The URL of a directory, given as such or as one of DIRECTORIES. Raises InputError."""
    found = DIRECTORIES.get(given, given)
    if not is_url(found):
        raise InputError(f"{given!r} is no https URL", where="directory", way_out=f"Give the URL of an ACME directory, or {' or '.join(sorted(DIRECTORIES))}")
    return found


def directory_of(answer: Answer, now: datetime) -> Directory:
    """The directory of an answer. Raises Refused, AnswerRefused."""
    found = json_of(expect(answer, now, 200))
    urls = {text(name, 50): value for name, value in found.items() if is_url(value)}
    for name in _NEEDED:
        url(found.get(name), name, answer.url)
    meta = found.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    profiles = meta.get("profiles")
    offered = {text(name, 100): text(said) for name, said in list(profiles.items())[:100]} if isinstance(profiles, dict) else None
    return Directory(answer.url, urls, text(meta.get("termsOfService")) or None, text(meta.get("website")) or None, texts(meta.get("caaIdentities")),
                     meta.get("externalAccountRequired") is True, offered)
