# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a pair besides: a PKCS#12 store, a trust store for Java. Each is put in place with the pair, as one act.

A store that holds the same already is taken as it lies there: written anew it would be another file on every run.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from datetime import datetime

from .._core.errors import HostError, InputError, LibraryMissing, PairRefused, printable
from .._core.files import read
from .._core.replace import peek
from .._lifecycle.pair import Extra
from .._x509 import pem, stores

_ALIAS = re.compile(r"[A-Za-z0-9._-]{1,64}")
_KEYTOOL = "keytool"
_SECONDS = 60


def asked(options: dict) -> bool:
    """Whether anything is asked for besides the pair."""
    return bool(options.get("pkcs12_path") or options.get("truststore_path"))


def refuse(options: dict, wanted) -> None:
    """Raises InputError for outputs that cannot be, whatever the pair is."""
    taken = {os.path.realpath(path): key for key, path in (("path", wanted.path), ("key_path", wanted.key_path)) if path}
    for kind, least in (("pkcs12", 1), ("truststore", 6)):
        path = options.get(f"{kind}_path")
        if not path:
            continue
        first = taken.setdefault(os.path.realpath(path), f"{kind}_path")
        if first != f"{kind}_path":
            raise InputError(f"{path!r} is the file of {first} as well", where=f"{kind}_path", way_out="Give each file a place of its own")
        passphrase = options.get(f"{kind}_passphrase") or ""
        if len(passphrase) < least or kind == "truststore" and not passphrase.isascii():
            fact = "is missing" if least == 1 else "is not of 6 or more ASCII characters, as Java's tools want it"
            raise InputError(fact, where=f"{kind}_passphrase", way_out="Give the passphrase of the store, or another one")
    alias = options.get("pkcs12_alias") or ""
    if alias and not _ALIAS.fullmatch(alias):
        raise InputError("is not of 1 to 64 letters, digits, dots, dashes and underscores", where="pkcs12_alias", way_out="Give a plain name")


def extras(options: dict, certificate: bytes, key, now: datetime, where: str) -> list:
    """The Extra files of a checked pair: certificate as PEM, the leaf first; key as the library has it. Raises PairRefused, LibraryMissing, HostError."""
    if not asked(options):
        return []
    leaf, *issuers = [pem.from_der(der, where) for der in pem.certificate_ders(certificate)]
    found = []
    if options.get("pkcs12_path"):
        found.append(Extra(options["pkcs12_path"], _pkcs12(options, leaf, issuers, key), True))
    if options.get("truststore_path"):
        if not issuers:
            raise PairRefused("there is no certificate of an issuer that could be put into the trust store", where=where,
                              way_out="Give the chain, or leave truststore_path out; nothing was written")
        entries = [(f"issuer-{number}", issuer) for number, issuer in enumerate(issuers, 1)]
        found.append(Extra(options["truststore_path"], _truststore(options, entries, now), False))
    return found


def _pkcs12(options: dict, leaf, issuers: list, key) -> bytes:
    legacy, alias, passphrase = bool(options["pkcs12_legacy"]), options["pkcs12_alias"] or "certificate", _bytes(options["pkcs12_passphrase"])
    there = peek(options["pkcs12_path"])
    if stores.holds_pair(there, alias, leaf, issuers, passphrase, legacy):
        return there
    return stores.new_pkcs12(alias, key, leaf, issuers, passphrase, legacy)


def _bytes(passphrase: str) -> bytes:
    # The very bytes that Ansible was given.
    return passphrase.encode("utf-8", "surrogateescape")


def _truststore(options: dict, entries: list, now: datetime) -> bytes:
    path, passphrase = options["truststore_path"], options["truststore_passphrase"]
    there = peek(path)
    if options["truststore_format"] == "jks":
        return there if stores.holds_jks(there, entries, passphrase) else _jks(entries, passphrase, now)
    if stores.holds_truststore(there, entries, _bytes(passphrase)):
        return there
    return stores.new_truststore(entries, _bytes(passphrase)) or _by_keytool(_jks(entries, passphrase, now), passphrase)


def _jks(entries: list, passphrase: str, now: datetime) -> bytes:
    return stores.new_jks(entries, passphrase, int(now.timestamp()) * 1000)


def _by_keytool(jks: bytes, passphrase: str) -> bytes:
    """The same trust store as PKCS#12, made by Java's own tool; the passphrase stands in the environment, not among the arguments."""
    with tempfile.TemporaryDirectory(prefix="evergreen-") as folder:
        before, after = os.path.join(folder, "jks"), os.path.join(folder, "pkcs12")
        with open(before, "wb") as file:
            file.write(jks)
        argv = [_KEYTOOL, "-importkeystore", "-noprompt", "-srckeystore", before, "-srcstoretype", "JKS", "-srcstorepass:env", "EVERGREEN_STORE",
                "-destkeystore", after, "-deststoretype", "PKCS12", "-deststorepass:env", "EVERGREEN_STORE"]
        try:
            subprocess.run(  # pylint: disable=ansible-bad-function  # a room has no module to run it
                argv, env={**os.environ, "EVERGREEN_STORE": passphrase, "LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True,
                check=True, timeout=_SECONDS)
        except FileNotFoundError as error:
            raise LibraryMissing("a trust store in PKCS#12 needs the Python library cryptography 45 or newer, or Java's keytool", where="host",
                                 way_out="Install one of them, or set truststore_format to jks") from error
        except subprocess.TimeoutExpired as error:
            raise HostError(f"did not end within {_SECONDS} seconds", where=_KEYTOOL, way_out="Try again, or set truststore_format to jks") from error
        except subprocess.CalledProcessError as error:
            said = printable((error.stdout + error.stderr).decode("utf-8", "replace").strip().replace(passphrase, "…")[:200])
            raise HostError(f"made no trust store: {said}", where=_KEYTOOL, way_out="Set truststore_format to jks") from error
        return read(after)
