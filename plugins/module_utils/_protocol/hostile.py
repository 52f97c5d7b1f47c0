# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CA says, made harmless: bounded, printable, and URLs that are URLs. Pure."""

from __future__ import annotations

import ipaddress
import re

from .._core.errors import printable
from .errors import AnswerRefused

LONGEST = 1000      # characters of one text
_MOST, _DEEPEST = 1000, 8
# RFC 3986, without what no URL of a CA needs: user names, brackets elsewhere than around an address.
_URL = re.compile(r"https://(?:[A-Za-z0-9._~-]+|(\[[0-9A-Fa-f:.]+\]))(?::([0-9]{1,5}))?(?:[/?][A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?")


def text(value, longest: int = LONGEST) -> str:
    """A string for people: control characters as escapes, cut where it is too long; empty for anything else."""
    if not isinstance(value, str):
        return ""
    short = value if len(value) <= longest else f"{value[:longest - 1]}…"
    return printable(short)


def texts(value) -> tuple:
    """The strings of a list, as `text` gives them."""
    return tuple(text(one) for one in value[:_MOST] if isinstance(one, str)) if isinstance(value, list) else ()


def cleaned(value, depth: int = 0):
    """Any JSON value with its strings as `text` gives them, not deeper or longer than people read."""
    if depth == _DEEPEST:
        return None
    if isinstance(value, dict):
        return {text(key): cleaned(one, depth + 1) for key, one in list(value.items())[:_MOST]}
    if isinstance(value, list):
        return [cleaned(one, depth + 1) for one in value[:_MOST]]
    return text(value) if isinstance(value, str) else value


def is_url(value) -> bool:
    """Whether it is an https URL that may be asked."""
    match = _URL.fullmatch(value) if isinstance(value, str) and len(value) <= 2048 else None
    return match is not None and (match[1] is None or _is_address(match[1][1:-1])) and (match[2] is None or 0 < int(match[2]) < 1 << 16)


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def url(value, what: str, where: str) -> str:
    """An https URL as it is. Raises AnswerRefused for anything else. what: what it is called there; where: the URL that was asked."""
    if not is_url(value):
        raise AnswerRefused(f"its {what} is no https URL: {text(str(value), 100)!r}", where=where, way_out="Check that the directory is that of an ACME CA")
    return value
