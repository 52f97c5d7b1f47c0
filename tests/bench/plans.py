# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_plan over 10,000 certificates of one host."""

from __future__ import annotations

import pathlib
import sys

import certificates
import common
import payload
from common import Options

TITLE = "Ten thousand certificates on one host"
TEXT = ("One declaration of which `path` is a pattern for all of them, none due. *The dates* is a process of Python and cryptography that reads when each "
        "begins and ends, and nothing else. For information the same with as many declarations of one file each.")
LOOPS = str(pathlib.Path(__file__).with_name("loops.py"))


def rows(options: Options) -> list:
    count = 500 if options.quick else 10000
    folder = certificates.folder(count)
    many = [{"name": "all", "issuer": "external", "path": f"{folder}/*.pem"}]
    each = [{"name": f"w{number}", "issuer": "external", "path": f"{folder}/w{number}.pem"} for number in range(count)]
    return _alone(folder, many, options) + _plays(many, each, options)


def _alone(folder: pathlib.Path, many: list, options: Options) -> list:
    built = payload.build("cert_plan_many", "evergreen.pki.cert_plan", _arguments(many))
    taken = common.alternate({
        "ping": common.case(sys.executable, str(payload.ping())), "the dates": common.case(sys.executable, LOOPS, "dates", str(folder)),
        "rooms": common.case(sys.executable, LOOPS, "plan", str(folder), PYTHONPATH=str(common.CACHE)),
        "module": common.case(sys.executable, str(built))}, options.rounds(9))
    return [common.compare(taken, "rooms", "the dates", "cpu", "its rooms, as a process of the same kind", limit=3.5, stretch=2.5),
            common.compare(taken, "module", "the dates", "cpu", "the module's payload, run by hand"),
            common.compare(taken, "module", "ping", "cpu", "the module's payload, run by hand")]


def _plays(many: list, each: list, options: Options) -> list:
    inventory = common.local()
    taken = common.alternate({"ping": common.playbook(str(common.ping_play()), inventory), "one": common.playbook(_play("plan-many", many), inventory),
                              "each": common.playbook(_play("plan-each", each), inventory)}, options.rounds(9))
    return [*common.both(taken, "one", "ping", "whole play", limit=2.0, stretch=1.5),
            *common.both(taken, "each", "ping", "whole play, a declaration each")]


def _play(name: str, declared: list) -> str:
    return str(common.write_play(name, [{"evergreen.pki.cert_plan": _arguments(declared)}]))


def _arguments(declared: list) -> dict:
    return {"certificates": declared, "state_path": str(common.WORK / "no-state")}
