# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of the modules that take one declared certificate as their options, and of what is given of a pair. Pure."""

from __future__ import annotations

from .options import COMMON, DECLARATION

# Of cert_plan. Here, because the controller reads it on every run, and needs no more of the rooms for that.
PLAN = {
    **COMMON,
    "certificates": {"type": "list", "elements": "dict", "default": []},
    "products": {"type": "str", "choices": ["auto", "none"], "default": "auto"},
    "show": {"type": "str", "choices": ["auto", "all", "exceptions"], "default": "auto"},
    "remind_every": {"type": "str", "default": "7d"},
    "reminded": {"type": "list", "elements": "str", "default": []},
    "settings": {"type": "dict", "default": {}, "options": {
        "state_path": {"type": "path"}, "fqdn": {}, "force": {"type": "bool"}, "remind_every": {}}},
}


def flat_declaration() -> dict:
    """The argument spec of a module that takes one declared certificate as its options."""
    spec = {key: dict(row) for key, row in DECLARATION.items()}
    # A private key's place is no secret; without this, Ansible guesses from the name that it is one.
    spec["key_path"]["no_log"] = spec["key_mode"]["no_log"] = False
    return {**spec, **{key: dict(row) for key, row in COMMON.items()}}


# What is given of a pair, and what is made of it.
_GIVEN = {
    # It may hold the private key as well.
    "content": {"type": "str", "no_log": True},
    "content_b64": {"type": "str", "no_log": True},
    "src": {"type": "path"},
    "key_content": {"type": "str", "no_log": True},
    "key_src": {"type": "path", "no_log": False},
    "key_sealed": {"type": "str", "no_log": False},
    "chain_content": {"type": "str"},
    "chain_src": {"type": "path"},
    "input_passphrase": {"type": "str", "no_log": True},
    "passphrase": {"type": "str", "no_log": True},
    "allow_invalid_dates": {"type": "bool", "default": False},
    "allow_weak": {"type": "bool", "default": False},
    "chain": {"type": "str", "choices": ["warn", "required", "ignore"], "default": "warn"},
    "aia": {"type": "bool", "default": False},
    "combined": {"type": "str", "choices": ["key_first", "certificate_first"]},
    "pkcs12_path": {"type": "path"},
    "pkcs12_passphrase": {"type": "str", "no_log": True},
    "pkcs12_alias": {"type": "str"},
    "pkcs12_legacy": {"type": "bool", "default": False},
    "truststore_path": {"type": "path"},
    "truststore_passphrase": {"type": "str", "no_log": True},
    "truststore_format": {"type": "str", "choices": ["pkcs12", "jks"], "default": "pkcs12"},
}
_OF_A_PAIR = ("name", "product", "path", "key_path", "names", "owner", "group", "mode", "key_mode", "activate", "endpoints")
_EITHER = (("content", "content_b64", "src"), ("key_content", "key_src", "key_sealed"), ("chain_content", "chain_src"))


def given_pair() -> dict:
    """The argument spec of what is given of one pair."""
    return {key: dict(row) for key, row in _GIVEN.items()}


def pair_rules() -> dict:
    """The argument spec of the rules by which a pair is judged."""
    given = given_pair()
    return {key: given[key] for key in ("allow_invalid_dates", "allow_weak", "chain")}


def pairs() -> dict:
    """The argument spec of many pairs in one call."""
    declared = flat_declaration()
    options = {**{key: declared[key] for key in _OF_A_PAIR}, **given_pair()}
    return {"type": "list", "elements": "dict", "options": options, "mutually_exclusive": list(_EITHER)}


def either() -> list:
    """The options of cert_install of which only one may be given; with many pairs, none of one."""
    return [*_EITHER, *(("pairs", key) for key in ("path", "key_path", *(key for keys in _EITHER for key in keys)))]
