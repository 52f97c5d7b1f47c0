# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import adopting
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.choice import rows_of
from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import checked
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._core.replace import peek, replace_all
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.acme_memory import Issued
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.declaration import complete
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.observe import observe
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.rule import decide
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.adoption import clients
from ansible_collections.evergreen.pki.tests.unit.adoption.clients import ACCOUNT, DIRECTORY, pair, put
from ansible_collections.evergreen.pki.tests.unit.adoption.hosts import CRONTAB, LEGO_D, Host
from ansible_collections.evergreen.pki.tests.unit.helpers import FQDN, NOW, piece

pytestmark = pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl, which the units are asked of, is not installed")
NAMES = {"c.localhost": "acmesh", "localhost_ecc": "acmesh", "c.localhost (certbot)": "certbot", "localhost": "certbot", "localhost (dehydrated)": "dehydrated",
         "other": "dehydrated", "localhost (lego)": "lego"}


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_what_there_is(host):
    """All certificates with what is to be declared, accounts, what calls the clients; nothing is written, and no secret is shown."""
    before = host.files()
    told = host.inform()
    assert [one["name"] for one in told["certificates"]] == list(NAMES) and [one["client"] for one in told["found"]] == list(NAMES.values())
    assert {one["client"] for one in told["accounts"]} == set(clients.MAKERS) and all(one["uri"] == ACCOUNT for one in told["accounts"])
    assert {one["client"]: len(one["changes"]) for one in told["schedules"]} == {"acmesh": 1, "certbot": 2, "dehydrated": 1, "lego": 1}
    assert told["refused"] == [] and not any(one["adopted"] for one in told["found"])
    assert host.files() == before and not os.path.exists(host.state_path)
    text = json.dumps(told)
    assert "PRIVATE KEY" not in text and "hush" not in text and "SAVED_OVH" not in text


def test_what_is_declared_is_a_declaration(host):
    """As the modules read it: with its names, its key and its challenges nothing is due."""
    told = host.adopt()
    solvers = checked(told["solvers"])
    for declared in told["certificates"]:
        wanted = complete(declared, FQDN)
        rows_of(declared.get("challenges"), solvers)
        facts = observe(wanted, State(host.state_path).fresh(wanted.path))._replace(issued_as="other")
        assert decide(facts, wanted, NOW).reason == "valid" and facts.key == "matches" and facts.directory == DIRECTORY


def test_taken_over(host):
    """Same bytes at the places that services read; the clients find nothing to renew, and nobody calls them."""
    root, before = host.root, host.files()
    places = [(one["path"], one["key_path"]) for one in host.inform()["found"]]
    contents = {path: peek(path) for row in places for path in row}
    told = host.adopt()
    assert told["changed"] and {path: peek(path) for path in contents} == contents
    live = root / "letsencrypt" / "live" / "localhost"
    assert os.readlink(live / "fullchain.pem") == os.readlink(live / "cert.pem") == os.readlink(live / "chain.pem") == "evergreen/fullchain.pem"
    assert os.readlink(live / "privkey.pem") == "evergreen/privkey.pem" and stat.S_IMODE((live / "evergreen" / "privkey.pem").stat().st_mode) == 0o600
    assert all(peek(path) == row[3] for path, row in before.items() if "/archive/" in path and stat.S_ISREG(row[0]))
    for path in ("letsencrypt/renewal/localhost.conf", "acmesh/localhost_ecc/localhost.conf", "cron.daily/dehydrated"):
        assert not (root / path).exists() and (root / f"{path}.evergreen").read_bytes() == before[str(root / path)][3]
    assert (root / "dehydrated" / "domains.txt").read_text() == "# of the lab\n# evergreen.pki: localhost b.localhost\n# evergreen.pki: c.localhost > other\n"
    assert (root / "cron.d" / "lego").read_text() == f"# evergreen.pki: {LEGO_D}"
    assert (root / "crontabs" / "root").read_text() == CRONTAB.replace("41 3", "# evergreen.pki: 41 3")
    assert stat.S_IMODE((root / "crontabs" / "root").stat().st_mode) == 0o600 and not host.enabled()
    assert host.issued(live / "fullchain.pem") == Issued(DIRECTORY, ACCOUNT)


def test_again(host):
    """The second run changes nothing and declares the same."""
    first, before = host.adopt(), host.files()
    again = host.adopt()
    assert not again["changed"] and again["changes"] == [] and host.files() == before
    assert (again["certificates"], again["solvers"]) == (first["certificates"], first["solvers"])
    told = host.inform()
    assert told["certificates"] == first["certificates"] and all(one["adopted"] for one in told["found"]) and told["schedules"] == []


def test_given_back(host):
    """Byte for byte, owners and modes too; and it can be taken over again."""
    before = host.files()
    host.adopt()
    told = host.revert()
    assert told["changed"] and told["left"] == [] and host.files() == before and host.enabled()
    assert host.issued(host.root / "letsencrypt/live/localhost/fullchain.pem") is None
    assert not host.revert()["changed"] and host.adopt()["changed"] and not host.enabled()


def test_given_back_after_a_renewal(host):
    """The old files are back, and the newer pairs are not lost."""
    before = host.files()
    told = host.adopt()
    certificate, key = pair(number=7)
    for one in told["certificates"]:
        replace_all([piece(os.path.realpath(one["key_path"]), key), piece(os.path.realpath(one["path"]), certificate, 0o644)])
    back = host.revert()
    assert host.files() == before and len(back["left"]) == len(NAMES)
    for path in back["left"]:
        assert len(json.loads(pathlib.Path(path).read_text())) == 2 and stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_in_check_mode(host):
    """The same answer, and nothing happens."""
    before = host.files()
    told = host.adopt(check=True)
    assert told["changed"] and host.files() == before and not os.path.exists(host.state_path) and host.enabled()
    done = host.adopt()
    assert (done["certificates"], done["changes"], done["diff"]) == (told["certificates"], told["changes"], told["diff"])
    before, records = host.files(), sorted(os.listdir(os.path.join(host.state_path, "adopted")))
    back = host.revert(check=True)
    assert back["changed"] and host.files() == before and sorted(os.listdir(os.path.join(host.state_path, "adopted"))) == records
    assert host.revert()["changes"] == back["changes"]


def test_one_of_two(host):
    """As long as the client renews another, it is called; with the last one it is not any more."""
    host.adopt(clients=["certbot"], names=["localhost"])
    assert host.enabled() and not (host.root / "letsencrypt/renewal/localhost.conf").exists() and (host.root / "letsencrypt/renewal/c.localhost.conf").exists()
    host.adopt(clients=["certbot"])
    assert not host.enabled()
    before = host.files()
    host.revert(names=["localhost"])
    assert host.enabled() and (host.root / "letsencrypt/renewal/localhost.conf").exists() and not (host.root / "letsencrypt/renewal/c.localhost.conf").exists()
    host.adopt(clients=["certbot"])
    assert host.files() == before


def test_lego_as_a_whole(host):
    """Its calls cannot be told apart, so half of it is not taken over."""
    for ending in ("crt", "key", "json"):
        shutil.copy(host.root / "lego" / "certificates" / f"localhost.{ending}", host.root / "lego" / "certificates" / f"b.localhost.{ending}")
    before = host.files()
    with pytest.raises(InputError, match="names: lego renews whatever it is called for"):
        host.adopt(clients=["lego"], names=["localhost"])
    assert host.files() == before and len(host.adopt(clients=["lego"])["certificates"]) == 2


def test_a_timer_that_somebody_enabled_again(host):
    """Is disabled again, and enabled when all is given back."""
    host.adopt(clients=["certbot"])
    host.systemctl(["enable", "certbot.timer"])
    assert host.adopt(clients=["certbot"])["changes"] == ["certbot.timer: disabled and stopped"] and not host.enabled()
    host.revert()
    assert host.enabled()


def test_lines_of_others_stay(host):
    """What came to a cron table meanwhile is there afterwards."""
    host.adopt()
    with open(host.root / "crontabs" / "root", "a", encoding="utf-8") as file:
        file.write("1 2 * * * /bin/false\n")
    host.revert()
    assert (host.root / "crontabs" / "root").read_text() == CRONTAB + "1 2 * * * /bin/false\n"


def test_files_beside_it(tmp_path):
    """What acme.sh copies besides follows the certificate, and is as it was afterwards."""
    host = Host(tmp_path, ["acmesh"])
    leaf, conf = tmp_path / "tls" / "leaf.pem", tmp_path / "acmesh" / "localhost_ecc" / "localhost.conf"
    put(leaf, pair()[0])
    put(conf, conf.read_text().replace("Le_RealCertPath=''", f"Le_RealCertPath='{leaf}'"), 0o600)
    before = host.files()
    host.adopt()
    assert os.readlink(leaf) == str(tmp_path / "tls" / "web.pem")
    host.revert()
    assert host.files() == before


# Refused, before anything is written.

def _foreign_key(root):
    put(root / "acmesh" / "c.localhost" / "c.localhost.key", pair(number=9)[1], 0o600)


def _no_certificate(root):
    put(root / "acmesh" / "c.localhost" / "fullchain.cer", "root:x:0:0::/root:/bin/sh\n")


def _missing(root):
    (root / "acmesh" / "c.localhost" / "fullchain.cer").unlink()


def _writable(root):
    (root / "acmesh" / "c.localhost" / "c.localhost.conf").chmod(0o666)


def _no_text(root):
    put(root / "acmesh" / "c.localhost" / "c.localhost.conf", b"Le_Domain='c.localhost'\n\x1b[2J")


def _endless(root):
    put(root / "acmesh" / "c.localhost" / "c.localhost.conf", "#" * 70000)


def _hostless(root):
    put(root / "acmesh" / "c.localhost" / "fullchain.cer", pair((), 1)[0])


def _other_file_beside(root):
    conf = root / "acmesh" / "c.localhost" / "c.localhost.conf"
    put(root / "shadow", "root:*:1:0:::::\n")
    put(conf, conf.read_text() + f"Le_RealCACertPath='{root}/shadow'\n", 0o600)


def _of_the_cluster(root):
    conf = root / "acmesh" / "c.localhost" / "c.localhost.conf"
    put(conf, conf.read_text() + "Le_RealFullChainPath='/etc/pve/local/pve-ssl.pem'\n", 0o600)


def _two_writers(root):
    conf = root / "acmesh" / "c.localhost" / "c.localhost.conf"
    text = f"{conf.read_text()}Le_RealFullChainPath='{root}/tls/web.pem'\nLe_RealKeyPath='{root}/tls/web.key'\n"
    put(conf, text, 0o600)


@pytest.mark.parametrize(("spoil", "kind", "says"), [
    (_foreign_key, PairRefused, "does not belong to the private key"), (_no_certificate, FileRefused, "there is no certificate in it"),
    (_missing, FileRefused, "there is no such file"), (_writable, FileRefused, "may be written by everybody"), (_no_text, FileRefused, "is no text"),
    (_endless, FileRefused, "has more than 65536 bytes"), (_hostless, FileRefused, "names no host"),
    (_other_file_beside, FileRefused, "shadow: there is no certificate in it"), (_of_the_cluster, FileRefused, "there is no such file"),
    (_two_writers, FileRefused, "is written by two"),
], ids=lambda value: getattr(value, "__name__", None))
def test_refused(host, spoil, kind, says):
    """One sentence; nothing is changed, and without it the others can be taken over."""
    spoil(host.root)
    before = host.files()
    with pytest.raises(kind, match=says) as error:
        host.adopt()
    assert "\n" not in str(error.value) and host.files() == before and host.enabled()
    if spoil is not _two_writers:
        assert [(one["client"], one["name"]) for one in host.inform()["refused"]] == [("acmesh", "c.localhost")]
    host.adopt(names=["localhost_ecc", "localhost"])
    assert (host.root / "crontabs" / "root").read_text() == CRONTAB and host.enabled()


def test_a_name_that_nobody_has(host):
    """It is said, and nothing is changed."""
    before = host.files()
    with pytest.raises(InputError, match="names: 'web' is no certificate of these clients"):
        host.adopt(names=["localhost", "web"])
    assert host.files() == before


def test_a_record_that_is_damaged(host):
    """Nobody guesses what was there before."""
    host.adopt()
    path = pathlib.Path(host.state_path) / "adopted" / "certbot-localhost.json"
    path.write_text("{}")
    for call in (host.revert, host.adopt, host.inform):
        with pytest.raises(HostError, match="this record of an adoption cannot be read"):
            call()


def test_systemctl_that_fails(host):
    """Its own words are told; the next run goes on."""
    def failing(words):
        return (1, "Access denied\n") if words[0] == "disable" else host.systemctl(words)

    with pytest.raises(HostError, match="certbot.timer: systemctl disable failed and said: Access denied"):
        adopting.adopt(host.options, failing, NOW, False)
    assert host.enabled() and host.adopt()["changed"] and not host.enabled() and not host.adopt()["changed"]


def test_without_systemd(host):
    """There is no systemctl, and no timer that runs."""
    def missing(words):
        raise FileNotFoundError("systemctl")

    told = adopting.adopt(host.options, missing, NOW, False)
    assert told["changed"] and not [one for one in told["changes"] if "timer" in one]
