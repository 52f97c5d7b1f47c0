# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command and kills it, with all its children, as soon as it says something: killed_run.py WORDS COMMAND..."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def main() -> None:
    process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
                               env={**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false", "PYTHONUNBUFFERED": "1"})
    said = []
    for line in process.stdout:
        said.append(line)
        if sys.argv[1] in line:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return
    sys.exit(f"it ended by itself:\n{''.join(said)}")


if __name__ == "__main__":
    main()
