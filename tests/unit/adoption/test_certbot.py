# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import certbot
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.disk import Disk
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.words import Account, Proof
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import ACCOUNT, CERTBOT, DIRECTORY, IDENTITY, put


def read(root, text: str, name: str = "localhost"):
    home = root / "letsencrypt"
    conf = put(home / "renewal" / f"{name}.conf", text.format(root=root))
    return certbot.lineage(Disk(), str(home), name, str(conf))


def test_what_certbot_wrote(tmp_path):
    """All that there is to know, of certbot's own file."""
    home = clients.certbot(tmp_path)
    live, conf = f"{home}/live/localhost", f"{home}/renewal/localhost.conf"
    assert certbot.found(Disk(), home) == [("c.localhost", f"{home}/renewal/c.localhost.conf"), ("localhost", conf)]
    found = certbot.lineage(Disk(), home, "localhost", conf)
    assert (found.path, found.key_path, found.beside) == (f"{live}/fullchain.pem", f"{live}/privkey.pem", (f"{live}/cert.pem", f"{live}/chain.pem"))
    assert found.directory == DIRECTORY and found.linked and found.parked == (conf,) and found.hooks == ("systemctl reload nginx",) and found.notes == ()
    assert found.account == Account(f"{home}/accounts/ca.example:14000/dir/{IDENTITY}/private_key.json", ACCOUNT)
    assert found.proofs == (Proof("http-01", "webroot", {"path": f"{tmp_path}/www"}),)


def test_its_own_server(tmp_path):
    """The standalone plugin's port, and the profile."""
    home = clients.certbot(tmp_path)
    found = certbot.lineage(Disk(), home, "c.localhost", f"{home}/renewal/c.localhost.conf")
    assert found.proofs == (Proof("http-01", "standalone", {"port": 52537}),) and found.profile == "shortlived"


ROOTS = "[[webroot_map]]\nlocalhost = {root}/www\nb.localhost = {root}/www\n"


@pytest.mark.parametrize(("before", "after", "proofs", "note"), [
    pytest.param(ROOTS, "[[webroot_map]]\nlocalhost = /a\nb.localhost = /b\n",
                 [("webroot", {"path": "/a"}, ("localhost",)), ("webroot", {"path": "/b"}, ("b.localhost",))], None, id="a root for each name"),
    pytest.param("webroot_path = {root}/www,\n", "", [("webroot", {"path": "ROOT/www"}, None)], None, id="a map alone"),
    pytest.param(ROOTS, "", [("webroot", {"path": "ROOT/www"}, None)], None, id="no map"),
    pytest.param("authenticator = webroot", "authenticator = nginx", [], "through the web server nginx", id="nginx"),
    pytest.param("authenticator = webroot", "authenticator = dns-ovh\ndns_ovh_credentials = /etc/ovh.ini", [], "'dns-ovh'.*/etc/ovh.ini", id="another plugin"),
    pytest.param("renew_hook =", "pre_hook = x\nrenew_hook =", [("webroot", {"path": "ROOT/www"}, None)], "its pre_hook", id="a hook before"),
    pytest.param("server = https://ca.example:14000/dir", "server = file:///etc/passwd", [("webroot", {"path": "ROOT/www"}, None)], "names no CA", id="no CA"),
])
def test_how_names_were_proven(tmp_path, before, after, proofs, note):
    """What can be done with it, and a sentence for the rest."""
    assert before in CERTBOT
    found = read(tmp_path, CERTBOT.replace(before, after))
    expected = [(kind, {key: value.replace("ROOT", str(tmp_path)) for key, value in settings.items()}, names) for kind, settings, names in proofs]
    assert [(one.kind, one.settings, one.names) for one in found.proofs] == expected
    assert len(found.notes) == (1 if note else 0)
    if note:
        assert re.search(note, found.notes[0])


def test_a_name_server(tmp_path):
    """All but the secret is read of the credentials' file."""
    ini = put(tmp_path / "rfc.ini", "dns_rfc2136_server = 192.0.2.1\ndns_rfc2136_port = 5353\ndns_rfc2136_name = acme.\n"
              "dns_rfc2136_secret = c2VjcmV0\ndns_rfc2136_algorithm = HMAC-SHA512\n")
    found = read(tmp_path, CERTBOT.replace("authenticator = webroot", f"authenticator = dns-rfc2136\ndns_rfc2136_credentials = {ini}"))
    assert found.proofs == (Proof("dns-01", "rfc2136", {"server": "192.0.2.1", "tsig_name": "acme.", "tsig_algorithm": "hmac-sha512", "port": 5353}),)
    assert str(ini) in found.notes[0] and "c2VjcmV0" not in str(found)


@pytest.mark.parametrize(("before", "after", "says"), [
    pytest.param("version = 5.8.0", "rm -rf /", "line 1 is none of certbot's", id="a foreign line"),
    pytest.param("[[webroot_map]]", "[[[deep]]]", "line 17 is none of certbot's", id="a section in none"),
    pytest.param("privkey = {root}/letsencrypt/live/localhost/privkey.pem", "", "its privkey is no absolute path", id="no key"),
    pytest.param("fullchain = {root}/letsencrypt/", "fullchain = letsencrypt/", "its fullchain is no absolute path", id="a relative path"),
    pytest.param("{root}/letsencrypt/live/localhost/cert.pem", "/etc/../../shadow", "its cert is no absolute path", id="a path that climbs"),
    pytest.param("{root}/www\nb", "../www\nb", "its web root is no absolute path", id="a relative web root"),
])
def test_files_that_certbot_did_not_write(tmp_path, before, after, says):
    """One sentence, with the file."""
    assert before in CERTBOT
    with pytest.raises(FileRefused, match=f"localhost.conf: {says}"):
        read(tmp_path, CERTBOT.replace(before, after))


@pytest.mark.parametrize("identity", ["../../../../root", "a" * 31, "A" * 32])
def test_accounts_lie_in_their_folder(tmp_path, identity):
    """What is no identity of certbot's leads nowhere."""
    clients.certbot(tmp_path)
    assert read(tmp_path, CERTBOT.replace(IDENTITY, identity)).account is None


def test_names_of_files_that_climb(tmp_path):
    """They are nobody's certificates."""
    put(tmp_path / "renewal" / "..conf", "")
    put(tmp_path / "renewal" / "-x.conf", "")
    put(tmp_path / "renewal" / "a.example.conf", "")
    assert [name for name, conf in certbot.found(Disk(), str(tmp_path))] == ["a.example"]
