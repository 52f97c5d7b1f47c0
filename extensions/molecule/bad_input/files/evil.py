# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody should have on a host: files that are no certificates, and servers that do not speak TLS.

    evil.py make     files in /etc/evil, beside the pairs that lie there
    evil.py serve    servers on loopback, one a port
"""

from __future__ import annotations

import datetime
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading
import time

from certificates import ec, write
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

HOME = pathlib.Path("/etc/evil")
HOSTILE = "a\nb'\"\\ {{ 7 * 191 }} $(touch /tmp/evergreen-pwned) %s \x1b[31m"


def make() -> None:
    good, key = (HOME / "good.pem").read_bytes(), (HOME / "good.key").read_bytes()
    for name, content in {
        "empty.pem": b"",
        "binary.pem": bytes(range(256)) * 8,
        "truncated.pem": good[:len(good) // 2],
        "cut.pem": good.replace(good.splitlines()[2], good.splitlines()[2][:20]),
        "huge.pem": good + b"#" * (1 << 20),
        "truncated.key": key[:len(key) // 2],
        "chain.pem": good + (HOME / "foreign.pem").read_bytes(),
        "file": b"a file where a folder belongs\n",
        "unreadable.pem": good,
    }.items():
        (HOME / name).write_bytes(content)
    (HOME / "folder.pem").mkdir()
    os.mkfifo(HOME / "fifo.pem")
    for name, target in {"dangling.pem": "nowhere/x.pem", "loop.pem": "pool.pem", "pool.pem": "loop.pem", "linked.pem": "behind/linked.pem",
                         "linked.key": "behind/linked.key"}.items():
        (HOME / name).symlink_to(target)
    (HOME / "unreadable.pem").chmod(0o600)
    encrypted = ["openssl", "pkey", "-in", HOME / "good.key", "-aes256", "-passout", "pass:secret", "-out", HOME / "encrypted.key"]
    subprocess.run(encrypted, check=True)
    hostile()


def hostile() -> None:
    """A certificate of which every name is an attempt."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTILE)])
    start = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - datetime.timedelta(days=355)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
                   .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=365))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOSTILE)]), False).sign(key, hashes.SHA256()))
    path = str(HOME / "hostile" / "{{ 7 - 191 }} $(touch pwned);'\".pem")
    write({"path": path, "key_path": path}, certificate.public_bytes(Encoding.DER), key)


def hang(client: socket.socket) -> None:
    time.sleep(60)


def reset(client: socket.socket) -> None:
    client.recv(1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def plain(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nplain text here\r\n")
    time.sleep(1)


def garbage(client: socket.socket) -> None:
    client.sendall(bytes(range(255, -1, -1)) * 64)
    time.sleep(1)


def drip(client: socket.socket) -> None:
    for _second in range(60):
        client.sendall(b"\x16")
        time.sleep(1)


def stubborn(client: socket.socket) -> None:
    """A mail server that has no STARTTLS, and says so with a line that is not one."""
    client.sendall(b"220 stubborn\r\n")
    while client.recv(4096):
        client.sendall(b"502 $(touch /tmp/evergreen-pwned) {{ 7 * 191 }}\x1b[31m\r\n")


SERVERS = {7001: hang, 7002: reset, 7003: plain, 7004: garbage, 7005: drip, 7006: stubborn}


def answer(listening: socket.socket, behave) -> None:
    while True:
        client, _address = listening.accept()
        threading.Thread(target=one, args=(client, behave), daemon=True).start()


def one(client: socket.socket, behave) -> None:
    try:
        behave(client)
    except OSError:
        pass
    finally:
        client.close()


def serve() -> None:
    for port, behave in SERVERS.items():
        threading.Thread(target=answer, args=(socket.create_server(("127.0.0.1", port)), behave), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]]()
