# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates to measure with: as in a folder of a real host half P-256, half RSA 2048, one to five names, none due."""

from __future__ import annotations

import datetime
import hashlib
import pathlib
import shutil

import common
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

DAYS = 397
# Old ones would begin to be due: those of one month are made anew.
_MONTH = datetime.date.today().strftime("%Y-%m")


def folder(count: int) -> pathlib.Path:
    """A folder with so many certificates, w0.pem and so on, and no keys; kept for the next run."""
    return _kept(f"certificates-{count}", count, keys=False)


def pairs(count: int) -> pathlib.Path:
    """The same with the key of each beside it, w0.key."""
    return _kept(f"pairs-{count}", count, keys=True)


def declared(path: pathlib.Path, count: int) -> list:
    """Declarations of these pairs, as a host with self-signed certificates has them."""
    return [{"name": f"w{number}", "issuer": "selfsigned", "path": f"{path}/w{number}.pem", "key_path": f"{path}/w{number}.key",
             "names": names(number)} for number in range(count)]


def digest(path: pathlib.Path) -> str:
    """Of all files of a folder: what was only to be read has not changed."""
    return hashlib.sha256(b"".join(hashlib.sha256(file.read_bytes()).digest() for file in sorted(path.iterdir()))).hexdigest()


def names(number: int) -> list:
    """The names of a certificate."""
    return [f"n{extra}.w{number}.example" for extra in range(1 + number % 5)]


def _kept(name: str, count: int, keys: bool) -> pathlib.Path:
    path = common.WORK / f"{name}-{_MONTH}"
    if not path.exists():
        for old in common.WORK.glob(f"{name}-*"):
            shutil.rmtree(old)
        fresh = path.with_name(f"fresh-{name}")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _make(fresh, count, keys)
        fresh.rename(path)
    return path


def _make(path: pathlib.Path, count: int, keys: bool) -> None:
    kinds = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for number in range(count):
        key = kinds[number % 2]
        (path / f"w{number}.pem").write_bytes(_certificate(key, number).public_bytes(serialization.Encoding.PEM))
        if keys:
            (path / f"w{number}.key").write_bytes(
                key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def _certificate(key, number: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"w{number}.example")])
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=1)
    # Keys are shared: to make ten thousand takes long, and nothing that is measured depends on it.
    return (x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(number + 1).public_key(key.public_key())
            .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=DAYS))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(text) for text in names(number)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
