# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo: a fleet with certificates in every state, renewed twice by evergreen.pki.renew, and looked at from outside.

    fleet.py demo               # on containers, or on the embedded fleet where they cannot run
    fleet.py up | demo-down     # only raises or removes the containers; `up` tells how to use them
    fleet.py embedded           # the demo on the embedded fleet
    fleet.py embedded-check     # the same in a few lines, for make check
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import engine as lab
import hosts
from container_fleet import ContainerFleet
from embedded_fleet import EmbeddedFleet
from engine import CACHE, CI, Failed, Unusable
from fleet_parts import Seen, ansible_environment, program, relative
from hosts import Certificate

RUN_TIMEOUT = 600
LEFT_OUT = "systemd hosts of three Debian releases, nginx, HAProxy, Postfix, the products' owners and modes"


class Playbook(NamedTuple):
    """A run of a playbook: its exit status, its recap by host, how long it took, and where its output is."""

    label: str
    status: int
    recap: dict
    seconds: float
    log: str


class Story(NamedTuple):
    """A plan and two runs, and what was seen before the first and after each."""

    planning: Playbook
    plan: dict
    before: dict
    first: Playbook
    between: dict
    second: Playbook
    after: dict
    mails: list
    more_mails: list
    orders: tuple


def main(argv: list[str]) -> int:
    commands = {"demo": demo, "up": up, "demo-down": demo_down, "embedded": embedded, "embedded-check": embedded_check}
    if len(argv) != 1 or argv[0] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    try:
        return commands[argv[0]]()
    except (Unusable, Failed) as error:
        print(f"fleet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def demo() -> int:
    with _alone():
        try:
            fleet = _started(ContainerFleet(lab.find()))
        except Unusable as error:
            return _left_out(str(error))
        status = _show(fleet, _tell(fleet))
    print(f"\nThe fleet stays up: inventory {relative(fleet.inventory)}; `make demo-down` removes it.")
    return status


def _left_out(why: str) -> int:
    if CI:
        print(f"fleet: with CI=true nothing may be left out, but containers cannot run: {why}", file=sys.stderr)
        return 1
    print(f"left out: {LEFT_OUT} ({why}); the embedded fleet stands in.", flush=True)
    return embedded()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """The containers of a checkout have fixed names, so a second run waits for the first."""
    CACHE.mkdir(exist_ok=True)
    with open(CACHE / "fleet.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run with the containers of this checkout", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up() -> int:
    with _alone():
        fleet = _started(ContainerFleet(lab.find()))
    settings = {key: value for key, value in ansible_environment().items() if os.environ.get(key) != value}
    print("\n".join(f"export {key}='{value}'" for key, value in settings.items()))
    print(f"ansible-playbook -i {relative(fleet.inventory)} evergreen.pki.renew")
    return 0


def demo_down() -> int:
    try:
        engine = lab.find()
    except Unusable:
        return 0        # where containers cannot run, none were made
    with _alone():
        ContainerFleet(engine).stop()
    return 0


def embedded() -> int:
    return _embedded(_show)


def embedded_check() -> int:
    return _embedded(_sum_up)


def _embedded(report) -> int:
    fleet, status = EmbeddedFleet(), 1
    try:
        _started(fleet, quiet=report is _sum_up)
        status = report(fleet, _tell(fleet))
    finally:
        fleet.stop(keep=status != 0)
    if status:
        print(f"What the hosts and both runs wrote: {relative(fleet.home)}")
    return status


def _started(fleet, quiet: bool = False):
    started = time.monotonic()
    fleet.start()
    if fleet.left_out:
        print(f"left out: ACME orders ({fleet.left_out})", flush=True)
    if not quiet:
        print(f"{fleet.title}: up in {time.monotonic() - started:.0f} s", flush=True)
    return fleet


def _tell(fleet) -> Story:
    answers = fleet.logs / "plan.json"
    before, had = fleet.observe(), len(fleet.mails())
    planning = _play(fleet, "plan", "plan", "-e", f"plan_json={answers}")
    plan = {(one["host"], one["name"]): (one["action"], one["reason"]) for one in json.loads(answers.read_text())} if answers.exists() else {}
    orders = [fleet.orders()]
    first = _play(fleet, "renew", "first run")
    orders.append(fleet.orders())
    between, mails = fleet.observe(), fleet.mails()[had:]
    second = _play(fleet, "renew", "second run")
    orders.append(fleet.orders())
    return Story(planning, plan, before, first, between, second, fleet.observe(), mails, fleet.mails()[had + len(mails):], tuple(orders))


def _play(fleet, playbook: str, label: str, *options: str) -> Playbook:
    log = fleet.logs / f"{label.replace(' ', '-')}.log"
    started = time.monotonic()
    argv = [program("ansible-playbook"), "-i", str(fleet.inventory), f"evergreen.pki.{playbook}", *options]
    with open(log, "wb") as out:
        status = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=ansible_environment(),
                                timeout=RUN_TIMEOUT, check=False).returncode
    return Playbook(label, status, _recap(log.read_text(errors="replace")), time.monotonic() - started, str(log))


def _recap(output: str) -> dict[str, dict[str, int]]:
    """Ansible's own count of a run: {host: {ok: 3, changed: 1, …}}."""
    lines = output.partition("PLAY RECAP")[2].splitlines()[1:]
    counted = (re.match(r"(\S+)\s+:\s+(ok=.*)", re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    return {match[1]: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", match[2])} for match in counted if match}


def faults(fleet, story: Story) -> list[str]:
    """Everything that is not as it must be, in words; nothing for a good story."""
    found = [f"the {one.label} ended with status {one.status}" for one in _playbooks(story) if one.status]
    found += [f"{one.host.name}/{one.name}: the plan says {_planned(story, one)}" for one in fleet.table
              if _planned(story, one) != f"{one.action}: {one.reason}"]
    found += [fault for one in fleet.table for fault in _faults_of(one, story.before[one], story.between[one], story.after[one])]
    found += [f"{host}: the second run changed something" for host, counts in story.second.recap.items() if counts.get("changed")]
    if not {host.name for host in hosts.HOSTS} <= set(story.second.recap):
        found.append("the second run did not reach every host")
    ordered = (0, *[sum(one.ordered for one in fleet.table)] * 2)
    if story.orders != ordered:
        found.append(f"orders at the CA before the first run, after it and after the second: {story.orders} instead of {ordered}")
    found += [f"a file was left behind: {file}" for file in _litter(fleet)]
    return found + _mail_faults(fleet, story)


def _playbooks(story: Story) -> tuple:
    return story.planning, story.first, story.second


def _planned(story: Story, one: Certificate) -> str:
    return ": ".join(story.plan.get((one.host.name, one.name), ("nothing",)))


def _faults_of(one: Certificate, before: Seen, between: Seen, after: Seen) -> list[str]:
    place = f"{one.host.name}/{one.name}"
    renewed = between.installed != before.installed
    checks = (
        (renewed == (one.action == "renew"), "was not renewed" if one.action == "renew" else "was replaced, which nobody asked for"),
        (between.whole, "the key does not belong to the certificate"),
        (between.access == before.access, f"owner or mode changed from {before.access} to {between.access}"),
        (not one.port or before.served == before.installed, "the lab did not serve it before the first run"),
        (not one.port or between.served == between.installed, f"a handshake shows {between.served or 'nothing'}"),
        (after == between, "the second run touched it"),
    )
    return [f"{place}: {fault}" for good, fault in checks if not good]


def _litter(fleet) -> list[str]:
    expected = tuple(path for one in fleet.table for path in (one.path, one.key_path))
    return [file for file in fleet.files() if not file.endswith(expected)]


def _mail_faults(fleet, story: Story) -> list[str]:
    if len(story.mails) != 1:
        return [f"{len(story.mails)} mails instead of one came of the first run"]
    mail = story.mails[0]
    text = _body(mail)
    told = {one.host.name for one in fleet.table if one.action in ("renew", "warn")}
    checks = (
        (not story.more_mails, "the second run sent a mail"),
        (fleet.came_by_tls(mail), "the mail did not come over TLS"),
        (hosts.RECIPIENT in (mail["To"] or ""), f"the mail is addressed to {mail['To']}"),
        ("PRIVATE KEY" not in mail.as_string(), "the mail holds a private key"),
    )
    return [fault for good, fault in checks if not good] + [f"the mail does not name {host}" for host in sorted(told) if host not in text]


def _body(mail) -> str:
    parts = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    return "\n".join(part.get_payload(decode=True).decode(part.get_content_charset() or "utf-8", "replace") for part in parts)


def _show(fleet, story: Story) -> int:
    print(f"\n{'HOST':6} {'CERTIFICATE':12} {'STATE':10} {'LEFT':>9}   {'PLAN':25} {'FOUND':8} {'LEFT':>9}  SEEN BY A HANDSHAKE")
    for one in fleet.table:
        before, now = story.before[one], story.between[one]
        found = "renewed" if now.installed != before.installed else "kept"
        print(f"{one.host.name:6} {one.name:12} {one.state:10} {_days(before):>9}   {_planned(story, one):25} {found:8} {_days(now):>9}  "
              f"{_handshake(now)}")
    for mail in story.mails:
        print(f"\nMail to {mail['To']}: {mail['Subject']}\n" + "\n".join(f"  | {line}" for line in _body(mail).splitlines()))
    changed = sum(counts.get("changed", 0) for counts in story.second.recap.values())
    print(f"\nPlan: {story.planning.seconds:.0f} s. First run: {story.first.seconds:.0f} s. Second run: {story.second.seconds:.0f} s, "
          f"{changed} changes, {len(story.more_mails)} mails.\n"
          f"Orders at the ACME CA: {story.orders[1]} in the first run, {story.orders[2] - story.orders[1]} in the second.")
    return _verdict(fleet, story)


def _sum_up(fleet, story: Story) -> int:
    renewed = sum(story.between[one].installed != story.before[one].installed for one in fleet.table)
    ordered = story.orders[-1] - story.orders[0]
    print(f"embedded fleet: {len(fleet.table)} certificates, {renewed} renewed and proven, {ordered} of them ordered from an ACME CA, {len(story.mails)} mail; "
          f"runs of {story.first.seconds:.0f} and {story.second.seconds:.0f} s")
    return _verdict(fleet, story)


def _verdict(fleet, story: Story) -> int:
    found = faults(fleet, story)
    for fault in found:
        print(f"NOT AS IT MUST BE: {fault}")
    failed = [one for one in _playbooks(story) if one.status][:1]
    for one in failed:
        with open(one.log, errors="replace") as log:
            print(f"--- the end of the {one.label}:\n{''.join(log.readlines()[-40:])}")
    if not found:
        print("Everything is as it must be.")
    return 1 if found else 0


def _days(seen: Seen) -> str:
    return "" if seen.days_left is None else f"{seen.days_left} d"


def _handshake(seen: Seen) -> str:
    if seen.served is None:
        return "(not served)"
    if seen.served == seen.installed:
        return f"{seen.served[:11]}…, the one on disk"
    return f"{seen.served[:11]}…, NOT the one on disk" if seen.served else "no answer"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
