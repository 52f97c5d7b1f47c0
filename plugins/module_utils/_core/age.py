# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program age, asked to make an identity, to wrap and to unwrap. Secrets go through pipes only: never in an argument, a variable, a file, or an error.

age's own words are told where it wraps, since it knows nothing secret but what it was given to wrap. Where it unwraps they are kept back:
it quotes the line of an identity that it does not understand.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading

from .errors import HostError, InputError, KeyRefused, printable

TIMEOUT = 30.0          # seconds; without hardware it takes hundredths of one
MAX_RECIPIENTS = 100
MAX_IDENTITY = 1 << 16
_WAY_OUT = "Install Debian's package age, or the program from https://age-encryption.org"
# Of a plugin's name no slash or dot is taken: old versions would run a program by it (CVE-2024-56327).
_RECIPIENT = re.compile(r"age1[a-z0-9-]{8,4000}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/]{16,4000}={0,2}(?: [^\x00-\x1f\x7f]{0,200})?")
_IDENTITY = re.compile(r"AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{8,4000}|AGE-PLUGIN-[A-Z0-9-]{1,100}1[A-Z0-9]{1,4000}")
_SSH_BEGIN = re.compile(r"-----BEGIN (?:OPENSSH |RSA )?PRIVATE KEY-----")


def check_recipients(recipients: list, where: str = "age") -> None:
    """Raises InputError for what is no recipient that a key may be wrapped for, naming its number in the option `where`."""
    if len(recipients) > MAX_RECIPIENTS:
        raise InputError(f"are {len(recipients)}, more than {MAX_RECIPIENTS}", where=where, way_out="Name fewer recipients")
    for number, recipient in enumerate(recipients):
        if "SECRET-KEY" in recipient.upper() or "PRIVATE KEY" in recipient:
            raise InputError("is a secret key where a recipient belongs", where=f"{where}[{number}]",
                             way_out="Give its public part; replace the secret one, which options do not hide")
        if not _RECIPIENT.fullmatch(recipient):
            raise InputError("is no recipient of age", where=f"{where}[{number}]", way_out="Give age1…, or the public key of an SSH key (ssh-ed25519, ssh-rsa)")


def require() -> None:
    """Raises HostError where the program is not installed."""
    for name in ("age", "age-keygen"):
        _program(name)


def new_identity() -> bytes:
    """An identity that nobody else knows, as one line. Raises HostError."""
    status, made, said = _run(["age-keygen"], b"")
    if status:
        raise HostError(f"age-keygen made no identity: {_first_line(said)}", where="host", way_out=_WAY_OUT)
    return identities(made, "age-keygen")[0]


def encrypt(data: bytes, recipients: list, where: str = "age") -> str:
    """The data for all of these recipients, each of whom can open it; armored text. Raises InputError for a recipient, HostError."""
    if not recipients:
        raise InputError("names no recipient", where=where, way_out="Name at least one")
    check_recipients(recipients, where)
    words = [word for recipient in recipients for word in ("--recipient", recipient)]
    status, armored, said = _run(["age", "--encrypt", "--armor", *words], data)
    if status:
        raise InputError(f"age does not wrap for these recipients: {_first_line(said)}", where=where, way_out="Correct the recipients")
    return armored.decode("ascii")


def decrypt(blob: bytes, identity: bytes, where: str) -> bytes:
    """What was wrapped, in memory. Raises KeyRefused where this identity does not open it, HostError."""
    status, opened, said = _run(["age", "--decrypt", "--identity", "{}"], blob, identity)
    if status == 0:
        return opened
    # The word of age 1.1 to 1.3; in others the second sentence is true as well.
    fact = "is not wrapped for this identity" if "no identity matched" in said else "is not opened by this identity, or is damaged"
    raise KeyRefused(fact, where=where, way_out="Give the identity of one of its recipients")


def identities(text: bytes, where: str) -> list:
    """The single identities of an identity file, each as bytes. Raises InputError, which shows nothing of it, for anything else."""
    if len(text) > MAX_IDENTITY:
        raise InputError(f"has more than {MAX_IDENTITY} bytes", where=where, way_out="Give an identity of age")
    decoded = text.decode("utf-8", "replace").strip()
    if _SSH_BEGIN.match(decoded):
        return [decoded.encode("utf-8") + b"\n"]
    found = []
    for number, line in enumerate(map(str.strip, decoded.splitlines()), 1):
        if line and not line.startswith("#"):
            if not _IDENTITY.fullmatch(line):
                raise InputError(f"line {number} is no identity of age", where=where, way_out="Give what age-keygen wrote, or an SSH key without a passphrase")
            found.append(line.encode("ascii") + b"\n")
    if not found:
        raise InputError("has no identity in it", where=where, way_out="Give what age-keygen wrote, or an SSH key without a passphrase")
    return found


def recipient_of(identity: bytes) -> str:
    """The public part of one identity, for reports; words instead where age-keygen does not know it."""
    if identity.startswith(b"AGE-SECRET-KEY-"):
        status, public, _said = _run(["age-keygen", "-y"], identity)
        return public.decode("ascii", "replace").strip() if status == 0 else "an age key"
    if identity.startswith(b"AGE-PLUGIN-"):
        return f"plugin {identity[11:].rpartition(b'-1')[0].decode('ascii').lower()}"
    return _ssh_public(identity)


def _ssh_public(identity: bytes) -> str:
    try:
        from cryptography.hazmat.primitives import serialization
        load = serialization.load_ssh_private_key if b"OPENSSH" in identity[:40] else serialization.load_pem_private_key
        public = load(identity, None).public_key()
        return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode("ascii")
    except Exception:  # only a name in a report: what is wrong with the key, age says
        return "an SSH key"


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise HostError(f"the program {name} is not installed", where="host", way_out=_WAY_OUT)
    return program


def _run(words: list, given: bytes, secret: bytes | None = None) -> tuple:
    """(status, output, standard error as text). A secret is read through a pipe, whose path stands for `{}` among the words.

    A session of its own has no terminal: age would ask there for a passphrase, and wait. Of the variables only the path of programs is kept.
    """
    program = _program(words[0])
    reading, passed = None, ()
    if secret is not None:
        reading, writing = os.pipe()
        passed = (reading,)
        threading.Thread(target=_feed, args=(writing, secret), daemon=True).start()
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        # AnsibleModule.run_command knows no time-out and no session, adds its own variables, and is not there in an action.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            [program, *(f"/dev/fd/{reading}" if word == "{}" else word for word in words[1:])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment, cwd="/", pass_fds=passed, start_new_session=True)
    finally:
        if reading is not None:
            os.close(reading)
    try:
        output, errors = process.communicate(given, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise HostError(f"{words[0]} has not answered within {TIMEOUT:g} seconds", where="host", way_out="Check its plugins, and try it by hand") from None
    finally:
        _end(process)
    return process.returncode, output, errors.decode("utf-8", "replace")


def _feed(descriptor: int, secret: bytes) -> None:
    """In a thread of its own: a pipe may take less than an identity before somebody reads."""
    with contextlib.suppress(OSError), open(descriptor, "wb") as pipe:
        pipe.write(secret)


def _end(process) -> None:
    """Ends a process that has not ended by itself, with the plugins that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _first_line(said: str) -> str:
    return printable(next((line for line in said.splitlines() if line.strip()), "it gives no reason")[:300])
