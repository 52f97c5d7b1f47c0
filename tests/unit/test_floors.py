# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of docs/architecture.md, read from the source with `ast`: nothing is imported to find out what imports what."""

from __future__ import annotations

import ast
import pathlib
import re

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils import _payload

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
COLLECTION = "ansible_collections.evergreen.pki.plugins."
FLOORS = ("_core", "_x509", "_protocol", "_keys", "_lifecycle", "_challenges", "_issuers", "_keystore", "_adoption")
EDGES = {"os", "socket", "time", "random"}
PAYLOAD = 60_000


def imported(path: pathlib.Path, package: str) -> set:
    """Dotted names that a file imports, wherever in it; relative ones from the dotted name of its folder.

    Of `from a import b` both a and a.b are named: b may be a room or a name in one.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[:len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def rooms(plugins: pathlib.Path) -> dict:
    """All rooms: `_core.errors` -> path."""
    base = plugins / "module_utils"
    return {f"{path.parent.name}.{path.stem}": path for path in sorted(base.rglob("*.py")) if path.stem != "__init__"}


def needs(plugins: pathlib.Path) -> dict:
    """Each room, and the rooms it imports."""
    found = rooms(plugins)
    prefix = COLLECTION + "module_utils."
    return {room: {name[len(prefix):] for name in imported(path, prefix + path.parent.name) if name[len(prefix):] in found}
            for room, path in found.items()}


def violations(plugins: pathlib.Path, pure: set) -> list:
    """What breaks the rules of the house, a sentence each."""
    found, graph = [], needs(plugins)
    for room, path in rooms(plugins).items():
        floor = room.partition(".")[0]
        if floor not in FLOORS:
            found.append(f"{room} stands on no floor")
            continue
        for other in graph[room]:
            if FLOORS.index(other.partition(".")[0]) > FLOORS.index(floor):
                found.append(f"{room} imports {other} from a floor above")
        edges = {name.partition(".")[0] for name in imported(path, COLLECTION + "module_utils." + floor)} & EDGES
        if room in pure and edges:
            found.append(f"{room} is pure but imports {', '.join(sorted(edges))}")
        found += [f"{room} is pure but imports {other}, which is not" for other in graph[room] if room in pure and other not in pure]
    return found + [f"{' -> '.join(cycle)} is a circle" for cycle in circles(graph)]


def circles(graph: dict) -> list:
    """A way round for each room that needs itself."""
    def way(room, target, seen):
        for other in sorted(graph[room]):
            if other == target:
                return [room, other]
            if other not in seen:
                seen.add(other)
                rest = way(other, target, seen)
                if rest:
                    return [room, *rest]
        return None
    return [found for room in graph if (found := way(room, room, set()))]


def pure_rooms() -> set:
    """The rooms that the table of floors in docs/architecture.md calls pure."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    pure = set()
    for floor, listed in re.findall(r"^\| [0-9] `(_[a-z0-9]+)` \| (.*?) \|", text, re.MULTILINE):
        for part in listed.split(";"):
            if part.rstrip().endswith("pure") and "impure" not in part:
                pure |= {f"{floor}.{room}" for room in re.findall(r"`([a-z_0-9]+)`", part)}
    return pure


def test_the_floors_hold():
    """A room imports only from floors below it or its own, without circles; pure rooms know no clock, disk, network or chance."""
    assert violations(PLUGINS, pure_rooms() & set(rooms(PLUGINS))) == []


def test_the_picture_names_every_room():
    """The table of floors lists exactly the rooms there are."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = {f"{floor}.{room}" for floor, row in re.findall(r"^\| [0-9] `(_[a-z0-9]+)` \| (.*?) \|", text, re.MULTILINE)
              for room in re.findall(r"`([a-z_0-9]+)`", row)}
    assert listed == set(rooms(PLUGINS))


def test_modules_import_nothing_of_the_controller():
    """What only the controller runs never travels to a host: no module and no room imports plugins/plugin_utils."""
    for path in [*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("module_utils/*/*.py")]:
        names = imported(path, COLLECTION + ".".join(path.relative_to(PLUGINS).parts[:-1]))
        assert not [name for name in names if name.startswith(COLLECTION + "plugin_utils")], path


def test_one_room_knows_ansible():
    """Rooms are tried on each Python and library without ansible-core: only the edge of a module imports any of it."""
    prefix = COLLECTION + "module_utils."
    knowing = {room for room, path in rooms(PLUGINS).items()
               if any(name.partition(".")[0] == "ansible" for name in imported(path, prefix + room.partition(".")[0]))}
    assert knowing == {"_core.host"}


def test_the_daily_run_is_light():
    """cert_plan travels with under 60,000 bytes of own source: it is the one task of a healthy host (issue 5)."""
    sizes = {room: rooms(PLUGINS)[room].stat().st_size for room in _payload.rooms("_lifecycle.cert_plan_here")}
    assert sum(sizes.values()) < PAYLOAD, sorted(((size, room) for room, size in sizes.items()), reverse=True)


def test_the_daily_run_describes_nothing():
    """The rooms that describe certificates at length, write pairs or sign are not among what cert_plan ships."""
    assert not {"_x509.facts", "_x509.keys", "_lifecycle.pair", "_lifecycle.probe", "_issuers.selfsigned"} & _payload.rooms("_lifecycle.cert_plan_here")


# The checker itself, on a house that was never built.

@pytest.fixture
def house(tmp_path):
    """Builds a tree of plugins from path -> source."""
    def build(**sources):
        for name, source in sources.items():
            folder, room = name.split("__")
            path = tmp_path / ("module_utils" if folder.startswith("_") else "") / folder / f"{room}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return tmp_path
    return build


def test_a_sound_house_passes(house):
    """Downward and sideways imports are what is allowed."""
    built = house(_core__errors="import re", _x509__names="from .._core.errors import X", _lifecycle__rule="from .._x509 import names\nfrom .state import Y",
                  _lifecycle__state="import os\nfrom .._core import errors")
    assert violations(built, {"_core.errors", "_x509.names"}) == []


@pytest.mark.parametrize(("sources", "says"), [
    pytest.param({"_core__errors": "from .._x509.names import X", "_x509__names": ""}, "_core.errors imports _x509.names from a floor above", id="upward"),
    pytest.param({"_core__errors": "def f():\n    from .._x509 import names", "_x509__names": ""}, "_core.errors imports _x509.names from a floor above",
                 id="upward, hidden in a function"),
    pytest.param({"_core__errors": f"from {COLLECTION}module_utils._issuers.acme import X", "_issuers__acme": ""},
                 "_core.errors imports _issuers.acme from a floor above", id="upward, by the full name"),
    pytest.param({"_core__errors": "import os.path"}, "_core.errors is pure but imports os", id="a pure room that knows the disk"),
    pytest.param({"_core__errors": "try:\n    from time import sleep\nexcept ImportError:\n    pass"}, "_core.errors is pure but imports time",
                 id="or the clock"),
    pytest.param({"_core__errors": "from .files import read", "_core__files": ""}, "_core.errors is pure but imports _core.files, which is not",
                 id="by another room"),
    pytest.param({"_core__a": "from .b import X", "_core__b": "from . import a"}, "_core.a -> _core.b -> _core.a is a circle", id="a circle"),
    pytest.param({"_attic__a": ""}, "_attic.a stands on no floor", id="a room on no floor"),
])
def test_a_violation_is_found(house, sources, says):
    """The checker finds what it is there for."""
    assert says in violations(house(**sources), {"_core.errors"})
