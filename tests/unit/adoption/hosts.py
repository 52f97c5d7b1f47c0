# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with all four clients on it, what calls them by the clock, and the systemctl of this machine at units in a folder."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import adopting
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import put
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, tree

TIMER = "[Unit]\nDescription=Run certbot twice daily\n\n[Timer]\nOnCalendar=*-*-* 00,12:00:00\n\n[Install]\nWantedBy=timers.target\n"
SERVICE = "[Service]\nType=oneshot\nExecStart=/usr/bin/certbot -q renew --no-random-sleep-on-renew\nPrivateTmp=true\n"
CRON_D = "SHELL=/bin/sh\n\n0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew\n"
CRONTAB = '5 4 * * * /bin/true\n41 3 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null\n'
DAILY = "#!/bin/sh\nexec /usr/bin/dehydrated --cron\n"
LEGO_D = "0 3 * * * root OVH_SECRET=hush lego --server https://ca.example:14000/dir -d localhost --http --http.webroot /var/www renew\n"


class Host:
    """Below one folder."""

    def __init__(self, root, only=tuple(clients.MAKERS)):
        self.root, self.state_path = pathlib.Path(root), os.path.join(str(root), "state")
        homes = {client: clients.MAKERS[client](self.root) for client in only}
        put(self.root / "cron.d" / "certbot", CRON_D)
        put(self.root / "cron.d" / "lego", LEGO_D)
        put(self.root / "crontabs" / "root", CRONTAB, 0o600)
        put(self.root / "cron.daily" / "dehydrated", DAILY, 0o755)
        self.units = self.root / "system" / "etc" / "systemd" / "system"
        put(self.units / "certbot.timer", TIMER)
        put(self.units / "certbot.service", SERVICE)
        put(self.units / "other.timer", TIMER)
        self.systemctl(["enable", "certbot.timer"])
        self.options = {"clients": sorted(homes), "names": None, "state_path": self.state_path,
                        "cron_paths": [str(self.root / "cron.d"), str(self.root / "crontabs")], "script_paths": [str(self.root / "cron.daily")],
                        "unit_paths": [str(self.units)],
                        **{f"{client}_paths": [homes[client]] if client in homes else [] for client in clients.MAKERS}}

    def systemctl(self, words) -> tuple:
        done = subprocess.run(["systemctl", f"--root={self.root}/system", *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout or done.stderr

    def enabled(self) -> bool:
        return self.systemctl(["is-enabled", "certbot.timer"])[1].strip() == "enabled"

    def inform(self, **changes) -> dict:
        return adopting.inform({**self.options, **changes}, self.systemctl)

    def adopt(self, check: bool = False, **changes) -> dict:
        return adopting.adopt({**self.options, **changes}, self.systemctl, NOW, check)

    def revert(self, check: bool = False, **changes) -> dict:
        return adopting.revert({**self.options, **changes}, self.systemctl, check)

    def files(self) -> dict:
        """All but our own state, without the numbers of inodes."""
        return {path: row[:4] for path, row in tree(str(self.root)).items() if not path.startswith(self.state_path) and path != str(self.root)}

    def issued(self, path):
        return acme_memory.load(State(self.state_path).fresh(str(path))).issued

    def forget(self) -> None:
        shutil.rmtree(self.state_path)


def adopt(host: Host) -> None:
    """Functions of this module, so that a child that dies can run them."""
    host.adopt()


def revert(host: Host) -> None:
    host.revert()
