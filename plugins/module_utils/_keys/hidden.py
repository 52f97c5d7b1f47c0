# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible is to hide of a key file that was given as an option. Pure.

ansible-core before 2.19 makes a dictionary of every text that looks like one. Of a dictionary under no_log it hides each word and number
wherever it occurs in the answer: the fingerprint, the dates, and every 1 and 8 of scrypt's parameters. Only the data are secret.
"""

from __future__ import annotations

import json


def public_words(text: str | None) -> set:
    """The words and numbers of a key file, as texts, that may be shown; none where the text is no JSON object."""
    try:
        record = json.loads(text or "")
    except (ValueError, RecursionError):
        return set()
    return {str(leaf) for leaf in _leaves({key: value for key, value in record.items() if key != "data"})} if isinstance(record, dict) else set()


def _leaves(value):
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    elif value is not None:
        yield value


def hidden(values: set, options: dict, key: str = "key") -> set:
    """What is still to be hidden of the values that Ansible hides. options: all of the module's; key: the name of the one with the key file.

    What another option has as its value, such as a passphrase of digits, stays hidden.
    """
    others = {value for name, value in options.items() if name != key and isinstance(value, str)}
    return values - (public_words(options[key]) - others)
