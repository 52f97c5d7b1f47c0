# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import dehydrated
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.disk import Disk
from ansible_collections.evergreen.pki.plugins.module_utils._adoption.words import Account, Proof
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import ACCOUNT, DEHYDRATED, DEHYDRATED_ID, DIRECTORY, put


@pytest.fixture
def home(tmp_path):
    return clients.dehydrated(tmp_path)


def read(home, name: str = "localhost"):
    return dehydrated.lineage(Disk(), home, name, f"{home}/domains.txt")


def test_what_dehydrated_wrote(home, tmp_path):
    """Lines of domains.txt, an alias among them."""
    assert dehydrated.found(Disk(), home) == [("localhost", f"{home}/domains.txt"), ("other", f"{home}/domains.txt")]
    found, folder = read(home), f"{home}/certs/localhost"
    assert (found.path, found.key_path, found.beside) == (f"{folder}/fullchain.pem", f"{folder}/privkey.pem", (f"{folder}/cert.pem", f"{folder}/chain.pem"))
    assert found.directory == DIRECTORY and found.linked and found.stated == ("localhost", "b.localhost") and found.notes == ()
    assert found.parked == () and found.silenced == ((f"{home}/domains.txt", ("localhost b.localhost",)),)
    assert found.account == Account(f"{home}/accounts/{DEHYDRATED_ID}/account_key.pem", ACCOUNT)
    assert found.proofs == (Proof("http-01", "webroot", {"path": f"{tmp_path}/www"}),)
    assert read(home, "other").stated == ("c.localhost",) and read(home, "other").silenced[0][1] == ("c.localhost > other",)


def test_the_name_of_an_account_is_that_of_its_shell():
    """The fixture's folder, by the words of dehydrated itself."""
    told = subprocess.check_output(["sh", "-c", f"echo {DIRECTORY} | openssl base64 -e | tr -d '\\n\\r' | tr '+/' '-_' | tr -d '='"], text=True)
    assert told == DEHYDRATED_ID


def test_as_debian_ships_it(tmp_path):
    """Values that are made of others; the web server maps a folder of no web root, and that is said."""
    lines = f"CONFIG_D={tmp_path}/conf.d", f"BASEDIR={tmp_path}/lib", 'WELLKNOWN="${BASEDIR}/acme-challenges"', f'DOMAINS_TXT="{tmp_path}/domains.txt"'
    put(tmp_path / "config", "\n".join(lines))
    put(tmp_path / "conf.d" / "ca.sh", "CA=letsencrypt-test # try\nHOOK='/etc/hook.sh'\n")
    put(tmp_path / "domains.txt", "a.example\n")
    found = read(str(tmp_path), "a.example")
    assert found.path == f"{tmp_path}/lib/certs/a.example/fullchain.pem" and found.directory == "https://acme-staging-v02.api.letsencrypt.org/directory"
    assert found.hooks == ("/etc/hook.sh",) and found.proofs == () and f"to {tmp_path}/lib/acme-challenges" in found.notes[0]


@pytest.mark.parametrize(("more", "of_certificate", "proofs", "note"), [
    pytest.param("CHALLENGETYPE=dns-01\n", "", 0, "by dns-01 through its hook", id="DNS"),
    pytest.param("", "CHALLENGETYPE='dns-01'\n", 0, "by dns-01 through its hook", id="DNS for this certificate"),
    pytest.param("CHALLENGETYPE=dns-01\n", "CHALLENGETYPE=http-01\n", 1, None, id="HTTP for this certificate"),
])
def test_how_names_were_proven(home, tmp_path, more, of_certificate, proofs, note):
    """A certificate's own configuration comes last."""
    put(f"{home}/config", DEHYDRATED.format(root=tmp_path) + more)
    put(f"{home}/certs/localhost/config", of_certificate)
    found = read(home)
    assert len(found.proofs) == proofs and len(found.notes) == (1 if note else 0) and (note or "") in " ".join(found.notes)


@pytest.mark.parametrize(("line", "says"), [
    pytest.param('CERTDIR="$(id)"', "its CERTDIR is computed by a shell", id="a command"),
    pytest.param("BASEDIR=`id`", "its BASEDIR is computed by a shell", id="an older command"),
    pytest.param('WELLKNOWN="$HOME/www"', "its WELLKNOWN is computed by a shell", id="an unknown variable"),
    pytest.param("CERTDIR=certs", "its CERTDIR is no absolute path", id="a relative path"),
    pytest.param("DOMAINS_TXT='/a/../b'", "its DOMAINS_TXT is no absolute path", id="a path that climbs"),
])
def test_what_only_a_shell_could_tell(home, line, says):
    """Nothing of it is run: one sentence, with the file."""
    with open(f"{home}/config", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(FileRefused, match=f"config: {says}"):
        read(home)


def test_lines_that_are_none(home):
    """Names that climb, two aliases, options."""
    put(f"{home}/domains.txt", "../etc\na.example > ../../etc\nb.example > c > d\n--help\n#e.example\n\n f.example >g \n")
    assert dehydrated.found(Disk(), home) == [("g", f"{home}/domains.txt")]


def test_a_folder_of_lists(home):
    """Read as the one file."""
    put(f"{home}/domains.txt.d/more.txt", "more.example\n")
    put(f"{home}/domains.txt.d/more.bak", "less.example\n")
    assert [name for name, file in dehydrated.found(Disk(), home)] == ["localhost", "other", "more.example"]


def test_where_it_is_not(tmp_path):
    """There is nothing to find."""
    assert dehydrated.found(Disk(), str(tmp_path)) == []
