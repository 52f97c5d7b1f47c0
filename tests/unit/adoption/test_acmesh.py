# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import acmesh
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.disk import Disk
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.words import Account, Proof
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import ACCOUNT, ACMESH, DIRECTORY, put


def read(root, text: str):
    home = root / "acmesh"
    conf = put(home / "localhost_ecc" / "localhost.conf", text.replace("{root}", str(root)))
    return acmesh.lineage(Disk(), str(home), "localhost_ecc", str(conf))


def test_what_acme_sh_wrote(tmp_path):
    """Where it copies a certificate is where services read it; its texts in base64 are texts."""
    home = clients.acmesh(tmp_path)
    assert acmesh.found(Disk(), home) == [("c.localhost", f"{home}/c.localhost/c.localhost.conf"), ("localhost_ecc", f"{home}/localhost_ecc/localhost.conf")]
    found = read(tmp_path, ACMESH)
    assert (found.path, found.key_path, found.beside) == (f"{tmp_path}/tls/web.pem", f"{tmp_path}/tls/web.key", ())
    assert found.directory == DIRECTORY and not found.linked and found.hooks == ("true", "echo 'a b'") and found.stated == ("localhost", "b.localhost")
    assert found.account == Account(f"{home}/ca/ca.example/dir/account.key", ACCOUNT) and found.notes == ()
    assert found.proofs == (Proof("http-01", "webroot", {"path": f"{tmp_path}/www"}),)


def test_what_it_copies_nowhere(tmp_path):
    """Services read its own store."""
    home = clients.acmesh(tmp_path)
    found = acmesh.lineage(Disk(), home, "c.localhost", f"{home}/c.localhost/c.localhost.conf")
    assert (found.path, found.key_path) == (f"{home}/c.localhost/fullchain.cer", f"{home}/c.localhost/c.localhost.key")
    assert found.proofs == (Proof("http-01", "standalone", {"port": 52537}),) and found.stated == ("c.localhost",)


def test_certificate_and_chain_apart(tmp_path):
    """Both follow what is written from now on."""
    text = ACMESH.replace("Le_RealCertPath=''", "Le_RealCertPath='/tls/leaf.pem'")
    found = read(tmp_path, text.replace("Le_RealCACertPath=''", "Le_RealCACertPath='/tls/ca.pem'"))
    assert found.path == f"{tmp_path}/tls/web.pem" and found.beside == ("/tls/leaf.pem", "/tls/ca.pem")
    alone = read(tmp_path, text.replace("Le_RealFullChainPath='{root}/tls/web.pem'", ""))
    assert alone.path == "/tls/leaf.pem" and alone.beside == ()


@pytest.mark.parametrize(("webroot", "proofs", "note"), [
    pytest.param("no", [("http-01", "standalone", {}, None)], None, id="standalone"),
    pytest.param("alpn", [("tls-alpn-01", "tls_alpn", {}, None)], None, id="alpn"),
    pytest.param("dns_ovh", [("dns-01", "acmesh", {"api": "ovh"}, None)], "credentials of dns_ovh", id="a DNS script"),
    pytest.param("dns_persist", [("dns-persist-01", "persist", {}, None)], None, id="a lasting record"),
    pytest.param("dns", [], "acme.sh's 'dns'", id="by hand"),
    pytest.param("nginx:", [], "acme.sh's 'nginx:'", id="nginx"),
    pytest.param("stateless", [], "acme.sh's 'stateless'", id="stateless"),
    pytest.param("dns_ovh;id", [], "acme.sh's 'dns_ovh;id'", id="no word"),
    pytest.param("/a,dns_cf", [("http-01", "webroot", {"path": "/a"}, ("localhost",)), ("dns-01", "acmesh", {"api": "cf"}, ("b.localhost",))],
                 "b.localhost: the credentials", id="a word for each name"),
    pytest.param("/a,/a", [("http-01", "webroot", {"path": "/a"}, None)], None, id="the same word twice"),
])
def test_how_names_were_proven(tmp_path, webroot, proofs, note):
    """What can be done with it, and a sentence for the rest."""
    found = read(tmp_path, ACMESH.replace("{root}/www", webroot))
    assert [tuple(one) for one in found.proofs] == proofs
    assert len(found.notes) == (1 if note else 0) and (note or "") in " ".join(found.notes)


@pytest.mark.parametrize(("before", "after", "says"), [
    pytest.param("Le_Domain='localhost'", "Le_Domain='../..'", "names no domain", id="a domain that climbs"),
    pytest.param("Le_Domain='localhost'", "Le_Domain=$(id)", "names no domain", id="a command"),
    pytest.param("'{root}/tls/web.key'", "'tls/web.key'", "its Le_RealKeyPath is no absolute path", id="a relative path"),
    pytest.param("'{root}/www'", "'/../etc'", "its web root is no absolute path", id="a web root that climbs"),
    pytest.param("START_dHJ1ZQ==_", "START_dHJ1ZQ=_", "has a value that is no base64 of a text", id="half of base64"),
    pytest.param("START_dHJ1ZQ==_", "START_/w==_", "has a value that is no base64 of a text", id="base64 of no text"),
])
def test_files_that_acme_sh_did_not_write(tmp_path, before, after, says):
    """One sentence, with the file."""
    assert before in ACMESH
    with pytest.raises(FileRefused, match=f"localhost.conf: {says}"):
        read(tmp_path, ACMESH.replace(before, after))


def test_notes_hold_no_commands(tmp_path):
    """What is not taken over is named, not shown: there may be secrets in it."""
    coded = base64.b64encode(b"curl -u user:hush x").decode()
    text = ACMESH.replace("Le_PreHook=''", f"Le_PreHook='__ACME_BASE64__START_{coded}__ACME_BASE64__END_'")
    found = read(tmp_path, text + "Le_ChallengeAlias='alias.example'\n")
    assert len(found.notes) == 2 and "Le_PreHook" in found.notes[1] and "alias.example" in found.notes[0] and "hush" not in str(found.notes)


def test_an_account_of_an_older_version(tmp_path):
    """Its folder was the host alone."""
    home = clients.acmesh(tmp_path)
    folder = tmp_path / "acmesh" / "ca" / "ca.example"
    for name in ("account.key", "ca.conf"):
        (folder / "dir" / name).rename(folder / name)
    assert read(tmp_path, ACMESH).account == Account(f"{home}/ca/ca.example/account.key", ACCOUNT)
