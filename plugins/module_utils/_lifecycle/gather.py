# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gatherer of cert_info: paths, folders, patterns, text and endpoints in, described certificates and errors out.

What cannot be read is an error of its source and never hides another.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from .._x509 import bundle

_PATTERN = re.compile(r"[*?\[]")
# Left out of a folder: hidden files, locks, and what an editor, a package manager or a product is just writing.
_PASSING = re.compile(r"\..*|.*~|.*\.(?:lck|lock|tmp|swp|part|tmp_.{6}|dpkg-(?:new|tmp)|rpmnew)")
_KEY_NAME = re.compile(r"(?:.*\.key|.*[-.]key\.pem|privkey[0-9]*\.pem|.*\.csr)", re.IGNORECASE)
_CERTIFICATE_NAME = re.compile(r"(?P<stem>.*)\.(?:pem|crt|cer|cert|der)", re.IGNORECASE)
_CERTBOT_NAME = re.compile(r"(?:cert|fullchain)(?P<number>[0-9]*)\.pem")
# Where systems keep the roots they trust: Debian, Red Hat, Alpine.
_STORES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_STORE_BYTES = 8 << 20
_HANDSHAKES = 16

# What stays of the facts where only the brief ones are asked for.
BRIEF = ("path", "endpoint", "position", "kind", "subject", "issuer", "subject_alt_name", "serial_number", "not_before", "not_after", "days_left",
         "expired", "fingerprint", "key_matches", "chain_complete", "findings")


class Wish(NamedTuple):
    """What is asked of every certificate."""

    now: datetime
    fqdn: str
    names: tuple | None = None
    max_lifetime: object | None = None
    passphrase: bytes | None = None
    brief: bool = False


class Source(NamedTuple):
    """Where certificates were looked for, and the bundle that was found there, or the sentence that says why there is none."""

    place: dict
    bundle: bundle.Bundle | None = None
    error: str | None = None
    whole: bool = True                     # False: more was sent than could be seen, so nothing is known of the chain
