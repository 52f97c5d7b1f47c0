# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program of somebody else's says, without the secrets that it was given. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from .._core.errors import printable

HIDDEN = "***"
_LONGEST = 500
# Providers put tokens into paths and queries; the host alone says enough.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/?#'\"<>@]*@)?([^\s/?#'\"<>@]*)[^\s'\"<>]*")
_QUERY = re.compile(r"\?[^\s'\"<>?]*=[^\s'\"<>]*")
_STAMP = re.compile(r"^\[[^\]]{10,40}\] ")      # acme.sh's, in front of each line


def redacted(text: str, secrets: Iterable) -> str:
    """One printable line of the last words of a program, each secret hidden, also in base64 and as part of a URL."""
    lines = [_STAMP.sub("", line.strip()) for line in _without(text, secrets).splitlines()]
    told = "; ".join(line for line in lines[-200:] if line)
    return printable(told if len(told) <= _LONGEST else f"…{told[-_LONGEST:]}") or "it says nothing"


def _without(text: str, secrets: Iterable) -> str:
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a short secret may be part of a long one.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return _QUERY.sub("", _URL.sub(r"\1\2", text))


def _forms(secret: str) -> set:
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = {base64.b64encode(raw).decode("ascii"), base64.urlsafe_b64encode(raw).decode("ascii")}
    forms = {secret, secret.strip(), quote(secret, safe=""), quote_plus(secret), *encoded, *(one.rstrip("=") for one in encoded)}
    return {form for form in forms if len(form) > 3}
