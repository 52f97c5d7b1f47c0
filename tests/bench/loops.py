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


def compare(given: str, place: str) -> None:
    """Reads each pair that is given and its place, checks that it is a valid pair, and compares the bytes."""
    from datetime import datetime, timezone

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
    now, same = datetime.now(timezone.utc), 0
    for path in sorted(glob.glob(f"{given}/*.pem")):
        texts = []
        for file in (path, f"{path[:-4]}.key", path.replace(given, place), f"{path[:-4]}.key".replace(given, place)):
            with open(file, "rb") as opened:
                texts.append(opened.read())
        certificate, key = x509.load_pem_x509_certificate(texts[0]), load_pem_private_key(texts[1], None)
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        assert certificate.public_key().public_bytes(*form) == key.public_key().public_bytes(*form)
        assert certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
        same += texts[:2] == texts[2:]
    print(same)


def install(given: str, place: str) -> None:
    """Does as cert_install with these pairs, and writes its answer."""
    from datetime import datetime, timezone

    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.uploads import put_all
    from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
    wanted = [{"src": path, "key_src": f"{path[:-4]}.key", "path": path.replace(given, place), "key_path": f"{path[:-4]}.key".replace(given, place)}
              for path in sorted(glob.glob(f"{given}/*.pem"))]
    done = put_all(wanted, "h1.example", State(f"{place}/../state"), datetime.now(timezone.utc), False)
    assert not done.failures and not any(row["changed"] for row in done.rows)
    print(json.dumps(done.rows))


if __name__ == "__main__":
    {"dates": dates, "facts": facts, "plan": plan, "compare": compare, "install": install}[sys.argv[1]](*sys.argv[2:])
