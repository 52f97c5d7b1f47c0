# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import files, replace
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.tests.unit.helpers import as_nobody, open_folder


def test_reads_what_is_there(tmp_path):
    """A regular file is read whole."""
    (tmp_path / "a.pem").write_bytes(b"abc")
    assert files.read(str(tmp_path / "a.pem")) == b"abc"


def test_a_missing_file_is_no_refusal(tmp_path):
    """Missing is a state of its own, so that callers can tell it apart; a dangling link is missing too."""
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("gone", "link"):
        with pytest.raises(FileNotFoundError):
            files.read(str(tmp_path / name))


def test_links_are_followed_for_reading(tmp_path):
    """Symbolic links are followed, also over two steps."""
    (tmp_path / "a.pem").write_bytes(b"abc")
    (tmp_path / "one").symlink_to("a.pem")
    (tmp_path / "two").symlink_to("one")
    assert files.read(str(tmp_path / "two")) == b"abc"


@pytest.mark.parametrize(("make", "says"), [
    pytest.param(os.mkdir, "is a folder", id="a folder where a file belongs"),
    pytest.param(os.mkfifo, "no regular file", id="a FIFO that nobody writes to"),
    pytest.param(lambda path: os.symlink(path, path), "symbolic links", id="a link to itself"),
    pytest.param(lambda path: path.symlink_to("/dev/zero"), "no regular file", id="an endless device"),
    pytest.param(lambda path: path.write_bytes(bytes(files.MAX_BYTES + 1)), "bytes", id="one byte over 1 MiB"),
])
def test_what_is_no_readable_file_is_refused(tmp_path, make, says):
    """A refusal names the file and a way out, and waits for nothing."""
    path = tmp_path / "a.pem"
    make(path)
    start = time.monotonic()
    with pytest.raises(FileRefused, match=says) as caught:
        files.read(str(path))
    assert caught.value.where == str(path) and caught.value.way_out and time.monotonic() - start < 20


def test_exactly_a_mebibyte_is_read(tmp_path):
    """The boundary itself is allowed."""
    (tmp_path / "a.pem").write_bytes(bytes(files.MAX_BYTES))
    assert len(files.read(str(tmp_path / "a.pem"))) == files.MAX_BYTES


def test_a_file_that_claims_no_size_is_bounded():
    """A file whose size is not told (as below /proc) is read to its end, or refused at the limit."""
    assert files.read("/proc/self/status")
    with pytest.raises(FileRefused, match="more than 16 bytes"):
        files.read("/proc/self/status", limit=16)


def test_a_file_below_a_file_is_refused(tmp_path):
    """A path through a file is a mistake in the path."""
    (tmp_path / "a.pem").write_bytes(b"")
    with pytest.raises(FileRefused, match="Correct the path"):
        files.read(str(tmp_path / "a.pem" / "b.pem"))


def test_a_file_of_somebody_else_names_become():
    """Without the right to read, the way out is to become a user who has it."""
    with open_folder() as folder:
        path = os.path.join(folder, "a.key")
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), 0)
        how, answer = as_nobody(files.read, path)
        assert how == "raised" and answer[0] == "FileRefused" and path in answer[1] and "become" in answer[1]


def test_a_name_longer_than_a_file_system_allows_is_refused(tmp_path):
    """300 characters are no crash."""
    with pytest.raises(FileRefused, match="too long"):
        files.read(str(tmp_path / ("x" * 300)))


def test_peek_sees_nothing_where_nothing_can_be_read(tmp_path):
    """For showing, a file that cannot be read is as good as none."""
    (tmp_path / "a.pem").write_bytes(b"abc")
    assert [replace.peek(str(path)) for path in (tmp_path / "a.pem", tmp_path, tmp_path / "gone")] == [b"abc", None, None]


def test_an_error_without_a_number_has_words():
    """An OSError that was made without a number still says something."""
    assert "odd" in str(files.refused(OSError("odd"), "/tls/web.pem"))
