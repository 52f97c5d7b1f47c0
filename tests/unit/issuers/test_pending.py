# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate given alone finds its key: the pending one, else the one in place; what it answered is dropped, and nothing else."""

from __future__ import annotations

import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, InputError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._core.files import read
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import pending
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import private_key
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    a_key,
    as_nobody,
    certificate,
    contents,
    key_pem,
    needs_openssl,
    open_folder,
    openssl,
    pem,
    tree,
)
from ansible_collections.evergreen.pki.tests.unit.issuers.applicant import CA, CA_KEY, Applicant, signed

ROOT = pem(certificate(subject=CA, names=(), key=CA_KEY))


@pytest.fixture
def host(tmp_path):
    return Applicant(tmp_path / "host")


# By the certificate alone.

@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("chain", [b"", ROOT])
def test_the_answer_is_installed_with_its_pending_key(host, old, chain):
    """Nothing but the certificate is given; the pending key goes into service with it, and waits no longer. A second run changes nothing."""
    if old:
        host.old_pair(left=DAY)
    there = host.ask().after
    answer = signed(there.text) + chain
    outcome = host.put(answer)
    assert outcome.changed and outcome.answered and host.pair() == (answer, there.key) and host.matches()
    assert old or stat.S_IMODE(host.key_path.stat().st_mode) == 0o600
    assert host.has() == (["kept.json", "state.json"] if old else ["state.json"])
    before = tree(host.folder)
    again = host.put(answer)
    assert (again.changed, again.answered) == (False, False) and tree(host.folder) == before
    assert not host.ask().changed and tree(host.folder) == before, "nothing is due any more"


@pytest.mark.parametrize("source", ["src", "content"])
def test_from_content_or_a_file_of_the_host(host, source):
    """Both ways to give it."""
    answer = signed(host.ask().after.text)
    if source == "src":
        (host.folder / "answer.der").write_bytes(answer)
        assert host.put(src=str(host.folder / "answer.der")).answered
    else:
        assert host.put(answer).answered
    assert host.matches()


def test_a_combined_file(host):
    """One file with both, the key first."""
    declared = {"key_path": str(host.path)}
    there = host.ask(declared=declared).after
    answer = signed(there.text)
    host.put(answer, declared=declared)
    assert host.path.read_bytes() == there.key + answer and host.has() == ["state.json"]
    assert not host.put(answer, declared=declared).changed


def test_the_key_may_be_given_all_the_same(host):
    """Whoever has the pending key and gives it has answered the request too."""
    there = host.ask().after
    assert host.put(signed(there.text), key_content=there.key.decode()).answered and host.has() == ["state.json"]


def test_a_renewed_certificate_over_the_key_in_place(host):
    """Nothing is pending for it: the key in place stays, and so does a request that it does not answer."""
    key = host.old_pair(left=DAY)[1]
    there = host.ask().after
    renewed = pem(certificate(key=a_key(0), signer=CA_KEY, issuer=CA, serial=9))
    outcome = host.put(renewed)
    assert outcome.changed and not outcome.answered and host.pair() == (renewed, key) and host.pending() == there


def test_another_pair_leaves_the_request(host):
    """A pair that has nothing to do with it is installed, and the request waits on."""
    there = host.ask().after
    outcome = host.put(pem(certificate(key=a_key(8))), key_content=key_pem(a_key(8)).decode())
    assert outcome.changed and not outcome.answered and host.pending() == there


def test_the_answer_to_the_wish_before(host):
    """An authority that had signed already is not asked in vain: the superseded key waits too, and the newer request stays."""
    first = host.ask().after
    second = host.ask(declared={"names": ["b.example"]}).after
    answer = signed(first.text)
    outcome = host.put(answer, declared={"names": None})
    assert outcome.answered and host.pair() == (answer, first.key) and host.pending() == second and host.pending(pending.SUPERSEDED) is None
    assert host.put(signed(second.text), declared={"names": ["b.example"]}).answered and host.has() == ["kept.json", "state.json"]


@pytest.mark.parametrize(("names", "asked"), [
    pytest.param(["b.example"], ["web.example"], id="declared"),
    pytest.param(None, ["web.example", "more.example"], id="asked for"),
])
def test_an_answer_carries_the_names(host, names, asked):
    """Those that are declared with the pair; where none are, those of the request that it answers."""
    there = host.ask(declared={"names": asked}).after
    with pytest.raises(PairRefused, match=f"does not carry {(names or asked)[-1]}"):
        host.put(signed(there.text, names=("DNS:web.example",)), declared={"names": names})
    assert host.pair() == (None, None) and host.pending() == there


def test_the_answer_in_force_settles_both(host):
    """When the present wish is answered, nobody waits for the one before."""
    host.ask()
    second = host.ask(declared={"names": ["b.example"]}).after
    host.put(signed(second.text), declared={"names": ["b.example"]})
    assert host.has() == ["state.json"]


# A key that is used again.

def test_the_certificate_in_place_is_no_answer(host):
    """A request over the key in service waits while the old certificate is put in place once more, as every run does."""
    old = host.old_pair(left=DAY)
    host.put(old[0])
    there = host.ask(reuse_key=True).after
    again = host.put(old[0])
    assert not again.changed and not again.answered and host.pending() == there
    new = signed(there.text)
    assert host.put(new).answered and host.pair() == (new, old[1]) and host.pending() is None
    assert not host.put(new).changed


def test_a_reused_key_survives_its_replacement(host):
    """When another pair comes in between, the answer still finds its key."""
    old = host.old_pair(left=DAY)
    there = host.ask(reuse_key=True).after
    host.put(pem(certificate(key=a_key(8), left=DAY)), key_content=key_pem(a_key(8)).decode())
    new = signed(there.text)
    assert host.put(new).answered and host.pair() == (new, old[1])


# Taken away again.

def test_a_pair_set_aside_is_found_by_its_certificate(host):
    """A failed activation took the new pair away; giving the same certificate once more brings it back, with the key that nobody else has."""
    host.old_pair(left=DAY)
    there = host.ask().after
    answer = signed(there.text)
    host.put(answer)
    host.put(state="restored", set_aside=True)
    outcome = host.put(answer)
    assert outcome.changed and not outcome.answered and host.pair() == (answer, there.key) and host.has() == ["kept.json", "state.json"]


# Refused.

STRANGER = pem(certificate(key=a_key(9)))


def prepared(host, waits: bool, in_place: bool) -> None:
    if in_place:
        host.old_pair(left=DAY)
    if waits:
        host.ask()


@pytest.mark.parametrize(("waits", "in_place", "says"), [
    (True, True, r"^content: its private key is neither the pending one \(.*/request\.json\) nor the one in place \(.*/tls/web\.key\)\. Give "),
    (False, True, r"^content: no request is pending, and the private key in place \(.*/web\.key\) does not belong to the certificate"),
    (True, False, r"web\.key: there is no private key in place, and the pending one \(.*/request\.json\) does not belong to the certificate"),
    (False, False, r"web\.key: no private key is given, and there is none in place"),
])
@pytest.mark.parametrize("check", [False, True])
def test_a_certificate_of_nobody_here(host, waits, in_place, says, check):
    """The error says which keys were tried, and what to give; nothing is changed."""
    prepared(host, waits, in_place)
    before = tree(host.folder)
    with pytest.raises(PairRefused, match=says) as caught:
        host.put(STRANGER, check=check)
    assert caught.value.way_out and str(caught.value).isprintable() and tree(host.folder) == before


def test_both_pending_keys_are_named(host):
    """The superseded one was tried as well."""
    host.old_pair(left=DAY)
    host.ask()
    host.ask(declared={"names": ["b.example"]})
    with pytest.raises(PairRefused, match=r"request\.json, .*superseded\.json\) nor"):
        host.put(STRANGER)


@pytest.mark.parametrize(("answer", "kind", "says"), [
    pytest.param(lambda text: signed(text, left=-DAY), PairRefused, "expired on", id="expired"),
    pytest.param(lambda text: signed(text, left=200 * DAY), PairRefused, "not valid before", id="of the future"),
    pytest.param(lambda text: signed(text) + STRANGER, PairRefused, "is of another service, with another key", id="with a stranger"),
    pytest.param(lambda text: signed(text) + ROOT[:-60], FileRefused, "cut off", id="cut off"),
    pytest.param(lambda text: text, FileRefused, "certificate request where a certificate belongs", id="the request itself"),
])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_bad_answer_leaves_the_request(host, answer, kind, says, in_place):
    """What cannot be put in service is refused in the usual sentences, and its key waits on."""
    if in_place:
        host.old_pair(left=DAY)
    there = host.ask().after
    before = tree(host.folder)
    with pytest.raises(kind, match=says):
        host.put(answer(there.text))
    assert tree(host.folder) == before and host.pending() == there


def test_nothing_is_dropped_when_the_pair_cannot_be_put_in_place(host):
    """An error on the way leaves the pending key."""
    there = host.ask().after
    host.path.mkdir()
    with pytest.raises(EvergreenError, match="is a folder"):
        host.put(signed(there.text))
    assert host.pending() == there


# With a passphrase.

@needs_openssl
def test_a_key_with_a_passphrase_goes_into_service_as_it_is(host):
    """It was asked for encrypted, and stays so; openssl opens it with the passphrase. Idempotent to the inode."""
    there = host.ask(passphrase="correct horse").after
    answer = signed(there.text)
    outcome = host.put(answer, passphrase="correct horse")
    assert outcome.answered and host.pair() == (answer, there.key)
    assert openssl("x509", "-noout", "-pubkey", given=answer) == openssl("pkey", "-pubout", "-passin", "pass:correct horse", "-in", str(host.key_path))
    before = tree(host.folder)
    assert not host.put(answer, passphrase="correct horse").changed and not host.ask(passphrase="correct horse").changed
    assert tree(host.folder) == before
    renewed = pem(certificate(key=private_key(there.key, "key", b"correct horse"), signer=CA_KEY, issuer=CA, serial=12))
    host.put(renewed, passphrase="correct horse")
    assert host.pair() == (renewed, there.key)


def test_a_combined_file_with_a_passphrase(host):
    """The same in one file."""
    declared = {"key_path": str(host.path)}
    there = host.ask(passphrase="word", declared=declared).after
    answer = signed(there.text)
    host.put(answer, passphrase="word", declared=declared)
    assert host.path.read_bytes() == there.key + answer and not host.put(answer, passphrase="word", declared=declared).changed


@pytest.mark.parametrize(("passphrase", "says"), [
    (None, "request.json: the private key is encrypted. Give its passphrase"),
    ("another", "request.json: the private key cannot be opened with this passphrase"),
])
def test_a_passphrase_that_is_missing_or_wrong(host, passphrase, says):
    """The error names the key's place and never the passphrase; the request waits on."""
    there = host.ask(passphrase="correct horse").after
    with pytest.raises(FileRefused, match=says) as caught:
        host.put(signed(there.text), passphrase=passphrase)
    assert "horse" not in str(caught.value) and "another" not in str(caught.value) and host.pending() == there


def test_a_passphrase_that_is_not_needed_does_no_harm(host):
    """An open key stays open."""
    there = host.ask().after
    host.put(signed(there.text), passphrase="word")
    assert host.key_path.read_bytes() == there.key


def test_a_product_wants_its_key_open(host):
    """For a product a passphrase is refused (row 19), and nothing written."""
    there = host.ask().after
    before = tree(host.folder)
    with pytest.raises(InputError, match="^passphrase: Proxmox Backup Server cannot open"):
        host.put(signed(there.text), passphrase="word", declared={"product": "pbs"})
    assert tree(host.folder) == before


# Check mode.

@pytest.mark.parametrize("earlier", [
    pytest.param(lambda host: None, id="the first pair"), pytest.param(lambda host: host.old_pair(left=DAY), id="over an old pair"),
    pytest.param(lambda host: host.ask(declared={"names": ["b.example"]}), id="with one superseded"),
])
def test_check_mode_foresees_the_same_and_writes_nothing(host, earlier):
    """The answer and the request that is to be dropped are foreseen."""
    earlier(host)
    there = host.ask().after
    answer = signed(there.text)
    before = tree(host.folder)
    foreseen = host.put(answer, check=True)
    assert tree(host.folder) == before and foreseen.answered
    assert foreseen == host.put(answer)


def left_behind(host) -> bytes:
    """Installs an answer as a run does that is killed before it drops the request."""
    there = host.ask().after
    saved = contents(host.state)
    answer = signed(there.text)
    host.put(answer)
    for path, content in saved.items():
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    assert host.pending() == there
    return answer


def test_a_request_left_behind_is_dropped_by_the_next_run(host):
    """The pair is in service already: only the request goes, which is a change, once."""
    answer = left_behind(host)
    foreseen = host.put(answer, check=True)
    outcome = host.put(answer)
    assert outcome == foreseen and outcome.changed and outcome.answered and host.has() == ["state.json"]
    assert not host.put(answer).changed


def test_leftovers_of_a_killed_run_go(host):
    """A file that is half written may hold a key that nobody waits for."""
    there = host.ask().after
    with open(os.path.join(host.memory.folder, "request.json.new"), "wb") as file:
        file.write(there.key)
    host.put(signed(there.text))
    assert host.has() == ["state.json"]


def test_the_key_is_closed_to_others(host):
    """An unprivileged user is refused, and reads no pending key."""
    with open_folder() as folder:
        state = os.path.join(folder, "state")
        there = host.ask().after
        pending.save(State(state).of("/tls/web.pem"), there.key, there.text, False, there.since, None)
        kept = pending.load(State(state).fresh("/tls/web.pem"))
        assert kept.key == there.key
        if os.geteuid() == 0:
            assert as_nobody(State, state)[1][0] == "HostError" and as_nobody(read, kept.path)[1][0] == "FileRefused"
