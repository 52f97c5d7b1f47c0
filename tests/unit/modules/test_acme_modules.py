# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACME modules where no CA is needed: mistakes in options, a CA that nobody reaches, secrets. The rest is in tests/integration/acme."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.edges.servers import Pair, Server, over_tls
from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate_pem, contents, key_pem
from ansible_collections.evergreen.pki.tests.unit.modules import test_run_modules

documented, shows = test_run_modules.documented, test_run_modules.shows

CA = "https://ca.example/dir"
KEY, CERTIFICATE = key_pem(a_key()).decode(), certificate_pem().decode()


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory):
    """The URL of a CA whose TLS certificate nobody vouches for."""
    with Server(over_tls(Pair(tmp_path_factory.mktemp("untrusted")).context())) as server:
        yield f"https://{server.address}/dir"


@pytest.mark.parametrize(("module", "options", "says"), [
    ("acme_account", {"account_key_path": "/k"}, "directory"), ("acme_account", {"directory": CA}, "account_key_path"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "account_key_content": KEY}, "mutually exclusive"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "account_key_create": True, "account_key_source": "/x"}, "mutually exclusive"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "state": "key_changed"}, "older_than"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "state": "key_changed", "older_than": "1d", "new_account_key_path": "/n"}, "exclusive"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "eab": {"kid": "k"}}, "key"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "eab": {"kid": "k", "key": "a", "alg": "HS1"}}, "HS1"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "eab": {"kid": "k", "key": "!"}}, "^eab: key: is no base64"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "contact": ["a b"]}, "^contact: 'a b' is no contact"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "account_key_type": "Ed25519"}, "Ed25519"),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "account_key_size": 255}, "^account_key_size: 255"),
    ("acme_account", {"directory": "staging", "account_key_path": "/k"}, "^directory: 'staging' is no https URL.*letsencrypt-staging"),
    ("acme_account", {"directory": "http://ca.example/dir", "account_key_path": "/k"}, "^directory: "),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "timeout": 0}, "^timeout: "),
    ("acme_account", {"directory": CA, "account_key_path": "/k", "ca_path": "/nowhere"}, "^ca_path: the authorities cannot be read"),
    ("acme_info", {}, "directory"), ("acme_info", {"directory": CA, "path": "/x", "content": CERTIFICATE}, "mutually exclusive"),
    ("acme_info", {"directory": CA, "order_uri": "x"}, "^order_uri: is no https URL"), ("acme_info", {"directory": CA, "path": "/nowhere"}, "^/nowhere: "),
    ("acme_revoke", {"directory": CA}, "path"), ("acme_revoke", {"directory": CA, "content": "x"}, "account_key_path"),
    ("acme_revoke", {"directory": CA, "content": CERTIFICATE, "account_key_path": "/k", "private_key_path": "/p"}, "mutually exclusive"),
    ("acme_revoke", {"directory": CA, "content": "x", "account_key_path": "/k"}, "^content: there is no certificate"),
    ("acme_revoke", {"directory": CA, "content": CERTIFICATE, "account_key_path": "/k", "reason": "lost"}, "^reason: 'lost' is no reason"),
    ("acme_revoke", {"directory": CA, "content": CERTIFICATE, "private_key_path": "/nowhere"}, "^/nowhere: there is no such file"),
])
def test_a_mistake_is_one_sentence_with_its_option(run, module, options, says):
    """Before any CA is asked; on one line, without a traceback."""
    answer = run(module, **options)
    assert answer["failed"] and re.search(says, answer["msg"]) and "Traceback" not in answer.text and "exception" not in answer
    assert not re.search(r"[\x00-\x1f]", answer["msg"])


@pytest.mark.parametrize(("module", "options"), [
    ("acme_account", {"account_key_content": KEY, "eab": {"kid": "k", "key": "c2VjcmV0LXNlY3JldA"}, "account_key_passphrase": "p4ss w0rd"}),
    ("acme_account", {"account_key_content": KEY, "state": "key_changed", "new_account_key_content": KEY}),
    ("acme_info", {"account_key_content": KEY, "content": CERTIFICATE + KEY}),
    ("acme_revoke", {"content": CERTIFICATE + KEY, "private_key_content": KEY}),
])
def test_a_ca_that_is_not_trusted(run, untrusted, module, options):
    """One sentence with the way out, and no secret of the options comes back."""
    answer = run(module, directory=untrusted, **options)
    assert answer["failed"] and answer["problem"] is None and answer["msg"].startswith(f"{untrusted}: the TLS certificate of the CA is not trusted")
    assert "ca_path" in answer["msg"] and answer["retry"] is False
    assert not shows(answer.text, KEY.encode()) and not any(secret in answer.text for secret in ("c2VjcmV0LXNlY3JldA", "p4ss w0rd"))
    assert "invocation" in answer and not answer.get("warnings")
    documented(module, answer)


def test_nothing_is_made_before_the_ca_has_answered(run, untrusted, tmp_path):
    """No key for an account that nobody can make."""
    answer = run("acme_account", directory=untrusted, account_key_path=str(tmp_path / "k"), account_key_create=True, terms_agreed=True)
    assert answer["failed"] and contents(tmp_path) == {}
