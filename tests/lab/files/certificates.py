# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes certificates of any age and shape; needs only python3-cryptography, so that it runs on a lab host and on the controller.

Reads a JSON list on standard input, one dictionary a certificate:
    path, key_path      where to write; equal for one combined file
    purpose             what --keys knows the private key by (default: the path)
    style               `own` (self-signed), `authority` (signed by the lab's own authority), or the name of a Proxmox product
    common_name, names  names as `a.example` or `IP:127.0.0.1`; a product's names follow from its common name
    left, lifetime      days
    key_type            RSA (default), EC; a product's keys are RSA of 4096 bits
    owner, group        of both files, where given
    mode, key_mode      as text; `0644` and `0600` where not given; a combined file has the key's
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import ipaddress
import json
import os
import pathlib
import shutil
import ssl
import sys
import uuid

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Keys of our own need no check, which takes most of a second for 4096 bits; version 38 knows only checked ones.
UNCHECKED = {"unsafe_skip_rsa_key_validation": True} if int(cryptography.__version__.partition(".")[0]) >= 39 else {}

NOW = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=pathlib.Path, help="private keys are kept here for the next time: 4096 bits take seconds")
    parser.add_argument("--authority", type=pathlib.Path, help="the lab authority's certificate is written to this file")
    options = parser.parse_args()
    keys = Keys(options.keys)
    authority = Authority(keys)
    if options.authority:
        options.authority.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    for wanted in json.load(sys.stdin):
        write(wanted, *issue(wanted, keys, authority))


class Keys:
    """Private keys by what they are for; kept between two runs where a folder is given."""

    def __init__(self, folder: pathlib.Path | None):
        self.folder = folder

    def get(self, purpose: str, key_type: str, bits: int):
        if self.folder is None:
            return _new_key(key_type, bits)
        file = self.folder / (hashlib.sha256(f"{purpose} {key_type} {bits}".encode()).hexdigest()[:16] + ".key")
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_bytes(_key_pem(_new_key(key_type, bits)))
            part.replace(file)
        return serialization.load_pem_private_key(file.read_bytes(), None, **UNCHECKED)


class Authority:
    """The lab's own authority: what it signs is foreign to whoever looks for self-signed certificates."""

    def __init__(self, keys: Keys):
        self.key = keys.get("authority", "RSA", 2048)
        self.name = _name("evergreen lab authority")
        public = self.key.public_key()
        self.certificate = (
            _builder(self.name, self.name, public, 3000, 3650)
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)
            .sign(self.key, hashes.SHA256()))


def issue(wanted: dict, keys: Keys, authority: Authority) -> tuple:
    """The certificate (DER) and its private key."""
    style, common_name, days = wanted["style"], wanted["common_name"], (wanted["left"], wanted["lifetime"])
    proxmox = style.startswith("Proxmox")
    key = keys.get(wanted.get("purpose", wanted["path"]), wanted.get("key_type", "RSA"), 4096 if proxmox else 2048)
    public = key.public_key()
    if proxmox:
        subject = _name(common_name, (NameOID.ORGANIZATION_NAME, style), (NameOID.ORGANIZATIONAL_UNIT_NAME, str(uuid.uuid4()).upper()))
        node = common_name.split(".")[0]
        builder = _leaf(_builder(subject, subject, public, *days, serial=1), ["IP:127.0.0.1", "IP:::1", "localhost", node, common_name])
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        builder = builder.add_extension(identifier, False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
        return _with_serial_zero(builder.sign(key, hashes.SHA256()), key), key
    subject = _name(common_name)
    foreign = style == "authority"
    builder = _leaf(_builder(subject, authority.name if foreign else subject, public, *days), wanted["names"])
    if foreign:     # without it, Python from 3.13 on finds the chain invalid
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), False)
    certificate = builder.sign(authority.key if foreign else key, hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.DER), key


def _builder(subject: x509.Name, issuer: x509.Name, public, left: int, lifetime: int, serial: int | None = None) -> x509.CertificateBuilder:
    # Half a day off the whole ones, so that no slow run carries a certificate into the next state.
    end = NOW + datetime.timedelta(days=left, hours=12)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=lifetime)).not_valid_after(end))


def _leaf(builder: x509.CertificateBuilder, names: list) -> x509.CertificateBuilder:
    alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return (builder.add_extension(x509.BasicConstraints(False, None), False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False).add_extension(alternative, False))


def _with_serial_zero(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> bytes:
    """The products never set a serial number and so write 0, which the builder refuses: the signed part is changed and signed again."""
    signed = certificate.tbs_certificate_bytes
    version = bytes.fromhex("a003020102")
    changed = signed.replace(version + bytes.fromhex("020101"), version + bytes.fromhex("020100"), 1)
    signature = key.sign(changed, padding.PKCS1v15(), hashes.SHA256())
    return certificate.public_bytes(serialization.Encoding.DER).replace(signed, changed).replace(certificate.signature, signature)


def _name(common_name: str, *before: tuple) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in (*before, (NameOID.COMMON_NAME, common_name))])


def _general_name(name: str) -> x509.GeneralName:
    return x509.IPAddress(ipaddress.ip_address(name[3:])) if name.startswith("IP:") else x509.DNSName(name)


def _new_key(key_type: str, bits: int):
    return ec.generate_private_key(ec.SECP256R1()) if key_type == "EC" else rsa.generate_private_key(65537, bits)


def _key_pem(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write(wanted: dict, der: bytes, key) -> None:
    # Not by cryptography, which would read it first and complain of serial number 0.
    certificate = ssl.DER_cert_to_PEM_cert(der).encode()
    key_mode = wanted.get("key_mode", "0600")
    if wanted["path"] == wanted["key_path"]:
        _put(wanted, wanted["path"], certificate + _key_pem(key), key_mode)
    else:
        _put(wanted, wanted["key_path"], _key_pem(key), key_mode)
        _put(wanted, wanted["path"], certificate, wanted.get("mode", "0644"))


def _put(wanted: dict, path: str, content: bytes, mode: str) -> None:
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)
    if wanted.get("owner") or wanted.get("group"):
        shutil.chown(file, wanted.get("owner"), wanted.get("group"))
    file.chmod(int(mode, 8))


if __name__ == "__main__":
    main()
