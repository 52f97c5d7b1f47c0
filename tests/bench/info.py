# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_info over folders: against community.crypto's module looped, and against the bare loop."""

from __future__ import annotations

import pathlib
import sys

import certificates
import common
import payload
from common import Options
from plans import LOOPS

TITLE = "Facts of many certificates"
TEXT = ("Whole plays, but for the module's payload run by hand: what a play has besides is the controller's price of a large answer. community.crypto has no "
        "call for many files: its module is looped over them. *The bare loop* is a process of Python and cryptography that reads serial, dates, names, issuer "
        "and subject of each file.")


def rows(options: Options) -> list:
    return _against_loop(options) + _against_process(options)


def _against_loop(options: Options) -> list:
    count = 5 if options.quick else 100
    if not common.CRYPTO.exists():
        raise common.LeftOut("community.crypto is not in .cache/collections; `make tools` puts it there")
    folder = certificates.folder(count)
    # What is compared is one call with a hundred: the loop is long, and its ratio far from 1.
    taken = common.alternate({"ping": _ping(), "one call": _ours(folder), "community.crypto": _theirs(folder)}, options.rounds(3))
    return [common.compare(taken, "one call", "community.crypto", quantity, f"{count} files in one call", **limits)
            for quantity, limits in (("cpu", {"limit": 0.03, "stretch": 0.025}), ("wall", {}))]


def _against_process(options: Options) -> list:
    count = 500 if options.quick else 5000
    folder = certificates.folder(count)
    built = payload.build("cert_info", "evergreen.pki.cert_info", {"paths": [str(folder)], "strict": True})
    taken = common.alternate({"ping": _ping(), "the bare loop": common.case(sys.executable, LOOPS, "facts", str(folder)), "facts": _ours(folder),
                              "module": common.case(sys.executable, str(built)), "brief": _ours(folder, facts="brief")}, options.rounds(5))
    return [common.compare(taken, "module", "the bare loop", "cpu", f"{count:,} files, all facts, the module's payload run by hand", limit=6, stretch=4),
            common.compare(taken, "facts", "the bare loop", "cpu", f"{count:,} files, all facts, whole play"),
            common.compare(taken, "brief", "the bare loop", "cpu", f"{count:,} files, `facts: brief`, whole play")]


def _ping():
    return common.playbook(str(common.ping_play()), common.local())


def _ours(folder: pathlib.Path, **more):
    asked = {"paths": [str(folder)], "strict": True, **more}
    play = common.write_play(f"info-{folder.name}-{len(more)}", [{"evergreen.pki.cert_info": asked, "register": "found"}])
    return common.playbook(str(play), common.local())


def _theirs(folder: pathlib.Path):
    play = common.write_play("crypto", [{"community.crypto.x509_certificate_info": {"path": "{{ item }}"}, "register": "found",
                                         "loop": sorted(str(path) for path in folder.iterdir())}])
    return common.playbook(str(play), common.local())
