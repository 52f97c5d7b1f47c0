# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From decision to installed pair, on real files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import selfsigned
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.rule import ACTIONS
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509 import parse
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import SERVICES
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOBODY,
    NOW,
    SECOND,
    Child,
    a_key,
    certificate_pem,
    contents,
    key_pem,
    needs_root,
    own_pem,
    piece,
    small_disk,
    temporaries,
    tree,
    wanted,
)

OWNERS = {"owner": str(os.geteuid()), "group": str(os.getegid())}


class Host:
    """A product's pair and its memory in folders of our own; every call looks afresh."""

    def __init__(self, folder):
        self.folder, self.state_path = folder / "proxmox-backup", str(folder / "state")
        self.folder.mkdir()
        self.path, self.key_path = self.folder / "proxy.pem", self.folder / "proxy.key"

    def put(self, certificate, key=None):
        self.path.write_bytes(certificate)
        self.key_path.write_bytes(key or key_pem())
        return self

    def wanted(self, fqdn=FQDN, force=False, **declaration):
        """Without an activation unless one is declared, so that nothing is left to be proven."""
        return wanted(fqdn, force, **{"product": "pbs", "path": str(self.path), "key_path": str(self.key_path), "key_type": "EC", **OWNERS, **declaration})

    def state(self):
        return State(self.state_path)

    def memory(self):
        return self.state().fresh(str(self.path))

    def renew(self, now=NOW, check=False, **declaration):
        return selfsigned.renew(self.wanted(**declaration), self.state(), now, check)

    def said(self, **more):
        outcome = self.renew(**more)
        return ACTIONS[outcome.decision.action], outcome.decision.reason, outcome.changed

    def sound(self) -> bool:
        """Whether there is a matching pair, and nothing beside it."""
        certificate, key = parse.leaf(self.path.read_bytes(), "disk"), parse.private_key(self.key_path.read_bytes(), "disk")
        return parse.pair_matches(certificate, key) and sorted(os.listdir(self.folder)) == ["proxy.key", "proxy.pem"]

    def whole(self):
        return tree(self.folder, self.state_path)


@pytest.fixture
def host(tmp_path, monkeypatch):
    monkeypatch.setitem(SERVICES, "pbs", SERVICES["pbs"]._replace(activate=None))
    return Host(tmp_path)


def due(host):
    host.put(own_pem(left=10 * DAY))


def broken(host):
    host.put(own_pem(left=300 * DAY, lifetime=3650 * DAY), key_pem(a_key(1)))


def healthy(host):
    host.put(own_pem(left=300 * DAY, lifetime=3650 * DAY))


def missing(host):
    assert contents(host.folder) == {}


def foreign(host):
    host.put(certificate_pem(left=-DAY, issuer=(("CN", "Let's Encrypt"),)))


def custom(host):
    host.put(certificate_pem(left=DAY))


def renamed(host):
    host.put(own_pem("old.example.com", left=300 * DAY, lifetime=3650 * DAY))


def unreadable(host):
    host.put(b"garbage")


@pytest.mark.parametrize(("prepare", "options", "answer"), [
    pytest.param(missing, {}, ("renew", "missing", True), id="missing"),
    pytest.param(due, {}, ("renew", "due", True), id="due"),
    pytest.param(broken, {}, ("renew", "pair_broken", True), id="key of another certificate"),
    pytest.param(healthy, {}, ("none", "valid", False), id="nothing due"),
    pytest.param(healthy, {"force": True}, ("renew", "forced", True), id="forced"),
    pytest.param(healthy, {"names": ["other.example"]}, ("renew", "names_differ", True), id="other names"),
    pytest.param(healthy, {"key_type": "RSA", "key_size": 2048}, ("renew", "key_differs", True), id="another key"),
    pytest.param(foreign, {}, ("skip", "not_selfsigned", False), id="somebody else's, expired"),
    pytest.param(foreign, {"force": True}, ("skip", "not_selfsigned", False), id="somebody else's, by force"),
    pytest.param(custom, {}, ("skip", "not_selfsigned", False), id="self-signed in another way"),
    pytest.param(renamed, {}, ("skip", "renamed", False), id="renamed"),
    pytest.param(renamed, {"force": True}, ("skip", "renamed", False), id="renamed, by force"),
    pytest.param(renamed, {"adopt_renamed": True}, ("renew", "renamed", True), id="renamed and adopted"),
    pytest.param(unreadable, {"force": True}, ("renew", "unreadable", True), id="unreadable, by force"),
])
def test_every_way(host, prepare, options, answer):
    """The same decision with and without check mode, which writes nothing; what was renewed is sound, and a second run changes nothing."""
    prepare(host)
    before = host.whole()
    assert host.said(check=True, **options) == answer and host.whole() == before
    assert host.said(**options) == answer
    after = host.whole()
    if not answer[2]:
        assert after == before
        return
    assert host.sound()
    again = {key: value for key, value in options.items() if key != "force"}
    assert host.said(**again)[2] is False and host.whole() == after


def test_what_is_made_is_known_again(host):
    """A renewed certificate is the product's own, with the host's name now, for ten years."""
    renamed(host)
    outcome = host.renew(adopt_renamed=True)
    found = parse.leaf(outcome.after, "new")
    assert parse.name_pairs(found.issuer)[2] == ("CN", FQDN) and parse.dates(found) == (NOW, NOW + 3650 * DAY)
    assert outcome.after == host.path.read_bytes() and b"BEGIN CERTIFICATE" in outcome.before
    assert host.said(now=NOW + 3650 * DAY - 16 * DAY) == ("warn", "upcoming", False)
    assert host.said(now=NOW + 3650 * DAY - 16 * DAY + SECOND) == ("renew", "due", True)


def test_a_new_key_each_time(host):
    """A renewal makes a new key, never uses the old one."""
    due(host)
    host.renew()
    assert host.key_path.read_bytes() != key_pem()


def test_owner_and_mode_of_the_product(host):
    """Both files are 0640 whatever they were before (row 15)."""
    due(host)
    host.path.chmod(0o600)
    host.renew()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (host.path, host.key_path)] == [0o640, 0o640]


@needs_root
def test_owner_and_group_are_given(host):
    """Root writes them for the group that reads them."""
    host.renew(owner="0", group=str(NOBODY))
    assert [(path.stat().st_uid, path.stat().st_gid) for path in (host.path, host.key_path)] == [(0, NOBODY)] * 2


@pytest.mark.parametrize("option", ["owner", "group"])
def test_a_missing_owner_is_refused_before_anything(host, option):
    """Nothing is written, also where nothing would be due."""
    for prepare in (due, healthy):
        prepare(host)
        before = host.whole()
        for check in (True, False):
            with pytest.raises(InputError, match="no-such-one") as caught:
                host.renew(check=check, **{option: "no-such-one"})
            assert caught.value.where == option and host.whole() == before


def test_rsa_4096_as_the_product_has_it(host):
    """Without another wish the key is RSA of 4096 bits."""
    host.renew(key_type=None)
    key = parse.private_key(host.key_path.read_bytes(), "disk", checked=False)
    assert isinstance(key, rsa.RSAPrivateKey) and key.key_size == 4096 and host.sound()


def test_a_combined_file(host):
    """One file for both is renewed as one, key first."""
    record = {"key_path": str(host.path)}
    assert host.said(**record) == ("renew", "missing", True)
    data = host.path.read_bytes()
    assert data.index(b"PRIVATE KEY") < data.index(b"CERTIFICATE") and os.listdir(host.folder) == ["proxy.pem"]
    assert stat.S_IMODE(host.path.stat().st_mode) == 0o640 and host.said(**record) == ("none", "valid", False)


@pytest.mark.parametrize("key", [{"key_type": "EC"}, {"key_type": "Ed25519"}, {"key_type": "RSA", "key_size": 2048}, {}])
def test_generic_ones(host, key):
    """Any names, subject, lifetime and key type; the second run finds nothing to do."""
    record = {"product": "generic", "issuer": "selfsigned", "names": ["web.example", "10.0.0.1"], "subject": {"O": "x", "CN": "web"},
              "lifetime": "30d", "key_type": None, **key}
    assert host.said(**record) == ("renew", "missing", True) and host.sound()
    assert host.said(**record) == ("none", "valid", False)
    assert host.said(now=NOW + 20 * DAY - SECOND, **record)[2] is False
    assert host.said(now=NOW + 20 * DAY, **record) == ("renew", "due", True)


def test_links_stay_links(host, tmp_path):
    """The pair behind a link is replaced; the link stays."""
    (tmp_path / "archive.pem").write_bytes(own_pem(left=DAY))
    host.path.symlink_to(tmp_path / "archive.pem")
    host.key_path.write_bytes(key_pem())
    assert host.said() == ("renew", "due", True)
    assert host.path.is_symlink() and (tmp_path / "archive.pem").read_bytes() == host.path.read_bytes() != own_pem(left=DAY) and host.sound()


# What cannot be read.

def test_unreadable_and_not_ours_is_not_replaced(host):
    """What cannot be seen to be ours may be somebody's: refused, with the ways out."""
    unreadable(host)
    before = host.whole()
    for check in (True, False):
        with pytest.raises(FileRefused) as caught:
            host.renew(check=check)
        assert str(host.path) in str(caught.value) and "force" in caught.value.way_out
    assert contents(host.folder) == {path: row[3] for path, row in before.items() if stat.S_ISREG(row[0])}


def test_unreadable_but_ours_is_replaced(host):
    """What we have installed before is ours to mend."""
    host.renew()
    host.path.write_bytes(b"")
    assert host.said(check=True) == ("renew", "unreadable", True) and host.said() == ("renew", "unreadable", True) and host.sound()


def test_a_folder_in_the_way_is_refused_even_by_force(host):
    """Force does not make a file of a folder."""
    host.path.mkdir()
    with pytest.raises(HostError, match="is a folder"):
        host.renew(force=True)
    assert host.path.is_dir() and temporaries(host.folder) == []


# What was issued but not deployed.

def set_aside(host, **record):
    """A renewal whose activation failed: the old pair is back, the new one lies aside."""
    due(host)
    issued = host.renew(**record).after
    pair.restore(host.memory(), {"unproven": None}, set_aside=True)
    assert host.path.read_bytes() != issued
    return issued


def test_a_pair_set_aside_is_deployed_first(host):
    """A certificate that was issued is not issued again; check mode foresees it."""
    issued = set_aside(host)
    before = host.whole()
    assert host.said(check=True)[2] and host.whole() == before
    outcome = host.renew(now=NOW + DAY)
    assert outcome.changed and outcome.after == issued == host.path.read_bytes() and host.sound()
    assert pair.aside(host.memory()) is None and host.said(now=NOW + DAY) == ("none", "valid", False)


@pytest.mark.parametrize("later", [
    pytest.param({"now": NOW + 3650 * DAY}, id="it has become due itself"),
    pytest.param({"names": ["other.example"]}, id="other names are wanted now"),
    pytest.param({"key_type": "Ed25519"}, id="another key is wanted now"),
    pytest.param({"fqdn": "new.example.com", "adopt_renamed": True}, id="the host has another name now"),
    pytest.param({"force": True}, id="force wants a new one"),
])
def test_a_pair_set_aside_that_no_longer_fits(host, later):
    """It is dropped, and a new one is made."""
    issued = set_aside(host)
    outcome = host.renew(**later)
    assert outcome.changed and outcome.after != issued and host.sound() and pair.aside(host.memory()) is None


def test_a_pair_set_aside_is_deployed_though_the_old_one_was_not_due(host):
    """Undeployed is a reason of its own."""
    healthy(host)
    issued = host.renew(force=True).after
    pair.restore(host.memory(), {}, set_aside=True)
    assert host.said() == ("renew", "undeployed", True) and host.path.read_bytes() == issued


@pytest.mark.parametrize(("first", "then"), [("two files", "one"), ("one", "two files")])
def test_a_pair_set_aside_for_other_files(host, first, then):
    """Two files set aside do not become one, nor one two: a private key must not land in the certificate's file."""
    def record(form):
        return {"key_path": str(host.path)} if form == "one" else {}
    host.renew(**record(first))
    host.renew(force=True, **record(first))
    pair.restore(host.memory(), {}, set_aside=True)
    assert host.renew(**record(then)).changed and host.renew(**record(then)).changed is False
    certificate = host.path.read_bytes()
    assert (b"PRIVATE KEY" in certificate) is (then == "one")
    assert parse.pair_matches(parse.leaf(certificate, "disk"), parse.private_key((host.path if then == "one" else host.key_path).read_bytes(), "disk"))


def test_a_damaged_pair_set_aside_is_dropped(host):
    """What cannot be read is made anew."""
    set_aside(host)
    with open(os.path.join(host.memory().folder, "aside.json"), "wb"):
        pass
    assert host.renew().changed and host.sound() and pair.aside(host.memory()) is None


def test_a_foreign_certificate_put_there_meanwhile_wins(host):
    """What somebody else installed is not overwritten by what we had set aside."""
    set_aside(host)
    foreign(host)
    assert host.said() == ("skip", "not_selfsigned", False)


# The proof.

ACTIVATE = {"activate": {"reload": "proxy"}}


def test_what_is_activated_is_not_yet_proven(host):
    """A renewal with an activation leaves a mark until it is proven; the next run does not renew again but says so."""
    due(host)
    assert host.renew(**ACTIVATE).unproven and host.memory().load()["unproven"]["since"] == "2026-11-23T01:00:00Z"
    before = host.whole()
    outcome = host.renew(**ACTIVATE)
    assert (outcome.decision.reason, outcome.changed, outcome.unproven) == ("unproven", False, True)
    check = host.renew(check=True, **ACTIVATE)
    assert (check.decision.reason, check.changed, check.unproven) == ("unproven", False, True) and host.whole() == before


def test_unproven_does_not_hide_what_is_due(host):
    """A pair that was never proven and is due again is renewed."""
    due(host)
    host.renew(**ACTIVATE)
    assert host.said(now=NOW + 3640 * DAY, **ACTIVATE) == ("renew", "due", True)


def test_force_renews_an_unproven_one(host):
    """Force makes a new pair all the same."""
    host.renew(**ACTIVATE)
    first = host.path.read_bytes()
    assert host.renew(force=True, **ACTIVATE).changed and host.path.read_bytes() != first


def test_without_activation_nothing_is_left_to_prove(host):
    """Where nobody is told, nothing is waited for."""
    due(host)
    assert not host.renew().unproven and "unproven" not in host.memory().load()


# Interrupted.

def interrupt(host, prepare=due):
    """A renewal that was killed between key and certificate."""
    prepare(host)
    memory = host.memory()
    memory.make()
    new, key = own_pem(left=3650 * DAY, lifetime=3650 * DAY, key=a_key(2)), key_pem(a_key(2))
    pair._save(memory, "kept.json", [piece(host.key_path, key_pem(), 0o640), piece(host.path, host.path.read_bytes(), 0o640)])
    pieces = [piece(host.key_path, key, 0o640), piece(host.path, new, 0o640)]
    with open(os.path.join(memory.folder, "journal.json"), "w") as file:
        json.dump({"note": {"installed": {"fingerprint": "ab"}}, "pieces": [pair._row(one) for one in pieces]}, file)
    host.key_path.write_bytes(key)
    return new


def test_an_interrupted_installation_is_ended_first(host):
    """The half-way pair is made whole before anything else, and not made anew."""
    new = interrupt(host)
    before = host.whole()
    assert host.said(check=True) == ("renew", "interrupted", True) and host.whole() == before
    outcome = host.renew()
    assert (outcome.decision.reason, outcome.changed, outcome.after) == ("interrupted", True, new) and host.sound()
    assert host.said() == ("none", "valid", False)


def test_an_interrupted_installation_that_is_due_again(host):
    """What was brought back may be due itself: then it is renewed in the same run."""
    new = interrupt(host)
    outcome = host.renew(now=NOW + 3640 * DAY)
    assert outcome.changed and outcome.decision.reason == "due" and outcome.after not in (new, outcome.before) and host.sound()


def test_an_interrupted_installation_without_its_files_is_said(host):
    """The operator is told what to check; nothing is touched."""
    interrupt(host)
    with open(os.path.join(host.memory().folder, "journal.json"), "w") as file:
        json.dump({"note": {}}, file)
    before = contents(host.folder)
    with pytest.raises(HostError, match="remove journal.json"):
        host.renew()
    assert contents(host.folder) == before


# The folder of Proxmox Backup Server.

def proper(host, **change):
    """The declaration with the product's folder moved to ours."""
    owner = {"path": str(host.folder), "owner": str(os.geteuid()), "group": str(os.getegid()), "mode": 0o700, **change}
    # The fixture `host` put a row of its own into the table, and takes it out again.
    SERVICES["pbs"] = SERVICES["pbs"]._replace(directory=tuple(owner.values()))
    return host.wanted()


def test_a_proper_folder_is_accepted(host):
    """Exactly its owner, group and mode."""
    host.folder.chmod(0o700)
    assert selfsigned.renew(proper(host), host.state(), NOW, check=False).changed


@pytest.mark.parametrize("mode", [0o750, 0o755, 0o1700, 0o500])
def test_a_folder_with_another_mode_is_refused(host, mode):
    """The product would not start with it: the error names the commands that mend it, and nothing is written."""
    host.folder.chmod(mode)
    for check in (True, False):
        with pytest.raises(HostError, match="chmod 0700") as caught:
            selfsigned.renew(proper(host), host.state(), NOW, check)
        assert caught.value.where == str(host.folder) and contents(host.folder) == {}


def test_a_folder_of_another_owner_is_refused(host):
    """Owner and group are part of it."""
    host.folder.chmod(0o700)
    for change in ({"owner": "1"}, {"group": "1"}):
        with pytest.raises(HostError, match="chown"):
            selfsigned.renew(proper(host, **change), host.state(), NOW, check=False)


def test_a_folder_is_not_asked_for_where_nothing_is_due(host):
    """What is not written to need not be proper; nor need the folder of a pair that lies elsewhere."""
    host.folder.chmod(0o755)
    healthy(host)
    assert selfsigned.renew(proper(host), host.state(), NOW, check=False).changed is False
    due(host)
    assert selfsigned.renew(proper(host, path="/elsewhere"), host.state(), NOW, check=False).changed


# Bad surroundings.

@pytest.mark.parametrize("now", [datetime(1970, 1, 1, 0, 5, tzinfo=timezone.utc), datetime(2015, 1, 1, tzinfo=timezone.utc)])
@pytest.mark.parametrize("prepare", [missing, broken])
def test_a_clock_in_the_past(host, now, prepare):
    """A host whose clock was never set makes no certificate that would have expired long ago: the error says so, nothing is written."""
    prepare(host)
    before = contents(host.folder)
    for check in (True, False):
        with pytest.raises(HostError, match="clock"):
            host.renew(now=now, check=check)
    assert contents(host.folder) == before


def test_a_clock_in_the_past_renews_nothing_that_is_sound(host):
    """Its certificate is merely not yet valid."""
    healthy(host)
    assert host.said(now=datetime(1970, 1, 1, tzinfo=timezone.utc)) == ("warn", "not_yet_valid", False)


@needs_root
def test_a_full_disk(tmp_path):
    """The old pair stays, and the error names the way out; with space again the renewal works."""
    with small_disk(tmp_path / "disk", "32k") as disk:
        host = Host(disk)
        host.state_path = str(tmp_path / "state")
        due(host)
        (disk / "ballast").write_bytes(b"x" * 24_000)
        before = tree(host.folder)
        with pytest.raises(HostError, match="Free space"):
            host.renew()
        assert tree(host.folder) == before
        (disk / "ballast").unlink()
        assert host.said() == ("renew", "due", True) and host.sound()


def test_a_missing_folder(host):
    """A folder that is not there is named."""
    with pytest.raises(HostError, match="Create the folder first"):
        host.renew(path=str(host.folder / "none" / "proxy.pem"), key_path=str(host.folder / "none" / "proxy.key"))


def test_a_host_name_too_long_for_a_certificate(host):
    """The error names the option that helps; nothing is written."""
    with pytest.raises(InputError) as caught:
        host.renew(fqdn="x" * 60 + ".example.com")
    assert caught.value.where == "fqdn" and contents(host.folder) == {}


def test_hostile_declared_names_never_reach_a_certificate(host):
    """Whatever host name is computed, it makes a sound certificate or an error of ours."""
    for fqdn in ("a b", "a\nb", "bücher", "{{ x }}", "$(id)", "'\"", "a\x00", "\u202e"):
        try:
            host.renew(fqdn=fqdn, force=True, adopt_renamed=True)
        except EvergreenError as error:
            assert str(error).isprintable()
        else:
            assert host.sound() and host.said(fqdn=fqdn) == ("none", "valid", False)


# Two runs at once.

def test_two_runs_at_once(host):
    """Both start on a missing pair; one makes it, the other waits, looks again and finds nothing to do."""
    reading, writing = os.pipe()

    def run():
        os.read(reading, 1)
        return host.said()
    runs = [Child(run) for number in range(3)]
    os.write(writing, b"!!!")
    answers = [child.result()[1] for child in runs]
    assert sorted(answers) == [("none", "valid", False), ("none", "valid", False), ("renew", "missing", True)] and host.sound()


def test_a_run_that_finds_its_work_done_says_so(host, monkeypatch):
    """Between the first look and the lock another run may have renewed: then this one changes nothing."""
    due(host)
    real = selfsigned.locked

    def slow(path):
        monkeypatch.setattr(selfsigned, "locked", real)
        host.renew()
        return real(path)
    monkeypatch.setattr(selfsigned, "locked", slow)
    assert host.said() == ("none", "valid", False)


def test_an_unprivileged_look_needs_no_state(host):
    """Where nothing is due, nothing is made below the state path."""
    healthy(host)
    assert host.renew().changed is False and not os.path.exists(host.state_path)


def test_what_is_remembered(host):
    """Fingerprint and date of what was installed."""
    outcome = host.renew(now=NOW + timedelta(microseconds=5))
    digest = hashlib.sha256(parse.leaf(outcome.after, "new").public_bytes(serialization.Encoding.DER)).hexdigest()
    expected = ":".join(digest[at:at + 2] for at in range(0, 64, 2))
    assert host.memory().load()["installed"] == {"fingerprint": expected, "at": "2026-11-23T01:00:00Z"}
