# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that other clients made at a real CA, taken over from the files that they wrote; and Proxmox's files in the forms of its documentation."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import NamedTuple

import pytest

import debs
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_keys
from ansible_collections.evergreen.pki.tests.integration.acme.parts import Client
from ansible_collections.evergreen.pki.tests.unit.helpers import key_pem
from ansible_collections.evergreen.pki.tests.unit.issuers.test_acme_keys import as_jwk, as_pbs, as_pve


class Theirs(NamedTuple):
    """What a client left behind: its key file, the account's URL as it wrote it, another file of the account, what it printed."""

    key: object
    uri: str
    beside: object
    said: str


def run(argv, **environment) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def acme_sh(folder, pebble) -> Theirs:
    program = debs.unpacked("sid", "acme.sh") / "usr/share/acme.sh/acme.sh"
    said = run(["sh", str(program), "--register-account", "--server", pebble.directory, "--ca-bundle", str(pebble.ca_path), "--home", str(folder)],
               HOME=str(folder))
    (key,) = folder.rglob("account.key")
    uri = re.search("ACCOUNT_URL='(.*)'", (key.parent / "ca.conf").read_text()).group(1)
    return Theirs(key, uri, key.parent / "account.json", said)


def lego(folder, pebble) -> Theirs:
    program = debs.unpacked("sid", "lego") / "usr/bin/lego"
    # It registers only on its way to a certificate.
    run([str(program), "--server", pebble.directory, "--email", "a@example.org", "--accept-tos", "--path", str(folder), "--domains", "a.example", "--http",
         "--http.port", "127.0.0.1:0", "run"], LEGO_CA_CERTIFICATES=str(pebble.ca_path))
    (account,) = folder.rglob("account.json")
    return Theirs(account.parent / "keys" / "a@example.org.key", json.loads(account.read_text())["registration"]["uri"], account, "")


def dehydrated(folder, pebble) -> Theirs:
    program = debs.unpacked("sid", "dehydrated") / "usr/bin/dehydrated"
    (folder / "config").write_text(f'CA="{pebble.directory}"\nBASEDIR="{folder}"\nCURL_OPTS="--cacert {pebble.ca_path}"\n')
    run(["bash", str(program), "--register", "--accept-terms", "--config", str(folder / "config")])
    (account,) = folder.rglob("account_id.json")
    return Theirs(account.parent / "account_key.pem", json.loads(account.read_text())["url"], account.parent / "registration_info.json", "")


@pytest.fixture(scope="module", params=[acme_sh, lego, dehydrated], ids=lambda function: function.__name__)
def theirs(request, pebble, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp(request.param.__name__), pebble)


def test_the_account_is_taken_over(theirs, client):
    """The same account under our own key file, 0600; the second run needs the old client no more, and its file is as it was."""
    before = theirs.key.read_bytes()
    taken = client.account(account_key_source=str(theirs.key))
    assert taken["changed"] and taken["account_uri"] == theirs.uri and client.key_path.stat().st_mode & 0o777 == 0o600
    again = client.account(account_key_source="/nowhere")
    assert not again["changed"] and again["account_uri"] == theirs.uri and theirs.key.read_bytes() == before


def test_in_check_mode_it_is_found(theirs, client):
    """And nothing is written."""
    assert client.account(check=True, account_key_source=str(theirs.key))["account_uri"] == theirs.uri and not client.key_path.exists()


def test_their_file_may_stay_where_it_is(theirs, client):
    """Named as the key itself, nothing is imported and nothing changes."""
    found = client.account(account_key_path=str(theirs.key))
    assert not found["changed"] and found["account_uri"] == theirs.uri


def test_the_file_beside_it_is_not_the_key(theirs, client):
    """Which one would be the right one is said."""
    with pytest.raises(FileRefused, match="there is no account key in it.*Name the file of the private key"):
        client.account(account_key_source=str(theirs.beside))


def test_our_thumbprint_is_theirs(pebble, client, tmp_path_factory):
    """acme.sh prints it after it has registered."""
    theirs = acme_sh(tmp_path_factory.mktemp("thumbprint"), pebble)
    assert re.search("ACCOUNT_THUMBPRINT='(.*)'", theirs.said).group(1) == client.account(account_key_path=str(theirs.key))["thumbprint"]


@pytest.mark.parametrize(("form", "directory"), [
    pytest.param(as_pve, "directory", id="Proxmox VE"), pytest.param(as_pbs, "directoryUrl", id="Proxmox Backup Server"),
    pytest.param(as_jwk, None, id="certbot"),
])
def test_accounts_of_forms_that_are_documented(client, tmp_path, form, directory):
    """An account made here, written as the other keeps it, and taken over again; not for another CA."""
    made = client.made(account_key_type="RSA", account_key_size=2048)
    kept = form(acme_keys.load_file(str(client.key_path)))
    if directory:
        kept[directory] = client.ca["directory"]
    (tmp_path / "theirs").write_text(json.dumps(kept))
    (tmp_path / "ours").mkdir()
    ours = Client(tmp_path / "ours", client.ca["directory"], client.ca["ca_path"])
    assert ours.account(account_key_source=str(tmp_path / "theirs"))["account_uri"] == made["account_uri"]
    assert ours.key_path.read_bytes() == client.key_path.read_bytes() == key_pem(acme_keys.load_file(str(ours.key_path)))
    if directory:
        (tmp_path / "theirs").write_text(json.dumps({**kept, directory: "https://acme-v02.api.letsencrypt.org/directory"}))
        ours.key_path.unlink()
        with pytest.raises(FileRefused, match="is an account of https://acme-v02"):
            ours.account(account_key_source=str(tmp_path / "theirs"))
