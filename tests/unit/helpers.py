# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builders that several unit tests share: certificates of any shape, records, whole folders as data, child processes."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import ipaddress
import os
import pathlib
import pickle
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.x509.oid import NameOID
from hypothesis import settings

from ansible_collections.evergreen.pki.plugins.module_utils._core.replace import Piece
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete
from ansible_collections.evergreen.pki.tests.unit import killing

NOW = datetime(2026, 11, 23, 1, 0, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
UUID = "65B85639-78D7-4330-85C6-39502B2F9B01"
FQDN = "pbs1.example.com"
# This Python by another of its names: by its own, a local host would be Ansible's process itself, and nothing would be sent to it.
HOSTS_PYTHON = str(pathlib.Path(sys.executable).with_name("python3"))
NOBODY = 65534

# Slow or loaded machines make single examples slow; which examples are tried is the same on every run.
lawful = settings(database=None, deadline=None, derandomize=True, max_examples=30)

is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="only root can give files away, mount or become another user")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, the other implementation asked here, is not installed")

_OIDS = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "C": NameOID.COUNTRY_NAME}


@functools.cache
def a_key(number: int = 0):
    """A P-256 key; the same one for the same number, so that tests stay quick."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key=None, passphrase: bytes | None = None, form=serialization.PrivateFormat.PKCS8) -> bytes:
    """A private key as PEM, encrypted where there is a passphrase."""
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return (key or a_key()).private_bytes(serialization.Encoding.PEM, form, encryption)


def name(*pairs) -> x509.Name:
    """A name of (short name, value) pairs in this order."""
    return x509.Name([x509.NameAttribute(_OIDS[short], value) for short, value in pairs])


def proxmox_name(fqdn: str = FQDN, organization: str = "Proxmox Backup Server", uuid: str = UUID) -> tuple:
    """The relative names of a product's own certificate (proxmox-formats 1.3)."""
    return ("O", organization), ("OU", uuid), ("CN", fqdn)


def certificate(*, left=90 * DAY, lifetime=90 * DAY, now=NOW, subject=(("CN", "web.example"),), issuer=None, names=("DNS:web.example",),
                key=None, signer=None, extensions=(), serial=4711) -> x509.Certificate:
    """A certificate that ends so long after `now`. issuer: the subject's own pairs unless given; signer: its own key unless given."""
    key = key or a_key()
    signer = signer or key
    end = now + left
    builder = (x509.CertificateBuilder().subject_name(name(*subject)).issuer_name(name(*(subject if issuer is None else issuer)))
               .public_key(key.public_key()).serial_number(serial).not_valid_before(end - lifetime).not_valid_after(end))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(one) for one in names]), False)
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def _general_name(text: str):
    kind, value = text.split(":", 1)
    kinds = {"DNS": x509.DNSName, "IP": lambda address: x509.IPAddress(ipaddress.ip_address(address)), "email": x509.RFC822Name,
             "URI": x509.UniformResourceIdentifier}
    return kinds[kind](value)


def pem(one: x509.Certificate) -> bytes:
    """The certificate as PEM."""
    return one.public_bytes(serialization.Encoding.PEM)


def der(one: x509.Certificate) -> bytes:
    """The certificate as DER."""
    return one.public_bytes(serialization.Encoding.DER)


def certificate_pem(**options) -> bytes:
    """PEM of a certificate with these options of `certificate`."""
    return pem(certificate(**options))


def own_pem(fqdn: str = FQDN, organization: str = "Proxmox Backup Server", **options) -> bytes:
    """PEM of a product's own self-signed certificate."""
    return certificate_pem(subject=proxmox_name(fqdn, organization), names=("IP:127.0.0.1", "IP:::1", "DNS:localhost", f"DNS:{fqdn}"), **options)


def changed_tbs(one: x509.Certificate, before: bytes, after: bytes, key=None) -> bytes:
    """DER of the certificate with bytes of its signed part replaced by as many others, signed again where the key is RSA."""
    signed = one.tbs_certificate_bytes
    assert signed.count(before) >= 1 and len(before) == len(after)
    changed = signed.replace(before, after, 1)
    whole = der(one).replace(signed, changed)
    return whole if key is None else whole.replace(one.signature, key.sign(changed, padding.PKCS1v15(), hashes.SHA256()))


def wanted(fqdn: str = FQDN, force: bool = False, **declaration):
    """A Wanted: self-signed and generic with made-up paths unless declared otherwise."""
    if "product" not in declaration:
        declaration = {"name": "web", "issuer": "selfsigned", "path": "/tls/web.pem", "key_path": "/tls/web.key", **declaration}
    return complete(declaration, fqdn, "certificates[0]", force)


def piece(path, content, mode: int = 0o600) -> Piece:
    """A file of ours to be put in place."""
    return Piece(str(path), content, os.geteuid(), os.getegid(), mode)


def tree(*folders) -> dict:
    """Everything below the folders: path -> (kind and mode, owner, group, content or link target, inode)."""
    found = {}
    for top in folders:
        for folder, subfolders, files in os.walk(top):
            for path in [folder, *(os.path.join(folder, entry) for entry in (*files, *subfolders))]:
                status = os.lstat(path)
                content = None
                if stat.S_ISREG(status.st_mode):
                    with open(path, "rb") as file:
                        content = file.read()
                elif stat.S_ISLNK(status.st_mode):
                    content = os.readlink(path)
                found[path] = (status.st_mode, status.st_uid, status.st_gid, content, status.st_ino)
    return found


def private_keys(*folders) -> list:
    """The text of each private key in the files below folders, also of those in JSON records, be they in base64 there."""
    found = b"\n".join(contents(*folders).values())
    pieces = re.findall(rb'"content": "([A-Za-z0-9+/=]+)"', found)
    text = b"\n".join([found, *map(base64.b64decode, pieces)]).replace(b"\\n", b"\n")
    return [found.group() for found in re.finditer(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----\n", text, re.DOTALL)]


def contents(*folders) -> dict:
    """Path -> content of all files below the folders."""
    return {path: row[3] for path, row in tree(*folders).items() if stat.S_ISREG(row[0])}


def temporaries(*folders) -> list:
    """What unfinished writes have left below the folders."""
    return sorted(path for path in tree(*folders) if path.endswith(".evergreen"))


def openssl(*arguments: str, given: bytes = b"") -> str:
    """The standard output of openssl, the other implementation."""
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout.decode()


class Child:
    """A process of our own that runs a function; what the function returns or raises comes back by `result`."""

    def __init__(self, function, *arguments):
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 70
            try:
                os.close(self._reading)
                with open(writing, "wb") as pipe:
                    pickle.dump(self._answer(function, arguments), pipe)
                status = 0
            finally:
                os._exit(status)
        os.close(writing)

    @staticmethod
    def _answer(function, arguments):
        try:
            return "returned", function(*arguments)
        except Exception as error:
            return "raised", (type(error).__name__, str(error), traceback.format_exc())

    def result(self):
        """("returned", value), ("raised", (type, text, trace)) or ("killed", exit status)."""
        with open(self._reading, "rb") as pipe:
            answer = pipe.read()
        status = os.waitpid(self.pid, 0)[1]
        return pickle.loads(answer) if answer and status == 0 else ("killed", os.WEXITSTATUS(status))


def in_child(function, *arguments):
    """What the function answers in a process of its own."""
    return Child(function, *arguments).result()


def as_nobody(function, *arguments):
    """What the function answers as an unprivileged user; in this process where it is one already."""
    def run():
        if is_root:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        return function(*arguments)
    return in_child(run)


@contextlib.contextmanager
def open_folder():
    """A folder that an unprivileged user reaches: pytest's own are closed to others."""
    path = tempfile.mkdtemp(prefix="evergreen-")
    try:
        os.chmod(path, 0o755)
        if is_root:
            os.chown(path, NOBODY, NOBODY)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def memory_disk(otherwise):
    """A folder in memory, where the machine has one: tests that write thousands of files need not wait for a disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield otherwise
        return
    with tempfile.TemporaryDirectory(prefix="evergreen-", dir="/dev/shm") as folder:
        yield pathlib.Path(folder)


@contextlib.contextmanager
def small_disk(place, size: str = "64k"):
    """A tmpfs of this size at a new folder `place`; skips the test where root may not mount."""
    with _mounted(place, "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield place


@contextlib.contextmanager
def ext4_disk(folder):
    """A new ext4 of 32 MiB, in a file of a folder; skips the test where there is no mkfs.ext4, or root may not mount."""
    image = folder / "ext4.img"
    with open(image, "wb") as file:
        file.truncate(32 << 20)
    program = shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if program is None:
        pytest.skip("there is no mkfs.ext4")
    subprocess.run([program, "-q", "-F", str(image)], check=True)
    with _mounted(folder / "ext4", "-o", "loop", str(image)):
        yield folder / "ext4"


@contextlib.contextmanager
def _mounted(place, *what: str):
    os.mkdir(place)
    mounted = subprocess.run(["mount", *what, str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this root may not mount: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class _Executioner:
    """A lean process that forks the children to be killed: forking this one, with all that pytest has loaded, takes ten times as long."""

    _started = None

    @classmethod
    def ask(cls, request):
        if cls._started is None or cls._started.poll() is not None:
            cls._started = subprocess.Popen([sys.executable, killing.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            atexit.register(cls._started.stdin.close)
        pickle.dump(request, cls._started.stdin)
        cls._started.stdin.flush()
        return pickle.load(cls._started.stdout)


def kill_at(number: int, function, *arguments) -> bool:
    """Runs a function (of a module; its arguments travel) in a child that dies in front of its so-many-th call that changes a disk.

    Returns whether it was killed; False: it ran to its end. Raises AssertionError when it raised.
    """
    how, answer = _Executioner.ask((number, function, arguments))
    assert how != "raised", answer
    return how == "killed"
