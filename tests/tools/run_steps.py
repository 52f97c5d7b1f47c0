# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the steps of tests/tools/steps.py, three at a time, and says at the end what failed.

    run_steps.py                    # all of them
    run_steps.py sanity molecule    # those whose name begins with one of these words, and what they need

A step that ends with status 77 cannot run on this machine; its last line says why. With CI=true that is a failure.
The last line counts: `N passed, N failed`. All output is kept in .cache/logs.
"""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import house
import steps as listed
from steps import Step

LOGS = house.CACHE / "logs"
# Two leave a third of two processors idle: hosts that start, servers that are waited for.
LANES = 3
TAIL = 60
# Whoever has only the end of a long output still learns what failed.
# A line that tells of a command has its words at the start, and what it said at the end.
TOLD, WIDTH, LAST = 6, 200, 700
PLAIN = {"NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1", "PY_COLORS": "0", "TERM": "dumb"}
# What a long log says of its failure often stands far above its end, before all is tidied up.
TELLING = re.compile(r"\bfatal: |\bFAILED\b|^ *ERROR\b|NOT AS IT MUST BE")


@dataclass
class Outcome:
    step: Step
    verdict: str                # passed, failed, left out
    seconds: float = 0.0
    says: str = ""
    telling: list[str] = field(default_factory=list)    # lines of its log


@dataclass
class Run:
    """What is known while the steps run; every access holds the lock."""

    waiting: list[Step]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    groups: set[int] = field(default_factory=set)
    change: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> Step | None:
        """The next step whose needs have ended; waits for one, None when nothing is left."""
        with self.change:
            while self.waiting:
                for step in self.waiting:
                    if all(need in self.outcomes for need in step.needs):
                        self.waiting.remove(step)
                        return step
                self.change.wait()
            return None

    def end(self, outcome: Outcome) -> None:
        with self.change:
            self.outcomes[outcome.step.name] = outcome
            self.change.notify_all()

    def hindrance(self, step: Step) -> Outcome | None:
        """A needed step that did not pass."""
        with self.change:
            return next((self.outcomes[need] for need in step.needs if self.outcomes[need].verdict != "passed"), None)


def main() -> int:
    started = time.monotonic()
    chosen = choose(listed.steps(), sys.argv[1:])
    LOGS.mkdir(parents=True, exist_ok=True)
    run = Run(list(chosen))
    _stop_children_on_signals(run)
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for worker in [pool.submit(work, run) for number in range(LANES)]:
            worker.result()
    return summary([run.outcomes[step.name] for step in chosen], time.monotonic() - started)


def choose(steps: list[Step], words: list[str]) -> list[Step]:
    """The steps that the words name, with what they need, in the order of the list."""
    names = {step.name for step in steps if not words or any(step.name.split()[0] == word or step.name == word for word in words)}
    if not names:
        sys.exit(f"No step is called {' or '.join(words)}. There are: {', '.join(step.name for step in steps)}.")
    needed: set[str] = set()
    while names - needed:
        needed |= names
        names = names | {need for step in steps if step.name in names for need in step.needs}
    return [step for step in steps if step.name in names]


def work(run: Run) -> None:
    step = run.take()
    while step is not None:
        hindrance = run.hindrance(step)
        if hindrance is None:
            run.end(execute(run, step))
        elif hindrance.verdict == "left out":
            run.end(_left_out(step, 0, hindrance.says))
        else:
            run.end(Outcome(step, "failed", says=f"not run, because {hindrance.step.name} failed"))
        step = run.take()


def execute(run: Run, step: Step) -> Outcome:
    say(f"==> {step.name}")
    log = LOGS / f"{step.name.replace(' ', '-')}.log"
    started = time.monotonic()
    try:
        status = _call(run, step, log)
    except OSError as error:
        status = 127
        log.write_text(f"{error}\n")
    seconds = time.monotonic() - started
    lines = log.read_text(errors="replace").rstrip().splitlines()
    if status == house.LEFT_OUT:
        return _left_out(step, seconds, lines[-1] if lines else "")
    if status == 0:
        say("\n".join([f"    {step.name}: passed, {seconds:.0f} s", *shown(lines, step.show)]))
        return Outcome(step, "passed", seconds)
    say("\n".join([f"    {step.name}: FAILED, {seconds:.0f} s; {shlex.join(step.argv)}",
                   *shown([line for line in lines[:-TAIL] if TELLING.search(line)], 20), *shown(lines, TAIL)]))
    telling = [line for line in lines if TELLING.search(line)] or lines
    return Outcome(step, "failed", seconds, f"exit status {status}, see {log.relative_to(house.ROOT)}", [_ends(line) for line in telling[-TOLD:]])


def _ends(line: str) -> str:
    return line if len(line) <= WIDTH + LAST else f"{line[:WIDTH]} ... {line[-LAST:]}"


def shown(lines: list[str], count: int) -> list[str]:
    return [f"    | {line}" for line in lines[-count:]] if count else []


def summary(outcomes: list[Outcome], seconds: float) -> int:
    failed = [outcome for outcome in outcomes if outcome.verdict == "failed"]
    passed = [outcome for outcome in outcomes if outcome.verdict == "passed"]
    print(f"\n{seconds:.0f} seconds: " + ", ".join(f"{one.step.name} {one.seconds:.0f}" for one in outcomes if one.verdict != "left out"))
    for outcome in outcomes:
        if outcome.verdict != "passed":
            print("\n".join([f"{outcome.verdict}: {outcome.step.name}: {outcome.says}", *shown(outcome.telling, TOLD)]))
    print(f"{len(passed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def _left_out(step: Step, seconds: float, why: str) -> Outcome:
    if house.CI:
        say(f"    {step.name}: FAILED, cannot run here: {why}")
        return Outcome(step, "failed", seconds, f"cannot run here, and CI=true leaves nothing out: {why}")
    say(f"    {step.name}: left out: {why}")
    return Outcome(step, "left out", seconds, why)


def _call(run: Run, step: Step, log: pathlib.Path) -> int:
    """The exit status of a step; 124 after its time, when all that it started is ended too."""
    with open(log, "wb") as out:
        process = subprocess.Popen(step.argv, cwd=house.ROOT, env={**os.environ, **PLAIN}, stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        run.groups.add(process.pid)
        try:
            return process.wait(timeout=step.minutes * 60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            out.write(f"\nno end after {step.minutes} minutes".encode())
            return 124
        finally:
            run.groups.discard(process.pid)


def _stop_children_on_signals(run: Run) -> None:
    def stop(number, frame):
        del frame
        for group in list(run.groups):
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                pass
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


PRINTING = threading.Lock()


def say(text: str) -> None:
    with PRINTING:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
