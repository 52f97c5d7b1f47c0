# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""acme.sh's scripts: what reaches them, who they are, what is left of them. The real acme.sh runs in tests/integration/acme/test_dns_providers.py."""

from __future__ import annotations

import pathlib
import re
import tempfile

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.acmesh_data import pairs
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.errors import SolverFailed
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.solvers import Edge, solver_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.challenges import Proof
from ansible_collections.evergreen.pki.tests.unit.challenges.name_server import NameServer, zone
from ansible_collections.evergreen.pki.tests.unit.helpers import NOBODY, needs_root

ONE, TWO = "1" * 43, "2" * 43
PROOFS = [Proof("DNS:a.test", "dns-01", "t", ONE, "_acme-challenge"), Proof("DNS:*.a.test", "dns-01", "t", TWO, "_acme-challenge")]
# As much of acme.sh as is called from outside a script.
ACME_SH = "help() { echo help; }\n_initpath() { :; }\n_err() { echo \"[Sat Nov 28 20:12:01 UTC 2026] $1\" >&2; }\nhelp\n"


@pytest.fixture
def folder(monkeypatch):
    """What Debian's package has, with a script `spy` that each test writes; a place that every user reaches."""
    with tempfile.TemporaryDirectory(prefix="acmesh-test-") as name:
        place = pathlib.Path(name)
        (place / "dnsapi").mkdir()
        (place / "work").mkdir()
        (place / "acme.sh").write_text(ACME_SH)
        for path, mode in ((place, 0o755), (place / "dnsapi", 0o755), (place / "work", 0o777)):
            path.chmod(mode)
        monkeypatch.setattr(tempfile, "tempdir", str(place / "work"))
        yield place


def script(folder, add, rm="true"):
    path = folder / "dnsapi" / "dns_spy.sh"
    path.write_text(f"dns_spy_add() {{\n{add}\n}}\ndns_spy_rm() {{\n{rm}\n}}\n")
    path.chmod(0o644)


@pytest.fixture
def solver(folder):
    """Makes a solver of the script; one name has a CNAME."""
    with NameServer(zone({("_acme-challenge.cname.test", "CNAME"): ["x.b.test."]})) as server:
        def make(data=None, **more):
            given = {"solver": "acmesh", "api": "spy", "folder": str(folder), "data": data,
                     "propagation": {"mode": "delay", "delay": 0, "resolvers": [server.text]}, **more}
            return solver_of("acmesh", checked({"x": given})["x"].settings, Edge())
        yield make


# The data.

@pytest.mark.parametrize(("text", "found"), [
    pytest.param("OVH_AK=XXXXXXXXXXXXXXXX\nOVH_AS=YYYY\nOVH_CK=ZZZZ\n", {"OVH_AK": "XXXXXXXXXXXXXXXX", "OVH_AS": "YYYY", "OVH_CK": "ZZZZ"}, id="row 27"),
    pytest.param("A=b=c==", {"A": "b=c=="}, id="the first = parts"), pytest.param("A= b  c ", {"A": " b  c "}, id="blanks stay"),
    pytest.param("A='b c'", {"A": "'b c'"}, id="row 28: quotes stay"), pytest.param("A=*$HOME`id`\\", {"A": "*$HOME`id`\\"}, id="what shells love"),
    pytest.param("\n# A=1\n  # B=2\nC=3", {"C": "3"}, id="remarks"), pytest.param("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="lines of another system"),
    pytest.param("export A=1", {"A": "1"}, id="as in a file to be sourced"), pytest.param("A=", {"A": ""}, id="nothing"), pytest.param("", {}, id="no data"),
    pytest.param({"A": "b c", "B": 3}, {"A": "b c", "B": "3"}, id="a dictionary"), pytest.param(None, {}, id="left out"),
])
def test_data_are_taken_as_they_are(text, found):
    assert pairs(text) == found


@pytest.mark.parametrize("data", ["secret line", "1A=secret", "A B=secret", "$(id)=secret", "PATH=secret", "BASH_ENV=secret", "LD_PRELOAD=secret", "IFS=secret",
                                  "LE_WORKING_DIR=secret", {"A": "secret\nB=x"}, {"A": "secret\0"}, {"A": True}, {"A": ["secret"]}, {"a-b": "secret"}])
def test_what_is_no_data_is_refused(data):
    """And never repeated."""
    with pytest.raises(InputError) as caught:
        pairs(data)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("data", "flagged"), [("A='x'", 1), ('A="x"\nB="y"', 2), ("A='x", 0), ("A=x", 0), ("A='", 0)],
                         ids=["single", "double, twice", "one side", "none", "a quote alone"])
def test_quoted_values_are_flagged(folder, solver, data, flagged):
    """Seed row 28: they are passed literally, which some scripts take for part of a key."""
    script(folder, "true")
    found = solver(data).warnings
    assert len(found) == flagged and all("quotes" in one and "x" not in one.partition(":")[0] for one in found)


def test_a_script_that_removes_everything_is_flagged(folder, solver):
    """dns_nsupdate and dns_knot take all values of the name away (proxmox-formats 4.3)."""
    for api in ("nsupdate", "knot"):
        (folder / "dnsapi" / f"dns_{api}.sh").write_text("")
        assert any("rfc2136" in one for one in solver(api=api).warnings)


# What runs.

def test_a_script_gets_what_acme_sh_gives_it(folder, solver):
    """dns_X_add NAME VALUE, dns_X_rm NAME VALUE, once a value; its data unchanged."""
    script(folder, f'echo "add $1 $2 [$KEY] [$OTHER]" >> {folder}/work/log', f'echo "rm $1 $2" >> {folder}/work/log')
    one = solver("KEY= *  '$HOME' \\n\\\nOTHER=a=b")
    one.present(PROOFS, {})
    one.clean_up(PROOFS[:1], {})
    assert (folder / "work" / "log").read_text().splitlines() == [
        f"add _acme-challenge.a.test {ONE} [ *  '$HOME' \\n\\] [a=b]", f"add _acme-challenge.a.test {TWO} [ *  '$HOME' \\n\\] [a=b]",
        f"rm _acme-challenge.a.test {ONE}"]


def test_an_alias_is_what_the_script_sees(folder, solver):
    """Seed row 29: `_acme-challenge.` in front of it."""
    script(folder, f'echo "$1" >> {folder}/work/log')
    solver().present(PROOFS[:1], {"DNS:a.test": "domain2.test"})
    assert (folder / "work" / "log").read_text() == "_acme-challenge.domain2.test\n"


@needs_root
def test_it_is_nobody_in_a_folder_of_its_own(folder, solver):
    """0700, its own, without root's groups; gone afterwards, also when it fails."""
    script(folder, f'{{ id -u; id -G; pwd; stat -c "%a %u" .; echo "$LE_WORKING_DIR $HOME"; }} > {folder}/work/log; echo SAVED=1 > account.conf; return 1')
    with pytest.raises(SolverFailed):
        solver("KEY=topsecret").present(PROOFS[:1], {})
    user, groups, work, mode, homes = (folder / "work" / "log").read_text().splitlines()
    assert (user, groups, mode, homes) == (str(NOBODY), str(NOBODY), f"700 {NOBODY}", f"{work} {work}")
    assert [path.name for path in (folder / "work").iterdir()] == ["log"]


def test_no_process_shows_the_data(folder, solver):
    """Neither the arguments nor the environment of the script, of the shell, and of what they start."""
    script(folder, f'sh -c "cat /proc/self/cmdline /proc/self/environ /proc/\\$PPID/cmdline /proc/\\$PPID/environ" > {folder}/work/log; [ "$KEY" = topsecret ]')
    solver("KEY=topsecret").present(PROOFS[:1], {})
    seen = (folder / "work" / "log").read_bytes()
    assert b"printf" in seen and b"LE_WORKING_DIR" in seen and b"topsecret" not in seen and ONE.encode() not in seen


def test_an_error_is_told_without_secrets(folder, solver):
    script(folder, '_err "denied for $KEY at https://api.test/$KEY"; return 1')
    with pytest.raises(SolverFailed) as caught:
        solver("KEY=topsecret").present(PROOFS[:1], {})
    assert caught.value.fact == "fails with status 1: denied for *** at https://api.test" and caught.value.where == "dns_spy_add _acme-challenge.a.test"


def test_one_value_that_fails_leaves_the_others_done(folder, solver):
    """Clean-up goes on behind an error, and the error is told."""
    script(folder, "true", f'echo "$2" >> {folder}/work/log; [ "$2" = {TWO} ]')
    with pytest.raises(SolverFailed):
        solver().clean_up(PROOFS, {})
    assert (folder / "work" / "log").read_text().split() == [ONE, TWO]


def test_a_script_that_hangs_is_killed(folder, solver):
    script(folder, "sleep 300")
    with pytest.raises(SolverFailed, match="has not ended within 0.5 seconds"):
        solver(timeout=0.5).present(PROOFS[:1], {})
    assert list((folder / "work").iterdir()) == []


def test_a_script_that_reads_gets_no_data(folder, solver):
    """Its input is empty, not ours."""
    script(folder, f"cat > {folder}/work/log")
    solver("KEY=topsecret").present(PROOFS[:1], {})
    assert (folder / "work" / "log").read_text() == ""


@pytest.mark.parametrize(("api", "words"), [("nosuch", "dnsapi/dns_nosuch.sh: there is no such script"), ("../x", "api: "), ("a b", "api: "),
                                            ("x;id", "api: ")],
                         ids=["not there", "a path", "a blank", "a command"])
def test_an_api_is_a_script_that_is_there(folder, solver, api, words):
    with pytest.raises(InputError, match=re.escape(words)):
        solver(api=api).present(PROOFS[:1], {})


def test_the_name_of_the_script_is_understood(folder, solver):
    """`dns_ovh` as well as Proxmox's `ovh`."""
    script(folder, "true")
    solver(api="dns_spy").present(PROOFS[:1], {})


def test_a_cname_is_followed(folder, solver):
    """The provider is asked for the record where it really is."""
    script(folder, f'echo "$1" >> {folder}/work/log')
    solver().present([PROOFS[0]._replace(name="DNS:cname.test")], {})
    assert (folder / "work" / "log").read_text() == "x.b.test\n"
