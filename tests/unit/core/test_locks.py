# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import concurrent.futures
import os
import threading
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import locks
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, LockBusy
from ansible_collections.evergreen.pki.plugins.module_utils._core.locks import locked
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, in_child


class Holder:
    """Another process that holds the lock until it is told to let go."""

    def __init__(self, path):
        ready, told = os.pipe()
        going, self._go = os.pipe()

        def hold():
            with locked(path):
                os.write(told, b"!")
                os.read(going, 1)
            return "held"
        self.child = Child(hold)
        os.read(ready, 1)

    def let_go(self):
        os.write(self._go, b"!")
        return self.child.result()


def test_a_second_process_waits_and_then_gives_up(tmp_path):
    """Two runs at once: the second waits a bounded time, then says which lock is held and that it may succeed later."""
    path = str(tmp_path / "web.lock")
    holder = Holder(path)
    try:
        start = time.monotonic()
        with pytest.raises(LockBusy) as caught, locked(path, seconds=0.2):
            pass
        assert 0.2 <= time.monotonic() - start < 20
        assert caught.value.where == path and caught.value.retry
    finally:
        assert holder.let_go() == ("returned", "held")


def test_a_second_process_gets_it_once_the_first_is_done(tmp_path):
    """The second run waits, then goes on."""
    path = str(tmp_path / "web.lock")
    holder = Holder(path)

    def later():
        with locked(path, seconds=20):
            return "mine"
    waiting = Child(later)
    holder.let_go()
    assert waiting.result() == ("returned", "mine")


def test_a_killed_holder_leaves_the_lock_free(tmp_path):
    """A lock never outlives its process, and its file is never deleted."""
    path = str(tmp_path / "web.lock")

    def die():
        with locked(path):
            os._exit(9)
    assert in_child(die) == ("killed", 9)
    with locked(path, seconds=0):
        assert os.path.exists(path)
    assert os.path.exists(path)


def test_the_lock_is_free_after_an_error(tmp_path):
    """An error inside gives the lock back."""
    path = str(tmp_path / "web.lock")
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path, seconds=0):
        pass


def test_a_lock_file_is_private(tmp_path):
    """Only its owner can take the lock, whatever the umask."""
    before = os.umask(0)
    try:
        with locked(str(tmp_path / "web.lock")):
            assert os.stat(tmp_path / "web.lock").st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_symbolic_link_is_no_lock(tmp_path):
    """A link planted in place of the lock is refused, and what it points to stays untouched."""
    (tmp_path / "web.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="symbolic links"), locked(str(tmp_path / "web.lock")):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_missing_folder_is_a_clear_error(tmp_path):
    """The error names the lock and the way out."""
    with pytest.raises(HostError, match="Create the folder first"), locked(str(tmp_path / "missing" / "web.lock")):
        pass


def test_threads_take_turns(tmp_path):
    """Each holds it alone, and nobody asks the operating system while another thread has it."""
    path, inside, asked, most = str(tmp_path / "web.lock"), [], [], []

    def work():
        with locked(path, seconds=20):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)
            inside.pop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(locks.fcntl, "flock", lambda *given: asked.append(given))
        threads = [threading.Thread(target=work) for _number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == [1] * 20 and len(asked) == 20


def test_a_thread_gives_up_as_another_process_does(tmp_path):
    """After its time, in the same words; and it gets the lock once it is free."""
    path = str(tmp_path / "web.lock")

    def later():
        with pytest.raises(LockBusy) as caught, locked(path, seconds=0.05):
            pass
        return caught.value.where
    with locked(path), concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert pool.submit(later).result() == path
    with locked(path, seconds=0):
        pass
