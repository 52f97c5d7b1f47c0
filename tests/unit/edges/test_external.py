# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import itertools
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import pair
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.edges.placing import ISSUED, KEYS, LEAVES, PEMS, ROOT, Place
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    NOBODY,
    NOW,
    Child,
    a_key,
    certificate,
    contents,
    der,
    key_pem,
    kill_at,
    memory_disk,
    needs_root,
    pem,
    temporaries,
    tree,
)

STORE = {"pkcs12_passphrase": "s3cret", "pkcs12_legacy": True, "pkcs12_alias": None}


@pytest.fixture
def place(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Place(stack.enter_context(memory_disk(tmp_path)))


def mode_of(path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


# What is put in place.

@pytest.mark.parametrize("given", [
    pytest.param(lambda place: {"content": PEMS[0].decode(), "key_content": KEYS[0].decode()}, id="both as content"),
    pytest.param(lambda place: {"src": place.file("c", PEMS[0]), "key_src": place.file("k", KEYS[0])}, id="both as files"),
    pytest.param(lambda place: {"src": place.file("c", PEMS[0]), "key_content": KEYS[0].decode()}, id="one of each"),
    pytest.param(lambda place: {"content": (KEYS[0] + PEMS[0]).decode()}, id="one content with both"),
    pytest.param(lambda place: {"src": place.file("c", PEMS[0] + KEYS[0])}, id="one file with both"),
    pytest.param(lambda place: {"src": place.file("c", der(LEAVES[0])), "key_src": place.file("k", KEYS[0])}, id="a certificate in DER"),
    pytest.param(lambda place: {"src": place.file("c", KEYS[1] + PEMS[0]), "key_content": KEYS[0].decode()}, id="the key given apart counts"),
])
def test_the_pair_is_put_in_place(place, given):
    """Wherever it comes from, certificate and key end up in their files, and what was done is said."""
    answer = place.put(**given(place))
    assert place.pair() == (PEMS[0], KEYS[0])
    assert answer == external.Installed(True, False, None, PEMS[0], False)


def test_the_chain_comes_along(place):
    """The chain stands behind the certificate, in order."""
    place.put(0, content=(pem(ISSUED) + pem(ROOT)).decode())
    assert place.pair()[0] == pem(ISSUED) + pem(ROOT)


def test_one_combined_file(place):
    """key_path equal to path is one file, the key first, closed to others."""
    declared = {"key_path": str(place.path)}
    place.put(0, declared=declared)
    assert contents(place.tls) == {str(place.path): KEYS[0] + PEMS[0]} and mode_of(place.path) == 0o600
    assert not place.put(0, declared=declared).changed
    certificate_only = pem(certificate(key=a_key(20), serial=200))
    place.put(content=certificate_only.decode(), declared=declared)
    assert place.path.read_bytes() == KEYS[0] + certificate_only, "the key in place stays with its new certificate"
    place.put(state="restored", declared=declared)
    assert contents(place.tls) == {str(place.path): KEYS[0] + PEMS[0]}


def test_without_a_key_the_one_in_place_is_used(place):
    """A renewed certificate over the same key needs no key."""
    place.put(0)
    renewed = pem(certificate(key=a_key(20), serial=201))
    answer = place.put(content=renewed.decode())
    assert answer.changed and place.pair() == (renewed, KEYS[0])


def test_a_second_run_changes_nothing(place):
    """Idempotent to the inode: no file is written again, nor anything remembered."""
    place.put(0)
    before = tree(place.folder)
    answer = place.put(0)
    assert answer == external.Installed(False, False, PEMS[0], PEMS[0], False) and tree(place.folder) == before


@pytest.mark.parametrize("given", [
    {"content": (PEMS[0] + KEYS[0]).decode()}, {"content": PEMS[0].decode()},
    {"content": ("text\n" + PEMS[0].decode()).replace("\n", "\r\n"), "key_content": KEYS[0].decode()},
])
def test_the_same_pair_in_another_form_is_no_change(place, given):
    """What counts is the pair, not how it was written down."""
    place.put(0)
    assert not place.put(**given).changed


# Owners and modes.

def test_new_files_are_readable_as_services_expect(place):
    """Nothing asked: the certificate 0644, the key 0600, whatever the umask."""
    before = os.umask(0o077)
    try:
        place.put(0)
    finally:
        os.umask(before)
    assert (mode_of(place.path), mode_of(place.key_path)) == (0o644, 0o600)


def test_files_in_place_keep_what_they_have(place):
    """Nothing asked: modes stay as the administrator set them."""
    place.put(0)
    place.path.chmod(0o604)
    place.key_path.chmod(0o440)
    place.put(1)
    assert (mode_of(place.path), mode_of(place.key_path)) == (0o604, 0o440)


def test_modes_are_set_as_declared_and_kept_so(place):
    """A mode that was changed since is put right by the next run, which says so."""
    declared = {"mode": "0640", "key_mode": "0400"}
    place.put(0, declared=declared)
    assert (mode_of(place.path), mode_of(place.key_path)) == (0o640, 0o400)
    place.key_path.chmod(0o644)
    assert place.put(0, declared=declared).changed and mode_of(place.key_path) == 0o400
    assert not place.put(0, declared=declared).changed


@needs_root
def test_owner_and_group_are_set_and_kept(place):
    """By name or number; a change of owner alone is a change."""
    place.put(0, declared={"owner": str(NOBODY), "group": "0"})
    assert {(os.stat(path).st_uid, os.stat(path).st_gid) for path in (place.path, place.key_path)} == {(NOBODY, 0)}
    assert not place.put(0).changed, "not asked: as it is"
    assert place.put(0, declared={"owner": "root"}).changed and os.stat(place.key_path).st_uid == 0


@needs_root
def test_the_products_owner_and_mode(place):
    """For a product its own owner, group and modes hold, wherever the files lie (proxmox-formats 1.1)."""
    import grp
    try:
        group = grp.getgrnam("www-data").gr_gid
    except KeyError:
        pytest.skip("this system has no group www-data")
    place.put(0, declared={"product": "pdm"})
    for path in (place.path, place.key_path):
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, group, 0o640)


def test_links_lead_to_the_files_that_are_replaced(place):
    """The files behind links are replaced, the links stay."""
    behind = place.tls / "live"
    behind.mkdir()
    place.path.symlink_to("live/c.pem")
    place.key_path.symlink_to(behind / "k.pem")
    place.put(0)
    place.put(1)
    assert contents(place.tls) == {str(behind / "c.pem"): PEMS[1], str(behind / "k.pem"): KEYS[1]} and place.path.is_symlink() and place.key_path.is_symlink()


def test_two_names_of_one_file_never_lose_the_key(place):
    """key_path that is a link to path is one file: the key is in it afterwards, or the call was refused with nothing changed."""
    place.put(0, declared={"key_path": str(place.path)})
    place.key_path.symlink_to(place.path)
    try:
        place.put(1)
    except EvergreenError:
        assert place.path.read_bytes() == KEYS[0] + PEMS[0]
        return
    assert place.matches() and place.path.read_bytes() == KEYS[1] + PEMS[1]


# What is refused, and changes nothing on disk.

REFUSALS = [
    pytest.param({"number": 0, "key_content": KEYS[1].decode()}, PairRefused, "does not belong", id="the key of another certificate"),
    pytest.param({"content": (PEMS[0] + KEYS[1]).decode()}, PairRefused, "does not belong", id="the wrong key in the certificate file"),
    pytest.param({"content": KEYS[0].decode(), "key_content": PEMS[0].decode()}, FileRefused, "private key where a certificate belongs",
                 id="the two exchanged"),
    pytest.param({"number": 0, "key_content": key_pem(a_key(20), b"x").decode()}, FileRefused, "encrypted", id="an encrypted key"),
    pytest.param({"content": (PEMS[0] + key_pem(a_key(20), b"x")).decode()}, FileRefused, "encrypted", id="an encrypted key in the certificate file"),
    pytest.param({"number": 0, "now": NOW + 91 * DAY}, PairRefused, "expired", id="an expired certificate"),
    pytest.param({"number": 0, "now": NOW - DAY}, PairRefused, "not valid before", id="a certificate of the future, or a clock in the past"),
    pytest.param({"content": (pem(ISSUED) + PEMS[1]).decode(), "key_content": KEYS[0].decode()}, PairRefused, "of another service",
                 id="a chain with a stranger"),
    pytest.param({"number": 0, "chain_content": PEMS[1].decode()}, PairRefused, "certificate 2 .* of another service", id="a stranger given as chain"),
    pytest.param({"number": 0, "chain_src": "/nowhere/chain.pem"}, FileRefused, "/nowhere/chain.pem: .*correct chain_src", id="a chain that is not there"),
    pytest.param({"content_b64": "no base64!", "key_content": KEYS[0].decode()}, InputError, "^content_b64: is no base64", id="no base64"),
    pytest.param({"number": 0, "declared": {"names": ["web.example", "www.example"]}}, PairRefused, "does not carry www.example",
                 id="a declared name is missing"),
    pytest.param({"number": 0, "combined": "key_first"}, InputError, "^combined: is for one file", id="an order for two files"),
    pytest.param({"number": 0, "pkcs12_path": "/tmp/x.p12"}, InputError, "^pkcs12_passphrase: is missing", id="a store without a passphrase"),
    pytest.param({"number": 0, **STORE, "pkcs12_path": "/nowhere/x.p12"}, HostError, "/nowhere/x.p12: there is no such folder", id="a store in no folder"),
    pytest.param({"number": 0, **STORE, "pkcs12_path": "/tmp/x", "pkcs12_alias": "a b"}, InputError, "^pkcs12_alias: ", id="a name that is none"),
    pytest.param({"number": 0, "truststore_path": "/tmp/x.jks", "truststore_passphrase": "short"}, InputError, "^truststore_passphrase: .*6",
                 id="a passphrase that Java refuses"),
    pytest.param({"number": 0, "truststore_path": "/tmp/x.jks", "truststore_passphrase": "changeit"}, PairRefused, "no certificate of an issuer",
                 id="nothing to trust"),
    pytest.param({"content": (pem(ISSUED) + pem(ROOT)[:-50]).decode(), "key_content": KEYS[0].decode()}, FileRefused, "cut off", id="a chain cut off"),
    pytest.param({"content": PEMS[1].decode()}, PairRefused, "does not belong", id="no key, and the one in place is another's"),
    pytest.param({"content": ""}, FileRefused, "content: .*empty", id="nothing"),
    pytest.param({"content": "\udcff\ud800", "key_content": "\udcff"}, EvergreenError, "content", id="bytes that are no text"),
    pytest.param({"content": "{{ lookup('file', 'x') }}"}, FileRefused, "no certificate", id="a template that was not filled in"),
    pytest.param({"src": "/nowhere/web.pem"}, FileRefused, "/nowhere/web.pem: .*no such file", id="a source that is not there"),
    pytest.param({"content": PEMS[0].decode(), "key_src": "/nowhere/web.key"}, FileRefused, "/nowhere/web.key: .*key_src",
                 id="a key's source that is not there"),
    pytest.param({"src": "/dev/zero"}, FileRefused, "regular", id="a device"), pytest.param({"src": "/tmp"}, FileRefused, "folder", id="a folder"),
    pytest.param({"number": 0, "declared": {"owner": "no-such-user"}}, InputError, "^owner: ", id="an owner that is not there"),
    pytest.param({"number": 0, "declared": {"group": "no-such-group"}}, InputError, "^group: ", id="a group that is not there"),
    pytest.param({"number": 0, "declared": {"key_mode": "rw"}}, InputError, "^key_mode: ", id="a mode that is none"),
    pytest.param({"number": 0, "declared": {"activate": {"reload": "a b"}}}, InputError, "^activate: ", id="a unit that is none"),
    pytest.param({"number": 0, "declared": {"key_path": None}}, InputError, "^key_path: ", id="no place for the key"),
    pytest.param({"number": 0, "declared": {"path": "/etc/haproxy/certs/*.pem", "key_path": None}}, InputError, "^path: .*watched",
                 id="a pattern for many files"),
    pytest.param({"src": "BIG", "key_content": KEYS[0].decode()}, FileRefused, "bytes", id="more than a file may have"),
    pytest.param({"number": 0, "declared": {"path": "/nowhere/web.pem"}}, HostError, "/nowhere/web.pem: .*folder", id="a folder that is not there"),
]


@pytest.mark.parametrize(("call", "kind", "says"), REFUSALS)
@pytest.mark.parametrize("check", [False, True])
def test_a_refusal_changes_nothing_on_disk(place, call, kind, says, check):
    """What cannot be put in service is refused in a sentence, in check mode too; every file and inode is as before, also the kept pair."""
    place.put(2)
    place.put(3)
    call = dict(call)
    number = call.pop("number", None)
    if call.get("src") == "BIG":
        call["src"] = place.file("big", PEMS[0] * 2500)
    before = tree(place.folder)
    with pytest.raises(kind, match=says) as caught:
        place.put(number, check=check, **call)
    assert caught.value.way_out and str(caught.value).isprintable()
    assert tree(place.folder) == before


def test_no_key_anywhere_is_refused(place):
    """Without a key given and none in place, the error names the file and the options."""
    with pytest.raises(PairRefused, match=r"web\.key: no private key is given, and there is none in place\. Give key_content or key_src"):
        place.put(content=PEMS[0].decode())
    assert contents(place.folder) == {}


@pytest.mark.parametrize("now", [NOW + 91 * DAY, NOW - DAY])
def test_dates_out_of_bounds_are_taken_when_told_so(place, now):
    """allow_invalid_dates is for those who know better."""
    assert place.put(0, now=now, allow_invalid_dates=True).changed and place.pair() == (PEMS[0], KEYS[0])


@pytest.mark.parametrize("blocked", ["path", "key_path"])
def test_a_folder_where_a_file_belongs_is_refused(place, blocked):
    """A folder is never replaced, and the other file is not either."""
    getattr(place, blocked).mkdir()
    before = tree(place.tls)
    with pytest.raises(HostError, match="is a folder"):
        place.put(0)
    assert tree(place.tls) == before


def test_a_state_folder_that_others_may_write_is_refused(place):
    """Private keys pass through it."""
    place.state.mkdir()
    place.state.chmod(0o777)
    with pytest.raises(HostError, match="other users"):
        place.put(0)
    assert contents(place.folder) == {}


def test_what_others_wrote_into_names_comes_back_as_text(place):
    """A path with shell signs, quotes and templates is a file name and nothing else."""
    path = place.tls / "{{ x }} $(id) 'q' \"d\".pem"
    place.put(0, declared={"path": str(path)})
    assert path.read_bytes() == PEMS[0]


# The pair before.

def test_the_pair_before_is_brought_back(place):
    """restored brings back certificate, key and modes of before; once it is back there is nothing more to do."""
    place.put(0, declared={"mode": "0640", "key_mode": "0440"})
    place.put(1, declared={"mode": "0644", "key_mode": "0400"})
    answer = place.put(state="restored")
    assert answer == external.Installed(True, False, PEMS[1], PEMS[0], False) and place.pair() == (PEMS[0], KEYS[0])
    assert (mode_of(place.path), mode_of(place.key_path)) == (0o640, 0o440)
    before = tree(place.folder)
    assert place.put(state="restored") == external.Installed(False, False, PEMS[0], PEMS[0], False) and tree(place.folder) == before


def test_before_the_first_pair_there_was_none(place):
    """Going back behind the first installation takes both files away, and leaves the folder as it was."""
    place.put(0, declared={"activate": {"reload": "nginx"}})
    answer = place.put(state="restored", declared={"activate": {"reload": "nginx"}})
    assert answer == external.Installed(True, False, PEMS[0], None, False) and place.pair() == (None, None)
    assert not place.put(state="restored").changed and temporaries(place.folder) == []


@pytest.mark.parametrize("check", [False, True])
def test_nothing_kept_is_nothing_to_restore(place, check):
    """The error names the certificate and the way out."""
    with pytest.raises(FileRefused, match=r"web\.pem: no pair is kept to be restored"):
        place.put(state="restored", check=check)
    assert place.pair() == (None, None)


def test_what_is_taken_away_can_be_set_aside(place):
    """set_aside keeps the pair that is taken away; an installation forgets it, since something newer is in service."""
    place.put(0)
    place.put(1)
    place.put(state="restored", set_aside=True)
    memory = State(str(place.state)).fresh(str(place.path))
    assert memory.has("aside.json") and pair.aside(memory)[-1].content == PEMS[1]
    place.put(2)
    assert not State(str(place.state)).fresh(str(place.path)).has("aside.json")
    place.put(state="restored")
    assert not State(str(place.state)).fresh(str(place.path)).has("aside.json"), "not asked for"


def test_a_run_without_change_keeps_the_pair_before(place):
    """Running again does not make the present pair the one to go back to."""
    place.put(0)
    place.put(1)
    place.put(1)
    place.put(state="restored")
    assert place.pair() == (PEMS[0], KEYS[0])


def test_a_key_put_in_place_by_hand_is_no_trap(place):
    """A kept pair whose files were removed since is still brought back whole."""
    place.put(0)
    place.put(1)
    place.key_path.unlink()
    assert place.put(state="restored").changed and place.pair() == (PEMS[0], KEYS[0])


# What is still to be proven.

@pytest.mark.parametrize(("declared", "pending"), [
    ({}, False), ({"activate": {"reload": "nginx"}}, True), ({"endpoints": ["localhost:443"]}, True), ({"product": "pbs", "owner": "0", "group": "0"}, True),
])
def test_what_has_a_service_wants_a_proof(place, declared, pending):
    """Where there is a service to tell or an endpoint to look at, the new pair is pending until it is proven; also in later runs."""
    declared = {**declared, **({"owner": str(os.geteuid()), "group": str(os.getegid())} if "product" in declared else {})}
    assert place.put(0, declared=declared).unproven is pending
    assert place.put(0, declared=declared).unproven is pending
    assert place.put(state="restored", declared=declared).unproven is False, "there was none before: nothing to prove"


# Check mode.

SITUATIONS = [
    pytest.param([], {"number": 0}, id="nothing there"), pytest.param([{"number": 0}], {"number": 0}, id="the same pair"),
    pytest.param([{"number": 0}], {"number": 1}, id="another pair"),
    pytest.param([{"number": 0}], {"number": 0, "declared": {"key_mode": "0400"}}, id="another mode"),
    pytest.param([{"number": 0}, {"number": 1}], {"state": "restored"}, id="a pair to be brought back"),
    pytest.param([{"number": 0}, {"number": 1}, {"state": "restored"}], {"state": "restored"}, id="brought back already"),
    pytest.param([{"number": 0}], {"state": "restored"}, id="back to nothing"),
    pytest.param([], {"number": 0, "declared": {"activate": {"reload": "nginx"}}}, id="nothing there, with a service"),
    pytest.param([{"number": 0}], {"number": 1, "declared": {"endpoints": ["localhost:443"]}}, id="another pair, with an endpoint"),
    pytest.param([{"number": 0, "declared": {"activate": {"reload": "nginx"}}}], {"number": 0}, id="still to be proven"),
    pytest.param([{"number": 0, "declared": {"activate": {"reload": "nginx"}}}], {"number": 1},
                 id="another pair without a service, the one before to be proven"),
    pytest.param([{"number": 0}, {"number": 1}], {"state": "restored", "declared": {"activate": {"reload": "nginx"}}},
                 id="a pair to be brought back, with a service"),
    pytest.param([{"number": 0}], {"state": "restored", "declared": {"activate": {"reload": "nginx"}}}, id="back to nothing, with a service"),
]


@pytest.mark.parametrize(("earlier", "call"), SITUATIONS)
def test_check_mode_foresees_the_same_and_writes_nothing(place, earlier, call):
    """In check mode the same answer comes with not a byte written, not even a folder of the memory."""
    for one in earlier:
        place.put(**one)
    before = tree(place.folder)
    foreseen = place.put(check=True, **call)
    assert tree(place.folder) == before
    assert foreseen == place.put(**call)


# Killed, and two at once.

def interrupted(place, number: int) -> None:
    """Leaves the host as a run does that is killed after the key was replaced and before the certificate was."""
    for step in itertools.count():
        assert kill_at(step, external.put, *place.call(number)), "the run was over before such an instant came"
        if State(str(place.state)).fresh(str(place.path)).has("journal.json"):
            place.key_path.write_bytes(KEYS[number])
            return


def test_an_interrupted_installation_is_ended_first(place):
    """The same call again ends what was begun, and says that it repaired."""
    place.put(0)
    interrupted(place, 1)
    assert not place.matches()
    answer = place.put(1)
    assert place.pair() == (PEMS[1], KEYS[1]) and (answer.changed, answer.repaired, answer.before) == (True, True, PEMS[0])
    assert place.put(1) == external.Installed(False, False, PEMS[1], PEMS[1], False)


def test_another_pair_after_an_interruption_keeps_the_interrupted_one(place):
    """First the interrupted installation is ended, then the next is made: what is kept is a whole pair."""
    place.put(0)
    interrupted(place, 1)
    assert place.put(2).repaired and place.pair() == (PEMS[2], KEYS[2])
    place.put(state="restored")
    assert place.pair() == (PEMS[1], KEYS[1])


def test_going_back_after_an_interruption(place):
    """restored ends the interrupted installation and then takes it back."""
    place.put(0)
    interrupted(place, 1)
    assert place.put(state="restored").repaired and place.pair() == (PEMS[0], KEYS[0])


@pytest.mark.parametrize("call", [
    pytest.param({"number": 2, "key_content": KEYS[3].decode()}, id="a pair that does not match"),
    pytest.param({"content": PEMS[0].decode()}, id="a certificate for the key of before"), pytest.param({"src": "/nowhere"}, id="a source that is not there"),
])
def test_a_refused_call_repairs_too(place, call):
    """Killed at any instant, the next call ends the installation first, even where it then has a reason to refuse its own."""
    place.put(0)
    interrupted(place, 1)
    call = dict(call)
    with pytest.raises(EvergreenError):
        place.put(call.pop("number", None), **call)
    assert place.matches() and place.pair() == (PEMS[1], KEYS[1])


def test_check_mode_leaves_an_interruption_as_it_is(place):
    """In check mode it is said that there is something to repair, and nothing is written."""
    place.put(0)
    interrupted(place, 1)
    before = tree(place.folder)
    foreseen = place.put(1, check=True)
    assert (foreseen.changed, foreseen.repaired) == (True, True) and tree(place.folder) == before


def test_killed_anywhere_the_next_run_has_a_whole_pair(place):
    """At every third system call that changes a disk (test_pair_killed tries each): what the next run leaves is the pair it was asked for, and no temporary."""
    place.put(0)
    place.put(1)
    step = 0
    while kill_at(step, external.put, *place.call(2)):
        place.put(3)
        assert place.pair() == (PEMS[3], KEYS[3]) and temporaries(place.folder) == []
        step += 3
    assert step > 20


def test_two_at_once_leave_the_pair_of_one(place):
    """Two runs with different pairs: the second waits, both succeed, and what is there is a pair."""
    def many(numbers):
        return [place.put(number).changed for number in numbers * 3]
    for result in [child.result() for child in [Child(many, [0, 1]), Child(many, [2, 3])]]:
        assert result[0] == "returned", result
    assert place.matches() and temporaries(place.folder) == []
