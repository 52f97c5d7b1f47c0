# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of the checkout names its copyright holder and its licence; prints those that do not."""

from __future__ import annotations

import sys

import house

# The licence itself, and what cannot carry a remark or is written by a tool.
EXEMPT_NAMES = {"LICENSE", "CHANGELOG.md", "changelog.yaml", "encryption-keys.cfg"}
EXEMPT_SUFFIXES = {".crt", ".der", ".enc", ".json", ".key", ".p12", ".pem", ".png", ".svg"}
LINES = ("Copyright (c) 2026 The evergreen.pki authors", "SPDX-License-Identifier: GPL-3.0-or-later")


def lacks(text: str) -> bool:
    head = "\n".join(text.splitlines()[:8])
    return not all(line in head for line in LINES)


def main() -> int:
    files = [path for path in house.checkout_files() if path.name not in EXEMPT_NAMES and path.suffix not in EXEMPT_SUFFIXES]
    bare = [path for path in files if lacks((house.ROOT / path).read_text(encoding="utf-8", errors="replace"))]
    for path in bare:
        print(f"{path}: the first lines lack: {' / '.join(LINES)}")
    return 1 if bare else 0


if __name__ == "__main__":
    sys.exit(main())
