# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of this collection have in common: attributes."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would do without changing anything.
  diff_mode:
    description: Returns the difference that was made, or would be made, in diff mode.
  idempotent:
    description: A second run with the same options changes nothing.
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
  action_group:
    description: Belongs to the action group C(evergreen.pki.pki), so that C(module_defaults) can set its common options once.
    support: full
    membership:
      - evergreen.pki.pki
notes:
  - When it fails, C(msg) says what is wrong, where, and the way out; C(error_chain) is the same with all causes on one line; C(retry) whether the
    same call may succeed later.
requirements:
  - Python 3.9 or newer on the host
  - cryptography 36 or newer on the host (Debian's python3-cryptography)
author:
  - The evergreen.pki authors (@evergreen-pki)
"""

    READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: It changes nothing on the host.
  diff_mode:
    support: N/A
    details: It changes nothing on the host.
  idempotent:
    support: full
"""

    CHANGES = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""
