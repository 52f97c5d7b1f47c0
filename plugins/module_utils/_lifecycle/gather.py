# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gatherer of cert_info: paths, folders, patterns, text and endpoints in, bundles of certificates and errors out.

What cannot be read is an error of its source and never hides another.
"""

from __future__ import annotations

import glob
import os
import re
from datetime import datetime
from typing import NamedTuple

from .._core.durations import parse_duration
from .._core.errors import EvergreenError, FileRefused, InputError, ProofError
from .._core.files import MAX_BYTES, read, refused
from .._x509 import bundle, der, pem
from .._x509.chain import name_key
from .._x509.facts import ordered_name
from .._x509.names import parse_name
from .._x509.survey import Taken, Wish, survey
from .kept import kept
from .service import parse_endpoint

_PATTERN = re.compile(r"[*?\[]")
# Left out of folders and patterns: locks, and what an editor, a package manager or a product is just writing.
_PASSING = re.compile(r".*(?:~|\.(?:lck|lock|tmp|swp|part|evergreen|tmp_.{6}|dpkg-new|dpkg-tmp))")
_PRIVATE_NAME = re.compile(r".*(?:\.key|\.csr|[-.]key\.pem)|privkey[0-9]*\.pem", re.IGNORECASE)
_CERTIFICATE_NAME = re.compile(r"(.+?)(?:[-.]ce?rt)?\.(?:pem|crt|cer|cert|der)", re.IGNORECASE)
_CERTBOT_NAME = re.compile(r"(?:cert|fullchain)([0-9]*)\.pem")
# Where systems keep the roots they trust: Debian, Red Hat, Alpine.
_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_STORE_BYTES = 8 * MAX_BYTES
_HANDSHAKES = 16
_LONGEST = 300


def wish_of(options: dict, fqdn: str, now: datetime) -> Wish:
    """What the module's options ask of each certificate. Raises InputError naming the option."""
    limit = options["max_lifetime"]
    return Wish(
        now=now.replace(microsecond=0), fqdn=fqdn, brief=options["facts"] == "brief",
        names=None if options["names"] is None else tuple(parse_name(name, "names") for name in options["names"]),
        max_lifetime=None if limit is None else parse_duration(limit, "max_lifetime"))


class Trouble(NamedTuple):
    """A source, or a certificate in it, that cannot be read. position: None where it is the source."""

    source: str
    position: int | None
    message: str
    retry: bool = False


def inform(options: dict, wish: Wish) -> dict:
    """The answer of cert_info: `certificates`, `errors`.

    options: the module's. Raises InputError for a mistake in them, and EvergreenError with all results where nothing could be
    read at all, or anything not with `strict`.
    """
    passphrase = None if options["passphrase"] is None else options["passphrase"].encode("utf-8", "surrogatepass")
    endpoints = _endpoints(options)
    taken, troubles = [], []
    for one in (*_from_product(options["product"], passphrase), *_from_paths(options["paths"], passphrase),
                *_from_content(options["content"], passphrase), *_from_endpoints(endpoints, options["timeout"])):
        if isinstance(one, Trouble):
            troubles.append(one)
            continue
        taken.append(one)
        troubles += [Trouble(one.place["source"], position, message) for position, message in one.bundle.errors]
    answer = {"certificates": survey(taken, wish, system_roots),
              "errors": [{"source": one.source, "position": one.position, "message": one.message} for one in troubles]}
    if troubles and (options["strict"] or not answer["certificates"]):
        raise _failure(troubles, answer)
    return answer


def _failure(troubles: list, answer: dict) -> EvergreenError:
    kind = ProofError if all(one.retry for one in troubles) else FileRefused
    count = len(troubles)
    error = kind(troubles[0].message if count == 1 else f"{count} certificates or sources cannot be read; the first is {troubles[0].message}")
    error.results = answer
    return error


def place(source: str, path: str | None = None, endpoint: str | None = None, protocol: str | None = None, cipher: str | None = None) -> dict:
    """What the entries of a source begin with."""
    return {"source": source, "path": path, "endpoint": endpoint, "protocol": protocol, "cipher": cipher}


def shown(path: str) -> str:
    """A path as text that can travel: what is no Unicode becomes escapes."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def _from_paths(paths: list, passphrase: bytes | None):
    for path in dict.fromkeys(paths or ()):
        if not _can_be_a_path(path):
            yield Trouble(shown(path), None, str(FileRefused("can be no path", where=shown(path), way_out="Correct the path")))
        elif os.path.isdir(path):
            yield from _from_folder(path, passphrase)
        elif _PATTERN.search(path) and not os.path.lexists(path):
            found = sorted(one for one in glob.glob(path) if not os.path.isdir(one))
            yield from _from_many(path, found, "no file of this pattern holds a certificate", passphrase)
        else:
            yield _from_file(path, passphrase)


def _from_product(product: str | None, passphrase: bytes | None):
    try:
        found = kept(product) if product else ()
    except FileRefused as error:
        yield Trouble("product", None, str(error))
        return
    for file, marks in found:
        one = _from_file(file, passphrase)
        yield one if isinstance(one, Trouble) else one._replace(place={**one.place, **marks})


def _can_be_a_path(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def _from_folder(path: str, passphrase: bytes | None):
    """The files of a folder, not of the folders in it."""
    try:
        with os.scandir(path) as entries:
            found = sorted(entry.path for entry in entries if not entry.name.startswith(".") and _is_file(entry))
    except OSError as error:
        yield Trouble(shown(path), None, str(refused(error, shown(path))))
        return
    yield from _from_many(path, found, "no file of this folder holds a certificate", passphrase)


def _is_file(entry: os.DirEntry) -> bool:
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir())
    except OSError:
        # A loop of links: it is told of by itself, and hides no other file.
        return True


def _from_many(path: str, files: list, fact: str, passphrase: bytes | None):
    """What files hold that were not named one by one: those that are clearly no certificates are passed over."""
    any_found = False
    for file in files:
        one = None if _PASSING.fullmatch(os.path.basename(file)) else _from_file(file, passphrase, named=False)
        if one is not None:
            any_found = True
            yield one
    if not any_found:
        yield Trouble(shown(path), None, str(FileRefused(fact, where=shown(path), way_out="Correct the path")))


def _from_file(path: str, passphrase: bytes | None, named: bool = True):
    """Taken or Trouble of a file; None for one that was not named and is clearly a key, a request or parameters."""
    label = shown(path)
    try:
        data = read(path)
        if not named and bundle.is_other(data):
            return None
        found = bundle.opened(data, label, passphrase)
    except FileRefused as error:
        if not named and _forbidden(error) and _PRIVATE_NAME.fullmatch(os.path.basename(path)):
            return None
        return Trouble(label, None, str(error))
    except FileNotFoundError:
        fact = "the symbolic link leads nowhere" if os.path.islink(path) else "there is no such file"
        return Trouble(label, None, str(FileRefused(fact, where=label, way_out="Correct the path")))
    return Taken(place(label, path=label), _with_key(found, path, passphrase))


def _forbidden(error: FileRefused) -> bool:
    return isinstance(error.__cause__, PermissionError)


def key_names(base: str) -> tuple:
    """The names under which people put the private key beside a certificate file of this name, likeliest first."""
    certbot = _CERTBOT_NAME.fullmatch(base)
    if certbot:
        return (f"privkey{certbot.group(1)}.pem",)
    match = _CERTIFICATE_NAME.fullmatch(base)
    stem = match.group(1) if match else base
    names = (f"{stem}.key", f"{base}.key", f"{os.path.splitext(base)[0]}.key", f"{stem}.key.pem", f"{stem}-key.pem")
    return tuple(name for name in dict.fromkeys(names) if name != base)


def _with_key(found: bundle.Bundle, path: str, passphrase: bytes | None) -> bundle.Bundle:
    """The bundle with the private key beside the file, where it holds none itself. A key that may not be read is nobody's fault."""
    if found.key is not None or found.key_error is not None:
        return found
    folder, base = os.path.split(path)
    beside = next((one for one in (os.path.join(folder, name) for name in key_names(base)) if os.path.exists(one)), None)
    if beside is None:
        return found
    try:
        key, error = bundle.private_key(read(beside), shown(beside), passphrase)
    except FileNotFoundError:
        return found
    except FileRefused as broken:
        key, error = None, None if _forbidden(broken) else str(broken)
    return found._replace(key=key, key_error=error)


def _from_content(content: str | None, passphrase: bytes | None):
    if content is None:
        return
    data = content.encode("utf-8", "replace")
    try:
        if len(data) > MAX_BYTES:
            raise FileRefused(f"has {len(data)} bytes, more than the {MAX_BYTES} that certificates may have", where="content", way_out="Give certificates only")
        yield Taken(place("content"), bundle.opened(data, "content", passphrase))
    except FileRefused as error:
        yield Trouble("content", None, str(error))


def _endpoints(options: dict) -> list:
    """The endpoints, with the module's own defaults filled in. Raises InputError for a mistake in one of them."""
    if not 0 < options["timeout"] <= _LONGEST:
        raise InputError(f"{options['timeout']:g} is not between 0 and {_LONGEST} seconds", where="timeout", way_out="Give the seconds for one handshake")
    found = []
    for index, given in enumerate(options["endpoints"] or ()):
        one = parse_endpoint(given, f"endpoints[{index}]")
        one = one._replace(server_name=one.server_name or options["server_name"], starttls=one.starttls or options["starttls"])
        found.append(parse_endpoint(one._asdict(), f"endpoints[{index}]"))
    return found


def _from_endpoints(endpoints: list, timeout: float) -> list:
    """What the endpoints show, asked side by side."""
    if not endpoints:
        return []
    # TLS is a good part of what a module loads, and most calls read files only.
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(max_workers=min(len(endpoints), _HANDSHAKES)) as pool:
        return list(pool.map(lambda endpoint: _seen(endpoint, timeout), endpoints))


def _seen(endpoint, timeout: float):
    from .probe import handshake
    try:
        seen = handshake(endpoint, timeout)
    except EvergreenError as error:
        return Trouble(endpoint.address, None, str(error), retry=error.retry)
    return Taken(place(endpoint.address, endpoint=endpoint.address, protocol=seen.protocol, cipher=seen.cipher),
                 bundle.from_ders(seen.chain, endpoint.address), whole=seen.complete)


def system_roots() -> frozenset:
    """The name keys of the roots that the host trusts; none where it keeps no such file."""
    for path in _STORES:
        try:
            data = read(path, _STORE_BYTES)
        except (FileNotFoundError, FileRefused):
            continue
        return frozenset(name for name in map(_subject_key, pem.certificate_ders(data)) if name)
    return frozenset()


def _subject_key(certificate: bytes) -> tuple | None:
    try:
        return name_key(ordered_name(der.split(certificate).subject)[0])
    except ValueError:
        return None
