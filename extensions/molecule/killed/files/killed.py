# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills an installation at its steps, on a real host, with the rooms of the collection beside this file.

    killed.py steps CASE       kills at every step and lets a second call end it; prints the numbers of the steps after which the next
                               run finds something else than after the ones before; the last is the whole installation
    killed.py kill CASE STEP   puts the old pair back in service, then kills at this step, or `between` the two files; prints the fingerprint
                               of the pair on its way
    killed.py kept CASE        writes the files that were kept from before to /root/kept

A step is a call that changes a disk; a write is killed half-way through. CASE is a file: {"how": "selfsigned" or "install",
"declared": the declaration, "service": unit to reload, "again": whether an installation went before}; for `install` with "src" and
"key_src", and for `again` with "other", the files that it replaced.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external, selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State

CALLS = ("open", "write", "fsync", "fchmod", "fchown", "rename", "unlink", "mkdir", "rmdir")
STATE = pathlib.Path("/var/lib/evergreen")
SAVED = pathlib.Path("/root/killed")
KEPT = pathlib.Path("/root/kept")
LEFT = re.compile(r"\.(?:new|old)(?:/|$)|/\.[^/]+$|/locks/")
KILLED = 9


class Case:
    def __init__(self, path: str):
        given = json.loads(pathlib.Path(path).read_text())
        self.how, self.service, self.again, self.other = given["how"], given["service"], given["again"], given.get("other")
        self.declared = {"product": "generic", **given["declared"]}
        self.options = {"state": "present", "set_aside": False, "allow_invalid_dates": False, "content": None, "key_content": None,
                        "src": given.get("src"), "key_src": given.get("key_src")}
        self.key_file, self.file = (pathlib.Path(self.declared[key]).resolve() for key in ("key_path", "path"))

    def install(self) -> None:
        wanted = complete(self.declared, "host.fleet.test")
        if self.how == "selfsigned":
            selfsigned.renew(wanted, State(str(STATE)), now(), False)
        else:
            external.put(self.options, wanted, State(str(STATE)), now(), False)

    def reset(self) -> None:
        """Files and memory as they were before the first kill."""
        if not SAVED.exists():
            self._save()
        shutil.rmtree(STATE, ignore_errors=True)
        if self.again:
            shutil.copytree(SAVED / "state", STATE)
        for file in (self.key_file, self.file):
            for left in file.parent.glob(f".{file.name}*"):
                left.unlink()
            shutil.copy2(SAVED / file.name, file)

    def _save(self) -> None:
        SAVED.mkdir(mode=0o700)
        for file in (self.key_file, self.file):
            shutil.copy2(file, SAVED / file.name)
        if self.again:
            self._install_before()
            shutil.copytree(STATE, SAVED / "state")

    def _install_before(self) -> None:
        """The pair in place as if an installation had brought it: the one that it kept is another."""
        wanted = self.options
        self.options = {**wanted, "src": str(SAVED / self.file.name), "key_src": str(SAVED / self.key_file.name)}
        for place, other in zip((self.key_file, self.file), self.other):
            shutil.copyfile(other, place)
        self.install()
        self.options = wanted


def kill(case: Case, step: int | None) -> bool:
    """Installs in a child that dies at this step; False when it came to its end."""
    pid = os.fork()
    if pid == 0:
        exit_now, left = os._exit, [step]
        for call in CALLS if step is not None else ():
            setattr(os, call, dying(call, getattr(os, call), left, exit_now))
        case.install()
        exit_now(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status not in (0, KILLED):
        sys.exit(f"the installation failed by itself at step {step}")
    return status == KILLED


def dying(call: str, real, left: list, exit_now):
    def wrapped(*arguments, **options):
        if call == "open" and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
            return real(*arguments, **options)
        if left[0] == 0:
            if call == "write":
                real(arguments[0], arguments[1][:len(arguments[1]) // 2])
            exit_now(KILLED)
        left[0] -= 1
        return real(*arguments, **options)
    return wrapped


def steps(case: Case) -> list[int]:
    seen, found, step, died = set(), [], 0, True
    while died:
        case.reset()
        died = kill(case, step)
        left = disk(case)
        if left not in seen or not died:
            seen.add(left)
            found.append(step)
        kill(case, None)
        check(case, step)
        step += 1
    return found


def disk(case: Case) -> frozenset:
    """What the next run goes by: each file as one of before or a new one, but not what would only be written anew."""
    files = [case.key_file, case.file, *(file for file in STATE.rglob("*") if file.is_file() and not LEFT.search(str(file)))]
    before = {digest(file.read_bytes()) for file in SAVED.rglob("*") if file.is_file()}
    return frozenset((str(file), digest(file.read_bytes()) in before) for file in files)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def contents(record: pathlib.Path) -> list[bytes]:
    """Of the files in a record of the state folder."""
    return [base64.b64decode(piece["content"]) for piece in json.loads(record.read_text())["pieces"]]


def check(case: Case, step: int) -> None:
    """After the second call there is a whole new pair, and the old one is kept."""
    kept = [digest(content) for content in contents(next(STATE.glob("*/kept.json")))]
    new = case.file.read_bytes() != (SAVED / case.file.name).read_bytes()
    same = kept == [digest((SAVED / file.name).read_bytes()) for file in (case.key_file, case.file)]
    half = [str(file) for file in (*STATE.glob("*/journal*"), *case.file.parent.glob(".*"))]
    if not (whole(case) and new and same) or half:
        sys.exit(f"killed at step {step}: pair whole {whole(case)}, new {new}, old one kept {same}, half done {half}")


def whole(case: Case) -> bool:
    return said("x509", "-noout", "-pubkey", "-in", case.file) == said("pkey", "-pubout", "-in", case.key_file)


def between(case: Case) -> int:
    """The first step that leaves a pair which does not match."""
    for step in itertools.count():
        case.reset()
        if not kill(case, step):
            sys.exit("no kill leaves a broken pair")
        if not whole(case):
            return step


def said(*words) -> str:
    return subprocess.run(["openssl", *words], check=True, stdout=subprocess.PIPE).stdout.decode()


def main() -> None:
    case = Case(sys.argv[2])
    if sys.argv[1] == "steps":
        print(json.dumps(steps(case)))
        return
    if sys.argv[1] == "kept":
        KEPT.mkdir(mode=0o700, exist_ok=True)
        for number, content in enumerate(contents(next(STATE.glob("*/kept.json")))):
            (KEPT / f"{number}.pem").write_bytes(content)
        return
    step = between(case) if sys.argv[3] == "between" else int(sys.argv[3])
    case.reset()
    subprocess.run(["systemctl", "reload", case.service], check=True)
    died = kill(case, step)
    # Of an interrupted installation the one that is under way.
    for text in [contents(journal)[-1] for journal in STATE.glob("*/journal.json")] if died else [case.file.read_bytes()]:
        shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=text, check=True, stdout=subprocess.PIPE)
        print(shown.stdout.decode())


if __name__ == "__main__":
    main()
