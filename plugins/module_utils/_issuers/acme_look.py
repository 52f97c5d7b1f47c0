# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA says when it is only asked: its directory, an order, an authorization, when to renew a certificate."""

from __future__ import annotations

from .._core.errors import FileRefused, InputError
from .._core.files import read
from .._protocol import renewal_info
from .._protocol.hostile import cleaned, is_url
from .._protocol.messages import Ask, Request, json_of
from .._protocol.problems import expect
from .._x509.parse import leaf
from .acme_account import signer
from .acme_session import Session


def look(options: dict) -> dict:
    """The answer of acme_info. Raises InputError, FileRefused, IssuerError."""
    certificate = given_certificate(options)
    urls = {name: _url(options, name) for name in ("order_uri", "authorization_uri")}
    with Session(options) as session:
        who = signer(session, options) if any(urls.values()) else None
        found = {name: session.converse(_reading(url, who)) if url else None for name, url in urls.items()}
        renewal = None if certificate is None else session.converse(renewal_info.ask(session.directory, renewal_info.certificate_id(*certificate)))
        return {"directory": session.directory.facts(), "order": found["order_uri"], "authorization": found["authorization_uri"],
                "renewal": renewal.facts() if renewal else None, "problem": None, "retry_at": None}


def given_certificate(options: dict) -> tuple | None:
    """(certificate, where it is from) of the options path or content; None where neither is given. Raises FileRefused."""
    if options["content"] is not None:
        return leaf(options["content"].encode("utf-8", "surrogatepass"), "content"), "content"
    if options["path"] is None:
        return None
    try:
        return leaf(read(options["path"]), options["path"]), options["path"]
    except FileNotFoundError as error:
        raise FileRefused("there is no such file", where=options["path"], way_out="Correct path") from error


def _url(options: dict, name: str) -> str | None:
    if options[name] is not None and not is_url(options[name]):
        raise InputError("is no https URL", where=name, way_out="Give the URL as the CA or another client named it")
    return options[name]


def _reading(url: str, who) -> Ask:
    """POST-as-GET of an object (RFC 8555, 6.3): all that the CA says, also what no RFC knows, made harmless."""
    return Ask(Request(url, None, who), lambda answer, now: cleaned(json_of(expect(answer, now, 200))))
