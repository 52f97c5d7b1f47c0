# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of acme_order: which certificates they ask for, and what is refused with its place."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import ca_options, items_of, spec, trial_directory

STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
OURS = "https://ca.example/dir"


def given(**options) -> dict:
    """All options at their defaults but these."""
    return {**{key: row.get("default") for key, row in spec().items()}, "rate": {"nonces": 20, "orders": 300}, "directory": "letsencrypt-staging",
            "path": "/tls/web.pem", **options}


def items(**options) -> list:
    return items_of(given(**options), lambda entry, place: dict(entry))


def several(*entries, **options) -> list:
    return items(certificates=list(entries), path=None, **options)


def test_flat_options_are_one_certificate():
    """As a host is told it: nothing of the account, and the issuer said."""
    one, = items(names=["a.example"], account_key_path="/key", eab={"kid": "a", "key": "b", "alg": "HS256"}, solvers={"x": {"solver": "webroot", "path": "/"}})
    assert one.place == "" and one.directories == (STAGING,) and one.declared["issuer"] == "acme" and one.declared["names"] == ["a.example"]
    assert not {"account_key_path", "eab", "solvers", "contact", "account_key_content", "force", "state_path"} & set(one.declared)


@pytest.mark.parametrize(("directory", "urls"), [
    pytest.param("letsencrypt-staging", (STAGING,), id="a word"),
    pytest.param([OURS, "letsencrypt-staging"], (OURS, STAGING), id="a list, in its order"),
    pytest.param([OURS, OURS], (OURS,), id="one twice"),
])
def test_directories(directory, urls):
    assert items(directory=directory)[0].directories == urls


def test_entries_take_what_the_task_says():
    """Unless they say it themselves."""
    first, second = several({"path": "/a.pem"}, {"path": "/b.pem", "directory": OURS, "profile": "own", "reuse_key": False, "challenges": [{"type": "dns-01"}]},
                            profile="classic", preferred_chain="Root", reuse_key=True, challenges=[{"type": "http-01"}])
    assert (first.directories, first.profile, first.preferred_chain, first.reuse_key, first.challenges) == (
        (STAGING,), "classic", "Root", True, [{"type": "http-01"}])
    assert (second.directories, second.profile, second.preferred_chain, second.reuse_key, second.challenges) == (
        (OURS,), "own", "Root", False, [{"type": "dns-01"}])


def test_a_given_request_is_an_entrys_own():
    """Its text or its place, and no part of the declaration."""
    first, second = several({"path": "/a.pem", "csr_content": "text"}, {"path": "/b.pem", "csr_path": "/b.csr"})
    assert first.csr == {"content": "text", "path": None} and second.csr == {"content": None, "path": "/b.csr"}
    assert "csr_content" not in first.declared and "csr_path" not in second.declared


@pytest.mark.parametrize(("options", "says"), [
    pytest.param({"directory": None}, "directory: is missing", id="no CA"),
    pytest.param({"directory": []}, "directory: is missing", id="an empty list of CAs"),
    pytest.param({"directory": [OURS, "http://ca.example/dir"]}, "directory: 'http://ca.example/dir' is no https URL", id="plain http"),
    pytest.param({"issuer": "selfsigned"}, "issuer: 'selfsigned' certificates", id="another issuer"),
    pytest.param({"subject": {"O": "x"}}, "subject: is what an ACME CA decides", id="a subject"),
    pytest.param({"csr_content": "x", "reuse_key": True}, "reuse_key: says nothing", id="a given request and reuse_key"),
    pytest.param({"csr_path": "/x", "csr_content": "x"}, "csr_content and csr_path: both", id="two requests"),
    pytest.param({"in_flight": 0}, "in_flight", id="none in flight"),
    pytest.param({"in_flight": 101}, "in_flight", id="too many in flight"),
    pytest.param({"rate": {"nonces": 0, "orders": 300}}, "rate: nonces", id="no nonce at all"),
    pytest.param({"rate": {"nonces": 20, "orders": 1_000_001}}, "rate: orders", id="a rate that is none"),
    pytest.param({"certificates": []}, "certificates: is empty", id="no certificate"),
])
def test_refused(options, says):
    with pytest.raises(InputError) as refused:
        items(**options)
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize(("options", "value"), [pytest.param({"in_flight": 1}, 1, id="one"), pytest.param({"in_flight": 100}, 100, id="a hundred")])
def test_the_bounds_of_in_flight(options, value):
    assert len(items(**options)) == 1 and given(**options)["in_flight"] == value


@pytest.mark.parametrize(("entry", "says"), [
    pytest.param({"path": "/b.pem", "name": "b", "issuer": "external"}, "certificates[1] (b): issuer", id="by its name"),
    pytest.param({"path": "/b.pem", "product": "pbs", "directory": "no"}, "certificates[1] (pbs): directory", id="by its product"),
    pytest.param({"path": "/b.pem", "reuse_key": "yes"}, "certificates[1]: reuse_key: is no bool", id="a text for a truth"),
])
def test_an_entrys_mistake_has_its_place(entry, says):
    with pytest.raises(InputError) as refused:
        several({"path": "/a.pem"}, entry)
    assert str(refused.value).startswith(says)


def test_the_test_directory():
    assert trial_directory(given(test_directory="letsencrypt-staging")) == STAGING and trial_directory(given()) is None
    with pytest.raises(InputError, match="^test_directory: "):
        trial_directory(given(test_directory="nothing"))


def test_what_a_ca_is_met_with():
    """All that the account's room reads, and no other certificate's options."""
    options = ca_options(given(contact=["a@example.org"], account_key_path="/key"), OURS)
    assert options["directory"] == OURS and options["account_key_path"] == "/key" and options["contact"] == ["a@example.org"]
    assert options["account_key_source"] is None and "solvers" not in options


def test_every_secret_is_hidden():
    """And what Ansible would take for one by its name is not."""
    found = spec()
    assert all(found[name]["no_log"] is True for name in ("account_key_content", "account_key_passphrase")) and found["eab"]["options"]["key"]["no_log"] is True
    assert all(found[name]["no_log"] is False for name in ("account_key_path", "account_key_create", "key_path", "reuse_key"))
