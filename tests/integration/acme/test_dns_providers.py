# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dns-01 by other people's programs, the real ones: acme.sh's scripts against BIND and Knot, Lexicon against PowerDNS; and records that persist."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import tempfile
import time

import pytest

import debs
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import ProofMissing, SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.integration.acme.zones import ONE, TWO, proof, solver
from name_servers import BIND, KNOT, POWERDNS

PATH = "usr/share/acme.sh"
# A script of the kind that Debian ships: it uses acme.sh's own functions, and writes down who shows what.
SPY = """\
dns_spy_add() {
  _saveaccountconf_mutable SPY_TOKEN "$SPY_TOKEN"
  _saved="$(_readaccountconf_mutable SPY_TOKEN)"
  [ "$_saved" = "$SPY_TOKEN" ] || return 5
  for _process in /proc/[0-9]*; do cat "$_process/cmdline" "$_process/environ" 2>/dev/null; done >"$SPY_LOG"
  ls -lan "$LE_WORKING_DIR" >>"$SPY_LOG.files"
  _err "denied for $SPY_TOKEN"
  return 1
}
"""


@pytest.fixture(scope="module")
def acme_sh(lab):
    """Debian's acme.sh with one script more, where every user reaches it; the programs that its scripts call are in PATH."""
    with tempfile.TemporaryDirectory(prefix="acme-sh-") as name:
        place = pathlib.Path(name)
        place.chmod(0o755)
        shutil.copytree(debs.unpacked("sid", "acme.sh") / PATH, place / "acme.sh")
        (place / "acme.sh" / "dnsapi" / "dns_spy.sh").write_text(SPY)
        (place / "bin").mkdir(mode=0o755)
        shutil.copytree(lab.root / "usr/bin", place / "programs", symlinks=True)
        shutil.copytree(debs.library_path(lab.root).split(os.pathsep, maxsplit=1)[0], place / "lib", symlinks=True)
        for program in ("nsupdate", "knsupdate"):
            path = place / "bin" / program
            path.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={place}/lib exec {place}/programs/{program} "$@"\n')
            path.chmod(0o755)
        shutil.copy(lab.key_file, place / "update.key")
        (place / "update.key").chmod(0o644)
        (place / "seen").mkdir()
        (place / "seen").chmod(0o777)
        yield place


@pytest.fixture
def by_acme_sh(lab, acme_sh, monkeypatch):
    """Makes a solver of one of its scripts."""
    monkeypatch.setenv("PATH", f"{acme_sh / 'bin'}:{os.environ['PATH']}")
    return lambda api, data: solver(lab, "acmesh", api=api, data=data, folder=str(acme_sh / "acme.sh"))


def test_acme_sh_and_bind(lab, acme_sh, by_acme_sh):
    """dns_nsupdate, with the data as KEY=VALUE lines (seed row 27)."""
    one = by_acme_sh("nsupdate", f"NSUPDATE_SERVER={BIND}\nNSUPDATE_SERVER_PORT={lab.port}\nNSUPDATE_KEY={acme_sh}/update.key\n")
    proofs = [proof("script.alone.test", ONE), proof("*.script.alone.test", TWO)]
    one.present(proofs, {})
    one.wait(proofs, {}, 10.0)
    assert lab.ask(BIND, "_acme-challenge.script.alone.test") == {ONE, TWO}
    one.clean_up(proofs, {})
    assert lab.ask(BIND, "_acme-challenge.script.alone.test") == set()


def test_acme_sh_and_knot(lab, by_acme_sh):
    """dns_knot: its key is a value with a blank in it, at which Proxmox's shim of 2021 cuts (proxmox-formats 4.3); the record is behind a CNAME."""
    one = by_acme_sh("knot", {"KNOT_SERVER": f"{KNOT} {lab.port}", "KNOT_KEY": f"hmac-sha256:{lab.key_name} {lab.secret}", "KNOT_ZONE": "knot.test"})
    proofs = [proof("far.example.test")]
    one.present(proofs, {})
    one.wait(proofs, {}, 10.0)
    assert lab.ask(KNOT, "_acme-challenge.near.knot.test") == {ONE}
    one.clean_up(proofs, {})
    assert lab.ask(KNOT, "_acme-challenge.near.knot.test") == set()


def test_acme_sh_shows_no_secret(acme_sh, by_acme_sh):
    """It runs long enough to be looked at by itself: no process of the machine has the token in its arguments, none that it sees in its environment.

    acme.sh keeps it in a file, root's or nobody's alone, which is gone afterwards.
    """
    log = acme_sh / "seen" / "log"
    with pytest.raises(SolverFailed, match=r"denied for \*\*\*") as caught:
        by_acme_sh("spy", f"SPY_TOKEN=topsecret-token\nSPY_LOG={log}").present([proof("spy.alone.test")], {})
    seen, files = log.read_bytes(), pathlib.Path(f"{log}.files").read_text()
    assert b"dns_${api}_$action" in seen and b"topsecret" not in seen and "topsecret" not in str(caught.value)
    saved = next(line for line in files.splitlines() if line.endswith("account.conf"))
    assert saved.startswith("-rw-------") and not list(pathlib.Path(tempfile.gettempdir()).glob("evergreen-acmesh-*"))


def test_acme_sh_tells_a_refusal(lab, acme_sh, by_acme_sh):
    """What nsupdate says is told; the key's file is not its content."""
    one = by_acme_sh("nsupdate", f"NSUPDATE_SERVER={BIND}\nNSUPDATE_SERVER_PORT={lab.port}\n")
    with pytest.raises(SolverFailed, match="update failed: REFUSED"):
        one.present([proof("script.alone.test")], {})


def test_lexicon_and_powerdns(lab):
    """Other people's values stay, as with every solver."""
    one = solver(lab, "lexicon", provider="powerdns", options={"auth_token": lab.api_key, "pdns_server": lab.api, "pdns_disable_notify": True})
    other, proofs = proof("lex.pdns.test", "3" * 43), [proof("lex.pdns.test", ONE), proof("*.lex.pdns.test", TWO)]
    one.present([other, *proofs], {})
    one.wait(proofs, {}, 10.0)
    assert lab.ask(POWERDNS, "_acme-challenge.lex.pdns.test") == {ONE, TWO, "3" * 43}
    one.clean_up(proofs, {})
    assert lab.ask(POWERDNS, "_acme-challenge.lex.pdns.test") == {"3" * 43}
    one.clean_up([other], {})


@pytest.mark.parametrize(("provider", "token", "words"), [
    pytest.param("powerdns", "wrong-token", "401 Client Error", id="a wrong token"),
    pytest.param("no-such-provider", "wrong-token", "not supported by Lexicon", id="a provider that is none"),
])
def test_lexicon_tells_a_refusal(lab, provider, token, words):
    with pytest.raises(SolverFailed, match=words) as caught:
        solver(lab, "lexicon", provider=provider, options={"auth_token": token, "pdns_server": lab.api}).present([proof("lex.pdns.test")], {})
    assert token not in str(caught.value)


def test_lexicon_that_hangs_is_ended(lab):
    """A server that takes the request and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        options = {"auth_token": "topsecret-token", "pdns_server": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        started = time.monotonic()
        with pytest.raises(SolverFailed, match="has not ended within 3 seconds"):
            solver(lab, "lexicon", provider="powerdns", timeout=3, options=options).present([proof("lex.pdns.test")], {})
    assert time.monotonic() - started < 60


def test_a_persistent_record_is_looked_at(lab):
    """Missing it is spelt out; made as it was told, it is found; nothing is ever changed."""
    value, name = "ca.test; accounturi=https://ca.test/acct/1; policy=wildcard", "_validation-persist.kept.alone.test"
    one, proofs = solver(lab, "persist"), [Proof("DNS:*.kept.alone.test", "dns-persist-01", "", value, "_validation-persist")]
    with pytest.raises(ProofMissing) as caught:
        one.wait(proofs, {}, 5.0)
    told = caught.value.way_out.partition("Make ")[2].rpartition(", which")[0]
    lab.update(BIND, "alone.test", f"update add {told.replace(' IN TXT', ' 60 IN TXT')}")
    one.present(proofs, {})
    one.wait(proofs, {}, 5.0)
    one.clean_up(proofs, {})
    assert lab.ask(BIND, name) == {value}
