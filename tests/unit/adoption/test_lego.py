# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import lego
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.disk import Disk
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.words import Account, Proof
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import ACCOUNT, DIRECTORY, LEGO, put

SCHEDULED = ["--server", DIRECTORY, "--email", "a@example.org", "--domains", "localhost", "--domains=b.localhost"]


@pytest.fixture
def home(tmp_path):
    return clients.lego(tmp_path)


def read(home, *words):
    return lego.lineage(Disk(), home, "localhost", f"{home}/certificates/localhost.json", [["-d", "other.example", "--tls"], [*SCHEDULED, *words]])


def test_what_lego_wrote(home):
    """Its files, and the command that renews them."""
    stem = f"{home}/certificates/localhost"
    assert lego.found(Disk(), home) == [("localhost", f"{stem}.json")]
    found = read(home, "--http", "--http.webroot", "/var/www", "--profile", "shortlived", "renew", "--renew-hook", "systemctl reload nginx")
    assert (found.path, found.key_path, found.parked) == (f"{stem}.crt", f"{stem}.key", ()) and not found.linked
    assert found.directory == DIRECTORY and found.profile == "shortlived" and found.hooks == ("systemctl reload nginx",) and found.notes == ()
    assert found.proofs == (Proof("http-01", "webroot", {"path": "/var/www"}),)
    assert found.account == Account(f"{home}/accounts/ca.example_14000/a@example.org/keys/a@example.org.key", ACCOUNT)


@pytest.mark.parametrize(("words", "proofs", "note"), [
    pytest.param(["--http"], [("http-01", "standalone", {})], None, id="its own server"),
    pytest.param(["--http", "--http.port", "127.0.0.1:5002"], [("http-01", "standalone", {"port": 5002})], None, id="on another port"),
    pytest.param(["--http", "--http.port=:80"], [("http-01", "standalone", {})], None, id="on the usual port"),
    pytest.param(["--tls", "--tls.port", ":5001"], [("tls-alpn-01", "tls_alpn", {"port": 5001})], None, id="TLS"),
    pytest.param(["--dns", "ovh"], [], "DNS provider 'ovh'", id="DNS"),
    pytest.param([], [], "do not tell how", id="nothing"),
])
def test_how_names_were_proven(home, words, proofs, note):
    """As its command says."""
    found = read(home, *words)
    assert [(one.type, one.kind, one.settings) for one in found.proofs] == proofs
    assert len(found.notes) == (1 if note else 0) and (note or "") in " ".join(found.notes)


def test_without_a_command(home):
    """The CA of an address that has one only is known; others are to be declared."""
    conf = f"{home}/certificates/localhost.json"
    assert lego.lineage(Disk(), home, "localhost", conf).directory is None
    put(conf, LEGO.replace("ca.example:14000", "acme-v02.api.letsencrypt.org"))
    assert lego.lineage(Disk(), home, "localhost", conf).directory == "https://acme-v02.api.letsencrypt.org/directory"


def test_other_files_that_it_made(home, tmp_path):
    """They are written no more, and that is said."""
    put(f"{home}/certificates/localhost.pem", "")
    assert "localhost.pem is written no more" in read(home, "--http").notes[0]


def test_two_accounts(home):
    """Which of them it was is written nowhere."""
    put(f"{home}/accounts/ca.example_14000/b@example.org/keys/b@example.org.key", "")
    assert read(home, "--http").account is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"domain": 7}', '{"domain": "../.."}', '{"domain": "-d"}', "[" * 5000])
def test_files_that_lego_did_not_write(home, text):
    """One sentence, with the file."""
    put(f"{home}/certificates/localhost.json", text)
    with pytest.raises(FileRefused, match="localhost.json: (is no record of a certificate of lego|names no domain)"):
        read(home)
