# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of Python and cryptography that many certificates are measured against, and the plan's own rooms without Ansible's frame.

    python loops.py dates|facts|plan FOLDER
"""

from __future__ import annotations

import glob
import json
import sys


def dates(folder: str) -> None:
    """Reads when each certificate begins and ends, and finds the nearest end."""
    from cryptography import x509
    nearest = None
    for path in sorted(glob.glob(f"{folder}/*.pem")):
        with open(path, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        both = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        nearest = min(nearest or both[1], both[1])
    print(nearest)


def facts(folder: str) -> None:
    """Reads serial, dates, names, issuer and subject of each certificate: the bare loop."""
    from cryptography import x509
    found = []
    for path in sorted(glob.glob(f"{folder}/*.pem")):
        with open(path, "rb") as file:
            one = x509.load_pem_x509_certificate(file.read())
        names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        found.append((one.serial_number, one.not_valid_before_utc, one.not_valid_after_utc, names, one.issuer.rfc4514_string(),
                      one.subject.rfc4514_string()))
    print(len(found))


def plan(folder: str) -> None:
    """Decides as cert_plan does, for one declaration of all files, and writes its answer."""
    from datetime import datetime, timezone

    from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.plan import plan_host
    from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
    options = {"certificates": [{"name": "all", "issuer": "external", "path": f"{folder}/*.pem"}], "products": "none", "show": "auto",
               "remind_every": "7d", "reminded": [], "force": False}
    answer = plan_host(options, "h1.example", State(f"{folder}/no-state"), datetime.now(timezone.utc), lambda item, place: item, remember=True)
    print(json.dumps(answer))


if __name__ == "__main__":
    {"dates": dates, "facts": facts, "plan": plan}[sys.argv[1]](sys.argv[2])
