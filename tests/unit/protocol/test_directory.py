# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.directory import directory_of, directory_url
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, URLS, answer

META = {"termsOfService": "https://ca.example/terms.pdf", "website": "https://ca.example", "caaIdentities": ["ca.example"], "externalAccountRequired": True,
        "profiles": {"classic": "90 days", "shortlived": "6 days"}}


def test_all_that_a_ca_says_of_itself():
    """RFC 8555, 7.1.1, and the profiles."""
    found = directory_of(answer(200, {**URLS, "meta": META}, url=f"{CA}/dir"), NOW)
    assert found.facts() == {"url": f"{CA}/dir", "urls": URLS, "terms_of_service": "https://ca.example/terms.pdf", "website": "https://ca.example",
                             "caa_identities": ["ca.example"], "external_account_required": True, "profiles": {"classic": "90 days", "shortlived": "6 days"}}
    assert found.to("keyChange") == f"{CA}/keyChange"


def test_a_ca_that_says_little():
    """What is not said is null or empty; what is not offered is told when it is needed."""
    found = directory_of(answer(200, {name: URLS[name] for name in ("newNonce", "newAccount", "newOrder")}, url=f"{CA}/dir"), NOW)
    assert (found.terms_of_service, found.website, found.caa_identities, found.external_account_required, found.profiles) == (None, None, (), False, None)
    with pytest.raises(AnswerRefused, match=f"^{CA}/dir: the CA offers no renewalInfo"):
        found.to("renewalInfo")


@pytest.mark.parametrize("meta", [
    5, None, [], {"profiles": ["a"], "caaIdentities": "x", "externalAccountRequired": "yes", "termsOfService": 5, "website": {}},
])
def test_nonsense_is_as_good_as_nothing(meta):
    """A meta of wrong types demands nothing and breaks nothing."""
    found = directory_of(answer(200, {**URLS, "meta": meta}), NOW)
    assert (found.terms_of_service, found.caa_identities, found.external_account_required, found.profiles) == (None, (), False, None)


def test_hostile_texts():
    """Names of profiles and the rest are shown to people."""
    meta = {"profiles": {"a\nb": "c\x1b[2J"}, "website": "\r"}
    found = directory_of(answer(200, {**URLS, "x\x1b": f"{CA}/x", "evil": "javascript:1", "meta": meta}), NOW)
    assert found.profiles == {"a\\nb": "c\\x1b[2J"} and found.website == "\\r" and "x\\x1b" in found.urls and "evil" not in found.urls


@pytest.mark.parametrize(("given", "kind"), [
    pytest.param(answer(404), Refused, id="nothing there"), pytest.param(answer(200, ["x"]), AnswerRefused, id="no object"),
    pytest.param(answer(200, {}), AnswerRefused, id="no URLs"),
    pytest.param(answer(200, {**URLS, "newNonce": "http://ca.example/"}), AnswerRefused, id="in clear"),
    pytest.param(answer(301, location="https://new.example/dir"), Refused, id="moved"),
])
def test_what_is_no_directory(given, kind):
    """Whatever else is at that URL is told, with the URL."""
    with pytest.raises(kind, match=f"^{CA}/x: "):
        directory_of(given, NOW)


@pytest.mark.parametrize(("word", "expected"), [
    ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"), ("letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"),
    (f"{CA}/dir", f"{CA}/dir"),
])
def test_where_a_directory_is(word, expected):
    """The two that Proxmox knows by name (proxmox-formats 1.7), and any other by its URL."""
    assert directory_url(word) == expected


@pytest.mark.parametrize("word", ["", "staging", "Letsencrypt", "http://ca.example/dir", "https://a b/"])
def test_what_names_no_directory(word):
    """The error names both words."""
    with pytest.raises(InputError, match="^directory: .*letsencrypt or letsencrypt-staging"):
        directory_url(word)
