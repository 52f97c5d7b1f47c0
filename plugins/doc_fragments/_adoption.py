# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where other ACME clients keep their files: options of the modules that take them over."""

from __future__ import annotations


class ModuleDocFragment:
    """The places."""

    DOCUMENTATION = r"""
options:
  clients:
    description: The clients that are looked for.
    type: list
    elements: str
    choices: [acmesh, certbot, dehydrated, lego]
    default: [acmesh, certbot, dehydrated, lego]
  acmesh_paths:
    description: Homes of acme.sh, each with a folder for every certificate.
    type: list
    elements: path
    default: [/root/.acme.sh, /etc/acme.sh]
  certbot_paths:
    description: Configuration folders of certbot, each with C(renewal) and C(live).
    type: list
    elements: path
    default: [/etc/letsencrypt]
  dehydrated_paths:
    description: Folders of dehydrated with its C(config).
    type: list
    elements: path
    default: [/etc/dehydrated, /usr/local/etc/dehydrated]
  lego_paths:
    description: Folders of lego, each with C(certificates) and C(accounts).
    type: list
    elements: path
    default: [/root/.lego, /etc/lego, /var/lib/lego]
  cron_paths:
    description: Cron tables, and folders of them.
    type: list
    elements: path
    default: [/etc/crontab, /etc/cron.d, /var/spool/cron/crontabs, /var/spool/cron]
  script_paths:
    description: Folders of scripts that cron runs.
    type: list
    elements: path
    default: [/etc/cron.hourly, /etc/cron.daily, /etc/cron.weekly, /etc/cron.monthly]
  unit_paths:
    description: Folders of systemd's units, the first one that has a unit decides.
    type: list
    elements: path
    default: [/etc/systemd/system, /usr/local/lib/systemd/system, /usr/lib/systemd/system, /lib/systemd/system]
  state_path:
    description: The folder of what is remembered between runs on the host.
    type: path
    default: /var/lib/evergreen
"""
