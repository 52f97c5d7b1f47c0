# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to a host in place of Ansible's own archive of a module: the rooms that one entry needs, and the options, in one program.

Ansible's archive brings `ansible.module_utils.basic` and all it needs, which a host compiles at each call: most of a ping's processor time. The options are
checked here, on the controller, so that a host needs none of it. The rooms are those of the module; the program has no file of its own.
Where the host is this very process's, its entry is called.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import warnings
import zlib
from functools import cache, partial

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answered, logged

from ._compiled import PACKAGE, kept

_UTILS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "module_utils")
# Wherever in a room it stands: `from .room import name`, `from ..floor import room, room`, in brackets, too.
_IMPORT = re.compile(r"^[ ]*from (\.{1,2})([a-z0-9_.]*) import (?:\(([^)]*)\)|([^(\n]*))", re.MULTILINE)
# As small as it gets takes thrice as long.
_LEVEL = 3
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_PROGRAM = r"""
import sys
if sys.version_info < (3, 9):
    sys.stdout.write('{"failed": true, "msg": "Python on this host is %d.%d, and evergreen.pki needs 3.9 or newer. Name another in ansible_python_interpreter"}'
                     % tuple(sys.version_info[:2]))
    sys.exit(1)
_HERE = {"", "."} | ({__file__.rpartition("/")[0]} if "__file__" in globals() else set())
sys.path[:] = [one for one in sys.path if one not in _HERE]
import base64, gc, json, zlib
from importlib.machinery import ModuleSpec
gc.disable()


class Rooms:
    def __init__(self, texts):
        self.texts = texts

    def find_spec(self, name, path=None, target=None):
        text = self.texts.get(name)
        if text is None:
            return None
        spec = ModuleSpec(name, self, is_package=text == "")
        spec.origin = name
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.texts[module.__name__], module.__name__, "exec", dont_inherit=True), module.__dict__)

    def get_source(self, name):
        return self.texts[name]


def read(data):
    return json.loads(zlib.decompress(base64.b64decode(data)))


sys.meta_path.insert(0, Rooms(read("@rooms")))
from @package._core.host import answered, logged
logged(read("@line"))
from @package.@floor.@room import @entry
answer = answered(lambda: @entry(**read("@options")))
sys.stdout.write("\n" + json.dumps(answer) + "\n")
sys.stdout.flush()
sys.exit(1 if answer.get("failed") else 0)
"""


def program(entry: str, options: dict, line: dict | None = None) -> bytes:
    """The program that prints, as JSON, what the entry returns. entry: `_floor.room.function`; options: its keyword arguments, plain data.

    line: what goes to the host's system log, `name`, `facility` and `text`.
    """
    floor, room, function = entry.split(".")
    filled = {"@rooms": _texts(f"{floor}.{room}"), "@package": PACKAGE, "@floor": floor, "@room": room, "@entry": function, "@options": _packed(options),
              "@line": _packed(line)}
    # All at once: what was put in may look like a place of another.
    return re.sub("@[a-z]+", lambda place: filled[place.group()], _PROGRAM).encode("ascii")


def call(entry: str, options: dict, line: dict | None = None) -> dict:
    """The answer that the program of the same arguments prints, made in this very process."""
    room, _dot, function = entry.rpartition(".")
    logged(line)
    # Some rooms load others when they need them.
    with kept(), warnings.catch_warnings():
        work = getattr(importlib.import_module(f"{PACKAGE}.{room}"), function)
        # What libraries say of odd certificates is nothing for the screen; a program's standard error is not shown either.
        warnings.simplefilter("ignore")
        return json.loads(json.dumps(answered(partial(work, **json.loads(_text_of(options))))))


def get_ready(entry: str) -> None:
    """Reads and packs what the programs of an entry have in common."""
    _texts(entry.rpartition(".")[0])


def rooms(first: str) -> set:
    """The rooms that travel with one: it, and those that an import names, however deep it stands. As `_floor.room`."""
    found, waiting = set(), {first, "_core.host"}
    while waiting:
        room = waiting.pop()
        found.add(room)
        waiting |= _needs(room) - found
    return found


@cache
def _texts(first: str) -> str:
    """The rooms that travel with one, packed."""
    names = rooms(first)
    parts = PACKAGE.split(".")
    folders = [*(".".join(parts[:number + 1]) for number in range(len(parts))), *(f"{PACKAGE}.{name.partition('.')[0]}" for name in names)]
    return _packed({**dict.fromkeys(folders, ""), **{f"{PACKAGE}.{name}": _text(name) for name in sorted(names)}})


def _packed(data) -> str:
    return base64.b64encode(zlib.compress(_text_of(data).encode("ascii"), _LEVEL)).decode("ascii")


def _text_of(data) -> str:
    # Up to ansible-core 2.18 an option may be a vaulted text, which is a class of its own; as a text it is plain.
    return json.dumps(data, default=str)


def _needs(room: str) -> set:
    floor, named = room.partition(".")[0], set()
    for dots, path, bracketed, plain in _IMPORT.findall(_text(room)):
        base = ".".join(([floor] if dots == "." else []) + ([path] if path else []))
        named |= {base, *(f"{base}.{name}" for name in _NAME.findall(re.sub(r"#.*", "", bracketed or plain)))}
    return named & _known()


@cache
def _known() -> frozenset:
    floors = [one for one in os.listdir(_UTILS) if one.startswith("_") and "." not in one]
    return frozenset(f"{floor}.{file[:-3]}" for floor in floors for file in os.listdir(f"{_UTILS}/{floor}") if file.endswith(".py"))


@cache
def _text(room: str) -> str:
    with open(f"{_UTILS}/{room.replace('.', '/')}.py", encoding="utf-8") as file:
        return file.read()
