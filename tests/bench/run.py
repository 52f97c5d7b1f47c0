# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what is promised, and writes docs/performance.md.

    python tests/bench/run.py                  # everything; an hour on two processors
    python tests/bench/run.py --only daily     # one question (may be given more than once); the other sections stay
    python tests/bench/run.py --pairs 5        # other than the usual number of pairs, 15 where the promise is near 1
    python tests/bench/run.py --quick          # does everything run? Writes .cache/bench/performance.md instead

Exit status 1 only where something failed to run. A promise missed is told, and is no failure.
"""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
import traceback

import acme
import acme_certbot
import acme_far
import acme_fleet
import acme_one
import common
import daily
import info
import installing
import keys
import payload
import plans
import renewal
import report
import signing

QUESTIONS = {"payload": payload, "daily": daily, "plans": plans, "info": info, "renewal": renewal, "keys": keys, "installing": installing,
             "signing": signing, "acme": acme, "acme_far": acme_far, "acme_fleet": acme_fleet, "acme_certbot": acme_certbot, "acme_one": acme_one}


def main() -> int:
    given = _given()
    options = common.Options(given.pairs, given.quick)
    common.prepare()
    page = common.WORK / "performance.md" if given.quick else common.ROOT / "docs" / "performance.md"
    failed = False
    for name in given.only or QUESTIONS:
        print(f"== {QUESTIONS[name].TITLE}", flush=True)
        try:
            # Written after each question: a run that is broken off has not been for nothing.
            report.write(page, {name: _answer(name, options)}, list(QUESTIONS))
        except common.LeftOut as reason:
            print(f"left out: {reason}", flush=True)
        except Exception:
            traceback.print_exc()
            failed = True
    print(page)
    return int(failed)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=QUESTIONS, metavar="NAME", help=f"one of {', '.join(QUESTIONS)}")
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


def _answer(name: str, options: common.Options) -> str:
    question, began = QUESTIONS[name], common.load()
    rows = question.rows(options)
    if options.quick:
        # Promises are of the whole sizes.
        rows = [row._replace(limit=None) if isinstance(row, common.Row) else row for row in rows]
    for row in rows:
        print(report.line(row), flush=True)
    more = f" --pairs {options.pairs}" if options.pairs else ""
    command = shlex.join(["python", "tests/bench/run.py", "--only", name]) + more + (" --quick" if options.quick else "")
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    about = (f"Measured {today} by `{command}`; load of the machine {began:.1f} before, {common.load():.1f} after; {common.versions()}.\n")
    return report.section(name, question.TITLE, question.TEXT, rows, about)


if __name__ == "__main__":
    sys.exit(main())
