# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files outside the store looked at: what each is, whether its product knows of it, and what there is to say against it. Reads only."""

from __future__ import annotations

import os
import stat

from .._core.errors import FileRefused, HostError, KeyRefused
from .._core.files import read
from .._keys import client_answers, key_config, strength
from .._keys.client_places import Place, client_place, is_storage, place_of, product_place, storages, to_tell
from .client import Found, look
from .master_pair import public_at


def survey(options: dict, home: str) -> list:
    """One dictionary a key file, sorted by path; a file that cannot be read hides no other. Raises InputError, and HostError for a folder."""
    passphrase = options["passphrase"]
    passphrase = None if passphrase is None else passphrase.encode("utf-8", "surrogatepass")
    return [_told(place, configured, passphrase) for place, configured in sorted(_places(options, home), key=lambda pair: pair[0].key_path)]


def _places(options: dict, home: str) -> list:
    """(place, the properties of its storage or None) of everything that is asked for."""
    product = options["product"]
    if product == "client":
        place_of({**options, "path": None}, home)       # refuses options of the others
        return [(client_place(path, home), None) for path in options["paths"] or [None]]
    if options["storage"] is not None:
        place = place_of({**options, "path": None}, home)
        return [(place, _configuration(place).get(place.storage, {}))]
    example = product_place(product, "any", options["folder"], options["config_path"])
    known = _configuration(example)
    names = {name for name, row in known.items() if "encryption-key" in row} | _names(example.folder)
    return [(product_place(product, name, options["folder"], options["config_path"]), known.get(name, {})) for name in names if is_storage(name)]


def _names(folder: str) -> set:
    try:
        return {name[:-len(".enc")] for name in os.listdir(folder) if name.endswith(".enc") and not name.startswith(".")}
    except FileNotFoundError:
        return set()


def _configuration(place: Place) -> dict:
    try:
        return storages(read(place.config_path).decode("utf-8", "replace"))
    except FileNotFoundError:
        return {}


def _told(place: Place, configured: dict | None, passphrase: bytes | None) -> dict:
    found, problem, status = Found(), None, None
    try:
        status = os.stat(place.key_path)
        found = look(place.key_path)
    except FileNotFoundError:
        pass
    except (FileRefused, OSError) as error:
        problem = getattr(error, "fact", None) or str(error)
    expected = None if configured is None else configured.get("encryption-key")
    config = found.config
    answer = {
        "path": place.key_path, "product": place.product, "storage": place.storage, "exists": status is not None, **client_answers.described(config),
        "mode": None if status is None else f"{stat.S_IMODE(status.st_mode):04o}", "opens": _opens(config, passphrase), "configured": expected,
        "command": to_tell(place, "encryption-key", expected, config.fingerprint) if config else [], "master_key": _master(place),
    }
    seen = strength.Look(None if status is None else (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), config, problem)
    findings = strength.of_copy(seen, expected if expected != "1" else None) + client_answers.against(place, status is not None, config, expected)
    return {**answer, "findings": [finding._asdict() for finding in findings]}


def _opens(config: key_config.KeyConfig | None, passphrase: bytes | None) -> bool | None:
    """Whether it holds the key that it says; None where that was not tried, for want of a passphrase."""
    if config is None or (config.kdf is not None and passphrase is None):
        return None
    try:
        key_config.unwrap(config, passphrase, "key")
    except KeyRefused:
        return False
    return True


def _master(place: Place) -> dict | None:
    try:
        public = public_at(place.public_path)
    except HostError as error:
        return {**dict.fromkeys(("size", "exponent", "modulus", "fingerprint")), "path": place.public_path, "problem": error.fact}
    return None if public is None else {**public._asdict(), "path": place.public_path, "problem": None}
