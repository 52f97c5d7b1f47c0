# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts at a real CA: made, found, changed, moved to another key, deactivated, by many runs at once, and by runs that are killed."""

from __future__ import annotations

import itertools
import os
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account, acme_keys
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_session import Session
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.jws import jwk, thumbprint
from ansible_collections.evergreen.pki.tests.integration.acme.parts import MAC_KEY, Client, change_key, make
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, contents, key_pem, kill_at, tree

TERMS = "data:text/plain,Do%20what%20thou%20wilt"
KINDS = [("EC", 256, "P-256"), ("EC", 384, "P-384"), ("EC", 521, "P-521"), ("RSA", 2048, None)]


def without_temporaries(folder) -> list:
    return sorted(os.path.relpath(path, folder) for path in contents(folder) if not path.endswith(".lock"))


# The whole life.

@pytest.mark.parametrize("server", ["pebble", "old_pebble", "moody_pebble"])
def test_the_life_of_an_account(request, tmp_path, server):
    """Made once, found by the second run, changed, moved to another key, deactivated; each step is no change the second time."""
    server = request.getfixturevalue(server)
    client = Client(tmp_path, server.directory, server.ca_path)
    made = client.made(contact=["a@example.org"])
    uri = made["account_uri"]
    assert made["changed"] and made["account"]["status"] == "valid" and made["account"]["contact"] == ["mailto:a@example.org"]
    assert made["directory"]["terms_of_service"] == TERMS and made["diff"]["before"] == {} and made["diff"]["after"]["key"] == made["thumbprint"]
    again = client.made(contact=["a@example.org"])
    assert not again["changed"] and again["account_uri"] == uri and again["diff"]["before"] == again["diff"]["after"]

    assert client.account(contact=["b@example.org", "c@example.org"])["account"]["contact"] == ["mailto:b@example.org", "mailto:c@example.org"]
    assert not client.account(contact=["c@example.org", "b@example.org"])["changed"] and not client.account()["changed"]

    moved = client.account(state="key_changed", older_than="0")
    assert moved["changed"] and moved["account_uri"] == uri and moved["thumbprint"] != made["thumbprint"]
    assert moved["diff"]["before"]["key"] == made["thumbprint"] and moved["diff"]["after"]["key"] == moved["thumbprint"]
    assert not client.account(state="key_changed", older_than="1h")["changed"] and client.account()["account_uri"] == uri

    gone = client.account(state="absent")
    assert gone["changed"] and gone["account"]["status"] == "deactivated"
    assert not client.account(state="absent")["changed"] and without_temporaries(tmp_path) == ["account.pem"]
    with pytest.raises(InputError, match="deactivated, for good"):
        client.account()


def test_profiles_are_shown(client):
    """With what the CA says of them."""
    assert client.made()["directory"]["profiles"] == {"default": "90 days", "shortlived": "6 days"}


@pytest.mark.parametrize(("key_type", "size", "curve"), KINDS)
def test_every_kind_of_key(client, key_type, size, curve):
    """The CA verifies what it signs; another kind takes its place by a key change."""
    made = client.made(account_key_type=key_type, account_key_size=size)
    assert made["changed"] and made["public_account_key"].get("crv") == curve and stat.S_IMODE(client.key_path.stat().st_mode) == 0o600
    other = "EC" if key_type == "RSA" else "RSA"
    moved = client.account(state="key_changed", older_than="0", account_key_type=other, account_key_size={"EC": 384, "RSA": 2048}[other])
    assert moved["account_uri"] == made["account_uri"] and moved["public_account_key"]["kty"] == other and not client.account()["changed"]


def test_check_mode_tells_the_same_and_does_nothing(client):
    """At each step of an account's life."""
    def foreseen(**options):
        before = tree(client.folder)
        answer = client.account(check=True, **options)
        assert tree(client.folder) == before
        return answer
    assert foreseen(account_key_create=True, terms_agreed=True)["changed"]
    client.made(contact=["a@example.org"])
    assert not foreseen(contact=["a@example.org"])["changed"]
    change = foreseen(contact=[])
    assert change["changed"] and change["account"]["contact"] == [] and client.account()["account"]["contact"] == ["mailto:a@example.org"]
    move = foreseen(state="key_changed", older_than="0")
    assert move["changed"] and move["thumbprint"] is None and move["diff"]["after"]["key"] == "a new one"
    assert not foreseen(state="key_changed", older_than="1h")["changed"]
    assert foreseen(state="absent")["account"]["status"] == "deactivated" and client.account()["account"]["status"] == "valid"


# What stands in the way.

def test_terms_are_shown_and_not_agreed_to(client):
    """The error has their URL, and no key was made; check mode says the same."""
    for check in (False, True):
        with pytest.raises(InputError, match=f"^terms_agreed: .*{TERMS}"):
            client.account(check, account_key_create=True)
    assert contents(client.folder) == {}


def test_no_key_and_none_asked_for(client):
    """Nothing is made by accident."""
    with pytest.raises(FileRefused, match="account_key_create: true"):
        client.account(terms_agreed=True)
    assert not client.account(state="absent")["changed"] and contents(client.folder) == {}


@pytest.mark.parametrize(("number", "alg"), [(0, "HS256"), (1, "HS384"), (2, "HS512")])
def test_an_external_account_binding(binding_pebble, tmp_path, number, alg):
    """The CA verifies it with each of the three; without one, the error names the option."""
    client = Client(tmp_path, binding_pebble.directory, binding_pebble.ca_path)
    with pytest.raises(InputError, match="^eab: the CA demands"):
        client.made()
    eab = {"kid": f"kid-{number}", "key": MAC_KEY, "alg": alg}
    made = client.made(eab=eab)
    assert made["changed"] and made["directory"]["external_account_required"] and not client.made(eab=eab)["changed"] and not client.account()["changed"]


def test_a_binding_that_is_wrong(binding_pebble, tmp_path):
    """The CA's own words; the key stays for the next try, and is not shown."""
    client = Client(tmp_path, binding_pebble.directory, binding_pebble.ca_path)
    with pytest.raises(Refused) as caught:
        client.made(eab={"kid": "kid-9", "key": "d3JvbmctbWFjLWtleQ", "alg": "HS256"})
    assert "d3JvbmctbWFjLWtleQ" not in str(caught.value) and caught.value.problem.status >= 400
    assert client.made(eab={"kid": "kid-9", "key": MAC_KEY, "alg": "HS256"})["changed"]


def test_nine_of_ten_nonces_rejected(rude_pebble, tmp_path):
    """It takes longer, and nobody notices."""
    client = Client(tmp_path, rude_pebble.directory, rude_pebble.ca_path)
    assert client.made()["changed"] and not client.account()["changed"]


# The key change.

def test_to_a_given_key(client):
    """From a file or a text, into the place of the old one; the second run finds nothing to do."""
    client.made()
    (client.folder / "new.pem").write_bytes(key_pem(acme_keys.new(client.options())))
    for options in ({"new_account_key_path": str(client.folder / "new.pem")}, {"new_account_key_content": key_pem(acme_keys.new(client.options())).decode()}):
        moved = client.account(state="key_changed", **options)
        assert moved["changed"] and not client.account(state="key_changed", **options)["changed"]
        assert thumbprint(acme_keys.load_file(str(client.key_path))) == moved["thumbprint"] == client.account()["thumbprint"]


def test_with_keys_from_a_vault(client):
    """Both as texts: no file is written, and the second run finds it done."""
    old, new = (key_pem(acme_keys.new(client.options())).decode() for unused in range(2))
    uri = client.account(account_key_path=None, account_key_content=old, terms_agreed=True)["account_uri"]
    options = {"state": "key_changed", "account_key_path": None, "account_key_content": old, "new_account_key_content": new}
    assert [client.account(**options)["changed"] for unused in range(2)] == [True, False] and contents(client.folder) == {}
    assert client.account(account_key_path=None, account_key_content=new)["account_uri"] == uri
    with pytest.raises(InputError, match="^account_key_path: is needed"):
        client.account(state="key_changed", account_key_path=None, account_key_content=new, older_than="0")


def test_to_a_key_that_has_an_account(client, tmp_path):
    """Both accounts stay as they are."""
    (tmp_path / "other").mkdir()
    other = Client(tmp_path / "other", client.ca["directory"], client.ca["ca_path"])
    uris = [one.made()["account_uri"] for one in (client, other)]
    with pytest.raises(InputError, match=f"^new account key: .*{uris[1]}"):
        client.account(state="key_changed", new_account_key_path=str(other.key_path))
    assert [one.account()["account_uri"] for one in (client, other)] == uris


# Many runs, and killed ones.

def test_a_fleet_makes_one_account(client):
    """Eight runs at once: one key, one account."""
    children = [Child(make, client) for unused in range(8)]
    assert {child.result() for child in children} == {("returned", client.account()["account_uri"])}


def _changed(client):
    return client.account(state="key_changed", older_than="1h")["thumbprint"]


def test_a_fleet_changes_the_key_once(client):
    """Four runs at once: the first changes it, the others find it fresh."""
    client.made()
    os.utime(client.key_path, (0, 0))
    children = [Child(_changed, client) for unused in range(4)]
    assert {child.result() for child in children} == {("returned", client.account()["thumbprint"])}


@pytest.mark.parametrize("following", ["key_changed", "present", "absent", "signer"])
def test_killed_while_the_key_changes(client, following):
    """Wherever it dies, the next run of any kind still speaks for the account, and the key change ends with one key."""
    uri = client.made()["account_uri"]
    deaths = 0
    for number in itertools.count():
        if not kill_at(number, change_key, client):
            break
        deaths += 1
        if following == "signer":
            with Session(client.options()) as session:
                assert acme_account.signer(session, client.options()).kid == uri
        elif following == "present":
            assert client.account()["account_uri"] == uri
        elif following == "absent":
            assert client.account(check=True, state="absent")["account_uri"] == uri
        assert client.account(state="key_changed", older_than="0")["account_uri"] == uri
        assert without_temporaries(client.folder) == ["account.pem"]
    assert deaths >= 8 and client.account()["account_uri"] == uri


def test_killed_while_the_account_is_made(pebble, tmp_path):
    """A key without an account, or an account with its key: the next run ends with one of each."""
    deaths = 0
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        client = Client(folder, pebble.directory, pebble.ca_path)
        killed = kill_at(number, make, client)
        first = acme_keys.load_file(str(client.key_path))
        made = client.made()
        assert without_temporaries(folder) == ["account.pem"] and not client.made()["changed"]
        assert first is None or made["public_account_key"] == jwk(first)
        if not killed:
            break
        deaths += 1
    assert deaths >= 5


def test_the_clock_is_the_hosts(client):
    """An old key file is changed, a fresh one is not."""
    client.made()
    moment = now().timestamp() - 91 * 86400
    os.utime(client.key_path, (moment, moment))
    assert [client.account(state="key_changed", older_than="90d")["changed"] for unused in range(2)] == [True, False]
