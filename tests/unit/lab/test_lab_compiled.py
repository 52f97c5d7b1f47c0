# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts of the lab keep compiled is what was sent to them, in processes of their own: it changes how Python imports."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import zipfile

FILES = pathlib.Path(__file__).resolve().parents[2] / "lab" / "files"
SCRIPT = """
import sys, zipimport
sys.path[:0] = [sys.argv[1], sys.argv[2]]
if sys.argv[3] == "nothing is compiled":
    zipimport._compile_source = None
import lab_compiled
lab_compiled.FOLDER = sys.argv[4]
import sent
print(sent.VALUE)
"""


def said(tmp_path, value, how="", folder="kept"):
    """What an archive's module is seen to be."""
    archive = tmp_path / f"{value}.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("sent.py", f"VALUE = {value}\n")
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(archive), str(FILES), how, str(tmp_path / folder)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_it_is_compiled_once(tmp_path):
    """Another process, and an archive elsewhere, have it from the folder."""
    assert said(tmp_path, 1, "nothing is compiled").startswith("TypeError")
    assert said(tmp_path, 1) == "1" and said(tmp_path, 1, "nothing is compiled") == "1"


def test_another_text_is_another_file(tmp_path):
    """What was changed is compiled, whatever else is the same."""
    assert (said(tmp_path, 1), said(tmp_path, 2), said(tmp_path, 1)) == ("1", "2", "1")
    assert len(list((tmp_path / "kept").iterdir())) == 2


def test_a_damaged_file_is_made_again(tmp_path):
    """As one that is cut off."""
    assert said(tmp_path, 1) == "1"
    [file] = (tmp_path / "kept").iterdir()
    for content in (b"", file.read_bytes()[:9], b"nonsense"):
        file.write_bytes(content)
        assert said(tmp_path, 1) == "1"
    assert said(tmp_path, 1, "nothing is compiled") == "1"


def test_who_may_not_write_goes_without(tmp_path):
    """Hosts have other users than root."""
    (tmp_path / "file").touch()
    assert said(tmp_path, 1, folder="file/kept") == "1"
