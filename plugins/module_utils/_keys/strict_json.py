# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as strict readers take it: what Python's own decoder takes beyond the standard is refused, and nothing of the text is shown. Pure."""

from __future__ import annotations

import json

MAX_DIGITS = 20     # of a whole number: 64 bits have no more


def load_object(data: bytes) -> dict:
    """The JSON object. Raises ValueError, which never shows the content: no UTF-8, cut off, a field twice, NaN, endless numbers, no object."""
    try:
        record = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_number)
    except UnicodeDecodeError:
        raise ValueError("it is no UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is empty, cut off or no JSON at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    return record


def _once(pairs: list) -> dict:
    if len({key for key, _value in pairs}) != len(pairs):
        raise ValueError("a field is there twice")
    return dict(pairs)


def _no_constant(word: str):
    raise ValueError(f"{word} is no JSON")


def _number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has more than {MAX_DIGITS} digits")
    return int(digits)
