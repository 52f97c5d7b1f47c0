# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revocation lists: what openssl makes of them, and when the next one is due."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import crl
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, needs_openssl, openssl, pem
from ansible_collections.evergreen.pki.tests.unit.x509.own import Chain, verify

WEEK = 7 * DAY


def made(chain, *entries, now=NOW, before=None):
    return crl.new_crl(chain.intermediate, [crl.Revoked(*entry) for entry in entries], now, WEEK, before)


def test_openssl_refuses_what_is_revoked(tmp_path):
    """The one on the list, not the other; with the root's list all of the chain is checked."""
    chain = Chain()
    gone, there = chain.leaf(), chain.leaf()
    text = made(chain, (gone.serial_number, NOW, "keyCompromise")) + crl.new_crl(chain.root, [], NOW, WEEK, None)
    (tmp_path / "crl.pem").write_bytes(text)
    more = ("-crl_check_all", "-CRLfile", str(tmp_path / "crl.pem"))
    assert verify(tmp_path, there, [chain.root.certificate], [chain.intermediate.certificate], *more) is None
    assert "certificate revoked" in verify(tmp_path, gone, [chain.root.certificate], [chain.intermediate.certificate], *more)
    assert "CRL has expired" in verify(tmp_path, there, [chain.root.certificate], [chain.intermediate.certificate], *more, now=NOW + WEEK + SECOND)


@needs_openssl
@pytest.mark.parametrize(("reason", "shown"), [
    ("keyCompromise", "Key Compromise"), ("affiliationChanged", "Affiliation Changed"), ("superseded", "Superseded"),
    ("cessationOfOperation", "Cessation Of Operation"), ("privilegeWithdrawn", "Privilege Withdrawn"), ("unspecified", None)])
def test_reasons_as_openssl_reads_them(reason, shown):
    """One that says nothing is left out (RFC 5280, 5.3.1)."""
    text = openssl("crl", "-noout", "-text", given=made(Chain(), (4711, NOW - DAY, reason)))
    assert "Serial Number: 1267" in text and "Revocation Date: Nov 22 01:00:00 2026 GMT" in text
    assert (f"X509v3 CRL Reason Code: \n                {shown}" in text) if shown else "Reason" not in text


@pytest.mark.skipif(shutil.which("lint_crl") is None, reason="pkilint, which reads revocation lists by RFC 5280, is not installed")
def test_pkilint_finds_nothing(tmp_path):
    """Neither an error nor a warning nor a notice."""
    (tmp_path / "crl.pem").write_bytes(made(Chain(), (1 << 140, NOW - DAY, "keyCompromise"), (2 << 140, NOW - DAY, "unspecified")))
    done = subprocess.run(["lint_crl", "lint", "-t", "CRL", "-p", "PKIX", "-s", "NOTICE", str(tmp_path / "crl.pem")], capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr


@needs_openssl
def test_der_is_the_same_list():
    """As it is fetched from a distribution point."""
    text = made(Chain(), (4711, NOW, "superseded"))
    assert openssl("crl", "-inform", "DER", given=crl.der(text)).encode() == text


def test_lists_are_read_again():
    """In order, with what was written."""
    chain = Chain()
    first, second = crl.read(made(chain, (1, NOW, "unspecified"), (2, NOW, "superseded")) + crl.new_crl(chain.root, [], NOW, WEEK, None), "crl.pem")
    assert (first.issuer, second.issuer) == (chain.intermediate.certificate.subject, chain.root.certificate.subject)
    assert (first.serials, second.serials, first.this_update, first.next_update) == ({1, 2}, set(), NOW, NOW + WEEK)


@pytest.mark.parametrize("text", [pem(Chain().root.certificate), made(Chain())[:-30], b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_what_is_no_list_is_refused(text):
    """A certificate, a list that is cut off, and base64 of nothing."""
    with pytest.raises(FileRefused, match=r"^crl\.pem: "):
        crl.read(text, "crl.pem")


def test_numbers_grow():
    """By the clock, so that they do without the list before; by one within a second, and when the clock was set back (RFC 5280, 5.2.3)."""
    chain = Chain()
    first, = crl.read(made(chain), "")
    later, = crl.read(made(chain, now=NOW + SECOND), "")
    same, = crl.read(made(chain, before=first), "")
    back, = crl.read(made(chain, now=NOW - DAY, before=same), "")
    assert first.number == int(NOW.timestamp()) < later.number == first.number + 1 == same.number < back.number == same.number + 1


@pytest.mark.parametrize(("required", "now", "lifetime", "says"), [
    ({1}, NOW, WEEK, None), (set(), NOW, WEEK, None), ({1, 2}, NOW, WEEK, "revoked"), ({1}, NOW + WEEK / 2 - SECOND, WEEK, None),
    ({1}, NOW + WEEK / 2, WEEK, "half of its life"), ({1}, NOW, WEEK + SECOND, "another lifetime"), ({1}, NOW - DAY, WEEK, None),
    ({1}, NOW - DAY - SECOND, WEEK, "future")])
def test_when_the_next_one_is_due(required, now, lifetime, says):
    """In time, and at once when somebody has to be on it."""
    there, = crl.read(made(Chain(), (1, NOW, "unspecified")), "")
    said = crl.due(there, frozenset(required), now, lifetime)
    assert said is None if says is None else says in said


def test_none_is_due():
    """The first one."""
    assert "no revocation list" in crl.due(None, frozenset(), NOW, WEEK)
