# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms loaded as Python loads any file, with what it compiled kept beside them where it may write there.

Ansible's finder of collections compiles each file anew in each process, which takes longer than all else that it does to load `acme_order`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from importlib.util import spec_from_file_location

PACKAGE = "ansible_collections.evergreen.pki.plugins.module_utils"
_ROOM = re.compile(re.escape(PACKAGE) + r"\._[a-z0-9]+\.([a-z0-9_]+)")


class Rooms:
    """Stands before Ansible's finder, for the rooms alone; their folders are Ansible's to find."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """As finders do; None for what is no room of ours."""
        found = _ROOM.fullmatch(name)
        for folder in path if found else ():
            file = os.path.join(folder, f"{found.group(1)}.py")
            if os.path.isfile(file):
                return spec_from_file_location(name, file)
        return None


@contextlib.contextmanager
def kept():
    """Rooms that are imported within are loaded so. Not for good: what else finds modules here is Ansible's."""
    sys.meta_path.insert(0, Rooms)
    try:
        yield
    finally:
        sys.meta_path.remove(Rooms)
