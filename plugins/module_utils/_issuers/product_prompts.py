# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products' command lines ask while they register an account, and what they are answered (proxmox-formats 1.7). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core.errors import InputError
from .product_wanted import Wanted


class Prompt(NamedTuple):
    """answer: None where there is none, and refusal says why."""

    pattern: str
    answer: str | None
    refusal: str = ""


def prompts_of(wanted: Wanted) -> tuple:
    """The directory's own menu is left out by `--directory`; the plan has seen to it that the terms are agreed to."""
    kid, key = wanted.eab or (None, None)
    binding = "the CA wants an external account binding"
    return (Prompt(r"Do you agree to the above terms\?", "y"), Prompt(r"use external account binding\?", "y" if wanted.eab else "n"),
            Prompt(r"Enter EAB key id:", kid, binding), Prompt(r"Enter EAB key:", key, binding))


def next_answer(said: str, prompts: tuple) -> tuple | None:
    """(answer, length of what it answers) to the first prompt in what was said; None where there is none. Raises InputError where it has no answer."""
    found = [(match.end(), prompt) for prompt in prompts for match in [re.search(prompt.pattern, said)] if match]
    if not found:
        return None
    end, prompt = min(found, key=lambda one: one[0])
    if prompt.answer is None:
        raise InputError(prompt.refusal, where="eab", way_out="Give eab; nothing was registered")
    return prompt.answer, end
