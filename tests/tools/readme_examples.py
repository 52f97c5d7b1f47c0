# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the examples of the documentation as they stand: readme_examples.py [FILE.md]... (README.md and docs/*.md)

The words after the language of a fenced block say what happens to it; a block with none is only shown:

    ```yaml play             a playbook: ansible-playbook --syntax-check must accept it
    ```yaml play run         the same, and it must end well on localhost, or on the inventory of the file
    ```shell run             bash runs it (-euo pipefail); the exit status must be 0
    ```yaml file=hosts.yml   is written to that file, for the blocks after it; so does `ini file=ansible.cfg`

All blocks of one document share one empty folder, in order. `inventory.yml`, once written there, is the inventory of its plays.
The collection is found by its name. README.md must have at least one play and one shell block.
"""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

import house

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    where: str
    language: str
    words: tuple[str, ...]
    text: str


def blocks(document: pathlib.Path) -> list[Block]:
    """The fenced blocks whose info string has words after the language."""
    source = document.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(source):
        language, *words = fence["info"].split() or [""]
        line = source.count("\n", 0, fence.start()) + 1
        text = re.sub(rf"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE)
        found.append(Block(f"{document.relative_to(house.ROOT)}:{line}", language, tuple(words), text))
    return [block for block in found if block.words]


def commands(block: Block, number: int, folder: pathlib.Path) -> list[list[str]]:
    """What has to be run for a block; files are written on the way."""
    if block.words[0].startswith("file=") and len(block.words) == 1:
        target = folder / block.words[0][len("file="):]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
        return []
    if block.language in ("shell", "bash", "sh") and block.words == ("run",):
        return [["bash", "-euo", "pipefail", "-c", block.text]]
    if block.language == "yaml" and block.words in (("play",), ("play", "run")):
        playbook = folder / f"play{number}.yml"
        playbook.write_text(block.text, encoding="utf-8")
        inventory = "inventory.yml" if (folder / "inventory.yml").exists() else "localhost,"
        call = ["ansible-playbook", "-i", inventory, playbook.name]
        return [[*call, "--syntax-check"], *([[*call, "--connection", "local"]] if "run" in block.words else [])]
    sys.exit(f"{block.where}: what does `{block.language} {' '.join(block.words)}` mean? See the head of tests/tools/readme_examples.py.")


def run(document: pathlib.Path) -> tuple[list[Block], list[str]]:
    """Runs the blocks of one document; returns them and the places of those that failed."""
    folder = house.CACHE / "examples" / document.stem
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # An empty one here keeps the user's own ~/.ansible.cfg out.
    (folder / "ansible.cfg").touch()
    tagged, failed = blocks(document), []
    for number, block in enumerate(tagged, 1):
        print(f"{block.where}: {block.language} {' '.join(block.words)}", flush=True)
        for command in commands(block, number, folder):
            if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode:
                failed.append(block.where)
                break
    return tagged, failed


def main() -> int:
    named = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    documents = named or [house.ROOT / "README.md", *sorted((house.ROOT / "docs").glob("*.md"))]
    tagged: list[Block] = []
    failed: list[str] = []
    for document in documents:
        ran, bad = run(document)
        tagged += ran
        failed += bad
    kinds = {block.words[0] for block in tagged if block.where.startswith("README.md:")}
    if not named and not {"play", "run"} <= kinds:
        print("README.md has no tagged play or no tagged shell block: see the head of tests/tools/readme_examples.py")
        return 1
    print(f"{len(tagged)} examples, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
