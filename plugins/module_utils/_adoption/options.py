# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules of adoption share, as an argument spec. Pure."""

from __future__ import annotations

from .._core.options import STATE_PATH

CLIENTS = ("acmesh", "certbot", "dehydrated", "lego")
_PLACES = {
    "acmesh_paths": ["/root/.acme.sh", "/etc/acme.sh"],
    "certbot_paths": ["/etc/letsencrypt"],
    "dehydrated_paths": ["/etc/dehydrated", "/usr/local/etc/dehydrated"],
    "lego_paths": ["/root/.lego", "/etc/lego", "/var/lib/lego"],
    "cron_paths": ["/etc/crontab", "/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron"],
    "script_paths": ["/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly"],
    "unit_paths": ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"],
}


def spec() -> dict:
    """The argument spec."""
    return {"clients": {"type": "list", "elements": "str", "choices": list(CLIENTS), "default": list(CLIENTS)},
            **{name: {"type": "list", "elements": "path", "default": list(paths)} for name, paths in _PLACES.items()},
            "state_path": {"type": "path", "default": STATE_PATH}}
