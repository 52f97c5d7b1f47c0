# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cluster file system for unit tests: nodes that share one tree, mounted below a folder."""

from __future__ import annotations

import contextlib
import importlib.util
import pathlib

import pytest

_PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "lab" / "pmxcfs.py"


def program():
    """The module of the lab's program."""
    spec = importlib.util.spec_from_file_location("pmxcfs", _PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Cluster:
    """The mounts by node, and the file that takes the quorum away."""

    def __init__(self, folder, nodes):
        self.control = folder / "control"
        self.nodes = {node: folder / f"at-{node}" for node in nodes}

    @property
    def first(self):
        return next(iter(self.nodes.values()))

    def lose_quorum(self):
        self.control.write_text("lost\n")

    def regain_quorum(self):
        self.control.unlink()


@contextlib.contextmanager
def mounted(folder, nodes=("node1",)):
    """A Cluster below the folder; skips the test where no such file system can be mounted."""
    lab = program()
    why = lab.unusable()
    if why:
        pytest.skip(f"no cluster file system here: {why}")
    cluster, processes = Cluster(folder, nodes), []
    try:
        for node, place in cluster.nodes.items():
            processes.append(lab.mount(node, folder / "tree", place, cluster.control, "--attached"))
        yield cluster
    finally:
        for process, place in zip(processes, cluster.nodes.values()):
            lab.unmount(place)
            process.stdin.close()
            process.wait(20)
