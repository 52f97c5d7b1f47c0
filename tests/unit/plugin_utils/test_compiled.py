# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the controller loads the rooms, by Ansible's finder of collections with ours in front of it: in processes of their own."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("ansible.utils.collection_loader", reason="ansible-core is not installed for this Python")

pytestmark = pytest.mark.controller
PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"
SCRIPT = """
import sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
_AnsibleCollectionFinder(paths=[sys.argv[1]])._install()
from ansible_collections.evergreen.pki.plugins.plugin_utils._compiled import kept
before = list(sys.meta_path)
with kept():
    from ansible_collections.evergreen.pki.plugins.module_utils._core import errors
    from ansible_collections.evergreen.pki.plugins.module_utils._core.host import failure
    from ansible_collections.evergreen.pki.plugins.plugin_utils import _parts
from ansible_collections.evergreen.pki.plugins.module_utils._core import durations
print(errors.__file__, errors.__cached__, failure(errors.EvergreenError("told"))["msg"], sys.meta_path == before)
"""


@pytest.fixture
def collection(tmp_path):
    """A collection of its own, of which nothing has been compiled."""
    root = tmp_path / "ansible_collections" / "evergreen" / "pki"
    for folder in ("module_utils/_core", "plugin_utils"):
        shutil.copytree(PLUGINS / folder, root / "plugins" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return root / "plugins"


def said(collection, **more):
    """What the script says where this collection is found."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV"))}
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(collection.parents[3])], env={**environment, **more}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_rooms_are_compiled_once(collection):
    """Beside them, as Python does it for any package; what is Ansible's to load stays so, also afterwards."""
    file, cached, *told = said(collection)
    assert file == str(collection / "module_utils" / "_core" / "errors.py") and told == ["told", "True"]
    assert pathlib.Path(cached).parent == collection / "module_utils" / "_core" / "__pycache__"
    made = {path.name.split(".")[0] for path in collection.rglob("*.pyc")}
    assert {"errors", "host"} <= made and not {"_parts", "durations"} & made
    stamps = {path: path.stat().st_mtime_ns for path in collection.rglob("*.pyc")}
    assert said(collection) == [file, cached, *told] and stamps == {path: path.stat().st_mtime_ns for path in collection.rglob("*.pyc")}


def test_a_changed_room_is_compiled_anew(collection):
    """Python compares time and size."""
    assert said(collection)[2] == "told"
    host = collection / "module_utils" / "_core" / "host.py"
    host.write_text(host.read_text().replace('{"msg": str(error)', '{"msg": "changed"'))
    assert said(collection)[2] == "changed"


def test_nothing_need_be_written(collection):
    """As in an execution environment, whose collections are read-only."""
    assert said(collection, PYTHONDONTWRITEBYTECODE="1")[2] == "told"
    assert not list(collection.rglob("*.pyc"))
