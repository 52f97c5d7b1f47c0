# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all tests of modules."""

from __future__ import annotations

from ansible_collections.evergreen.pki.tests.unit.modules.running import collections, run, tls

__all__ = ("collections", "run", "tls")
