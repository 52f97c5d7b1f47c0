# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""age, the real program: both ways, refusals, and where no secret may be seen."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import age
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import (
    age_opens,
    by_age,
    identity,
    needs_age,
    recipient,
    sealed_ssh_identity,
    secret_words,
    ssh_identity,
)

DAMAGED = "is not opened by this identity, or is damaged"
SECRET = b'{"a key":"of no use"}'


# Both ways.

@needs_age
@pytest.mark.parametrize("kind", ["X25519", "ssh-ed25519", "ssh-rsa"])
def test_what_we_wrap_age_opens_and_the_reverse(tmp_path, kind):
    """Each of two recipients can open it."""
    text, public = (identity(), recipient()) if kind == "X25519" else ssh_identity(kind[4:])
    wrapped = age.encrypt(SECRET, [public, recipient(1)])
    assert wrapped.startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert age_opens(wrapped.encode(), tmp_path, text) == age_opens(wrapped.encode(), tmp_path, identity(1)) == SECRET
    for armored in (True, False):
        assert age.decrypt(by_age(SECRET, public, armored=armored), age.identities(text, "identity")[0], "x") == SECRET


@needs_age
def test_the_recipient_of_an_identity_is_told():
    """By age-keygen, and for SSH keys by their public part."""
    assert [age.recipient_of(one) for one in age.identities(identity() + identity(1), "x")] == [recipient(), recipient(1)]
    for kind in ("ed25519", "rsa"):
        private, public = ssh_identity(kind)
        assert age.recipient_of(age.identities(private, "x")[0]) == public
    assert age.recipient_of(b"AGE-PLUGIN-YUBIKEY-1QQQQQQ\n") == "plugin yubikey"
    assert age.recipient_of(b"AGE-SECRET-KEY-1QQQQ\n") == "an age key" and age.recipient_of(b"-----BEGIN OPENSSH PRIVATE KEY-----\n") == "an SSH key"


# Refusals.

@pytest.mark.parametrize(("text", "says"), [
    pytest.param("", "no recipient of age", id="nothing"), pytest.param("--output=/tmp/x", "no recipient of age", id="an option"),
    pytest.param("-", "no recipient of age", id="a dash"), pytest.param("age1../../bin/x1qqqqqqqq", "no recipient of age", id="a plugin by a path"),
    pytest.param("age1" + "q" * 4001, "no recipient of age", id="endless"), pytest.param("age1qqqqqqqq\n-o/tmp/x", "no recipient of age", id="two lines"),
    pytest.param("ssh-dss AAAAB3NzaC1kc3MAAACB", "no recipient of age", id="another kind of SSH key"),
    pytest.param("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a\x1b[31m", "no recipient of age", id="a terminal's words in the comment"),
    pytest.param("AGE-SECRET-KEY-1QQQQQQQQ", "secret key where a recipient belongs", id="an identity"),
    pytest.param("-----BEGIN OPENSSH PRIVATE KEY-----\nx", "secret key where a recipient belongs", id="a private SSH key"),
])
def test_what_is_no_recipient_is_refused_before_age_is_asked(text, says):
    """By its number; its text, which may be a secret, is not shown."""
    with pytest.raises(InputError, match=rf"^age\[1\]: is .*{says[:12]}") as caught:
        age.check_recipients(["age1qqqqqqqq", text])
    assert says in str(caught.value) and (len(text) < 3 or text not in str(caught.value))


def test_a_hundred_recipients_are_enough():
    """One more is refused."""
    age.check_recipients(["age1qqqqqqqq"] * 100)
    with pytest.raises(InputError, match="are 101, more than 100"):
        age.check_recipients(["age1qqqqqqqq"] * 101)
    with pytest.raises(InputError, match="names no recipient"):
        age.encrypt(SECRET, [])


@needs_age
def test_age_says_itself_what_is_wrong_with_a_recipient():
    """A letter mistyped: bech32 has a checksum."""
    wrong = recipient()[:-1] + ("q" if recipient()[-1] != "q" else "p")
    with pytest.raises(InputError, match=f"does not wrap for these recipients: .*{wrong}"):
        age.encrypt(SECRET, [wrong])


def last_byte_changed(blob: bytes) -> bytes:
    """Whatever it was."""
    return blob[:-1] + bytes([blob[-1] ^ 1])


@needs_age
@pytest.mark.parametrize(("blob", "says"), [
    pytest.param(lambda: by_age(SECRET, recipient(1)), "is not wrapped for this identity", id="for somebody else"),
    pytest.param(lambda: by_age(SECRET, recipient())[:-60], DAMAGED, id="cut off"),
    pytest.param(lambda: last_byte_changed(by_age(SECRET, recipient(), armored=False)), DAMAGED, id="a byte changed"),
    pytest.param(lambda: b"", DAMAGED, id="nothing"), pytest.param(lambda: b"\x00" * 1000, DAMAGED, id="zeros"),
    pytest.param(lambda: b"-----BEGIN AGE ENCRYPTED FILE-----\n", DAMAGED, id="a beginning"),
])
def test_what_does_not_open_is_one_sentence(blob, says):
    """With nothing of age's own, which may quote an identity."""
    with pytest.raises(KeyRefused, match=f"^there: {says}|{says}") as caught:
        age.decrypt(blob(), age.identities(identity(), "x")[0], "there")
    assert not [word for word in secret_words(identity()) if word in str(caught.value)] and caught.value.__cause__ is None


UNDER_PASSPHRASE = b"age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 18\n" + b"A" * 43 + b"\n--- " + b"A" * 43 + b"\n" + bytes(40)


@needs_age
@pytest.mark.parametrize("sealed", ["blob", "identity"])
def test_nobody_is_asked_for_a_passphrase(sealed):
    """age would ask at the terminal, and wait until it is ended for that, which is another error: it has none."""
    text, public = sealed_ssh_identity()
    blob, key = (UNDER_PASSPHRASE, identity()) if sealed == "blob" else (by_age(SECRET, public), text)
    with pytest.raises(KeyRefused):
        age.decrypt(blob, age.identities(key, "x")[0], "x")


@pytest.mark.parametrize(("text", "says"), [
    pytest.param(b"", "has no identity in it", id="nothing"), pytest.param(b"# only a remark\n\n", "has no identity in it", id="a remark"),
    pytest.param(b"AGE-SECRET-KEY-1QQQQQQQQ\nhunter2-secret\n", "line 2 is no identity", id="something else"),
    pytest.param(b"age-secret-key-1qqqqqqqq-secret", "line 1 is no identity", id="in small letters"),
    pytest.param(b"AGE-PLUGIN-../../X-SECRET-1QQQQ", "line 1 is no identity", id="a plugin by a path"),
    pytest.param(b"\xff\xfe-secret" * 10, "line 1 is no identity", id="bytes"), pytest.param(b"A" * 65537, "has more than 65536 bytes", id="endless"),
    pytest.param(b"age1qqqqqqqqqqqqq-secret", "line 1 is no identity", id="a recipient"),
])
def test_what_is_no_identity_is_refused_unseen(text, says):
    """The line's number is told, never the line."""
    with pytest.raises(InputError, match=f"^identity: {says}") as caught:
        age.identities(text, "identity")
    assert "secret" not in str(caught.value).lower().replace("secret one", "")


def test_an_identity_file_is_taken_apart():
    """So that it is known which identity opened a blob."""
    text = b"# made: today\r\nAGE-SECRET-KEY-1QQQQQQQQ\r\n\n  AGE-PLUGIN-YUBIKEY-1QQQQ  \n"
    assert age.identities(text, "x") == [b"AGE-SECRET-KEY-1QQQQQQQQ\n", b"AGE-PLUGIN-YUBIKEY-1QQQQ\n"]


def test_without_the_program_its_package_is_named(monkeypatch, tmp_path):
    """On hosts that wrap, and on the controller that unwraps."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for asked in (lambda: age.encrypt(SECRET, ["age1qqqqqqqq"]), lambda: age.decrypt(b"x", b"AGE-SECRET-KEY-1QQQQQQQQ\n", "x")):
        with pytest.raises(HostError, match="the program age is not installed. Install Debian's package age"):
            asked()


# Programs in age's place, to see what it is given and to play what it never does.

@pytest.fixture
def instead(tmp_path, monkeypatch):
    """Puts a shell script in the place of age."""
    def put(script: str):
        path = tmp_path / "bin" / "age"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    return put


def test_age_hears_nothing_but_what_it_needs(instead, monkeypatch, tmp_path):
    """The words of its command, its variables, no terminal, a session of its own, no other open files."""
    monkeypatch.setenv("AGEDEBUG", "plugin")
    monkeypatch.setenv("SECRET_OF_MINE", "s3cr3t")
    instead('env; echo "words: $*"; ls -l /proc/self/fd | wc -l; cat > /dev/null; (exec < /dev/tty) 2>/dev/null && echo terminal; ps -o sid= -p $$')
    said = age.decrypt(b"blob", b"AGE-SECRET-KEY-1QQQQQQQQ\n", "x").decode()
    names = {line.partition("=")[0] for line in said.splitlines() if re.match("[A-Z_]+=", line)}
    assert names <= {"PATH", "LC_ALL", "PWD", "SHLVL", "OLDPWD"} and "s3cr3t" not in said and "terminal" not in said
    assert re.search("^words: --decrypt --identity /dev/fd/[0-9]+$", said, re.MULTILINE) and str(os.getsid(0)) not in said.split()


def test_a_program_that_hangs_is_ended_with_its_children(instead, monkeypatch, tmp_path):
    """And the error says which."""
    monkeypatch.setattr(age, "TIMEOUT", 0.5)
    instead(f"echo $$ > {tmp_path}/pid; sleep 1000 & echo $! >> {tmp_path}/pid; wait")
    with pytest.raises(HostError, match="age has not answered within 0.5 seconds"):
        age.decrypt(b"blob", b"AGE-SECRET-KEY-1QQQQQQQQ\n", "x")
    for pid in (tmp_path / "pid").read_text().split():
        assert _gone(int(pid))


def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True     # dead; its parent has yet to look
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_a_program_that_reads_nothing_does_not_hang_us(instead):
    """Neither the blob nor the identity is waited for: both are larger than a pipe."""
    instead("exit 1")
    with pytest.raises(KeyRefused):
        age.decrypt(bytes(1 << 20), b"AGE-SECRET-KEY-1QQQQQQQQ\n" * 5000, "x")


def test_what_age_quotes_of_an_identity_is_kept_back(instead):
    """It quotes a line that it does not understand."""
    instead('echo "age: error: unknown identity type: \\"AGE-SECRET-KEY-1VERYSECRET\\"" >&2; exit 1')
    with pytest.raises(KeyRefused) as caught:
        age.decrypt(b"blob", b"AGE-SECRET-KEY-1VERYSECRET\n", "x")
    assert "VERYSECRET" not in str(caught.value)


def test_what_age_says_on_wrapping_is_one_printable_line(instead):
    """Terminal control and endless lines do not get through."""
    instead("printf '\\n\\033[31mbad\\007 news%0500d\\nmore\\n' 0 >&2; exit 3")
    with pytest.raises(InputError) as caught:
        age.encrypt(SECRET, ["age1qqqqqqqq"])
    text = str(caught.value)
    assert "\\x1b[31mbad\\x07 news" in text and text.isprintable() and len(text) < 450 and "more" not in text


# Where no secret may be seen.

@needs_age
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace, which watches system calls, is not installed")
def test_no_secret_in_any_file_argument_or_variable(tmp_path):
    """Watched from outside: the secret passes through pipes alone. No file is made, and none is opened for writing."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nimport conftest\n"
        "from ansible_collections.evergreen.pki.plugins.module_utils._core import age\n"
        "wrapped = age.encrypt(b'the-k3y-itself', [sys.argv[2]])\n"
        "print(age.decrypt(wrapped.encode(), sys.stdin.buffer.read(), 'x') == b'the-k3y-itself')\n")
    log = tmp_path / "log"
    calls = "open,openat,openat2,creat,execve,write,writev,pwrite64,memfd_create,sendto,sendmsg,mmap"
    words = ["strace", "-f", "-v", "-s", "4096", "-yy", "-e", f"trace={calls}", "-o", log, sys.executable, "-B", script]
    traced = subprocess.run([*words, os.path.dirname(os.path.dirname(__file__)), recipient()], input=age.identities(identity(), "x")[0],
                            capture_output=True, check=False)
    if b"ptrace" in traced.stderr.lower():
        pytest.skip(f"processes may not be watched here: {traced.stderr.decode().strip()[:100]}")
    assert traced.stdout == b"True\n", traced.stderr
    words = [*secret_words(identity()), "the-k3y-itself"]
    shown = [line for line in log.read_text(errors="replace").splitlines() if any(word in line for word in words)]
    assert shown and all(re.search(r"\bwrite\([0-9]+<pipe:\[[0-9]+\]>", line) for line in shown), [line[:120] for line in shown]
    opened = [line for line in log.read_text(errors="replace").splitlines() if re.search(r"open(at)?\(.*O_(WRONLY|RDWR|CREAT)", line)]
    assert not [line for line in opened if '"/dev/null"' not in line and '"/dev/tty"' not in line], opened
