# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine `product`, against the lab's stand-ins for the products' command lines, which know nothing of this collection."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError, PairRefused
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import product_cli
from ansible_collections.evergreen.pki.plugins.module_utils._x509.products import PRODUCTS
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, a_key, certificate, contents, der, key_pem, needs_openssl, openssl, pem, tree

pytestmark = needs_openssl
LAB = pathlib.Path(__file__).resolve().parents[2] / "lab" / "files"
LEAVES = [certificate(key=a_key(80 + number), serial=800 + number) for number in range(2)]
PAIRS = [(pem(leaf), key_pem(a_key(80 + number))) for number, leaf in enumerate(LEAVES)]
OPTIONS = {"product": "pve", "state": "present", "content": None, "src": None, "key_content": None, "key_src": None, "restart": True, "force": False,
           "allow_invalid_dates": False}


class Node:
    """A host of the products in a folder, and the module's call on it; every command that was run is kept."""

    def __init__(self, folder, monkeypatch):
        self.pve, self.pbs, self.folder, self.commands = folder / "pve", folder / "pbs", folder / "tmp", []
        self.local = self.pve / "local"
        for path in (self.local, self.pbs, self.folder):
            path.mkdir(parents=True)
        self.environment = {**os.environ, "LAB_PVE": str(self.pve), "LAB_PBS": str(self.pbs)}
        self.programs = {"pvenode": "pvenode_standin.py", "proxmox-backup-manager": "proxmox_manager_standin.py",
                         "proxmox-datacenter-manager-admin": "proxmox_manager_standin.py"}
        monkeypatch.setitem(PRODUCTS, "pve", PRODUCTS["pve"]._replace(key_path=str(self.local / "pveproxy-ssl.key")))

    def run(self, argv):
        if argv[0] not in self.programs:
            raise FileNotFoundError(argv[0])
        self.commands.append(argv)
        done = subprocess.run([sys.executable, str(LAB / self.programs[argv[0]]), *argv[1:]], env=self.environment, capture_output=True, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def ensure(self, check=False, **options):
        return product_cli.ensure({**OPTIONS, **options}, self.run, str(self.folder), NOW, check)

    def set(self, number, **options):
        return self.ensure(**{"content": PAIRS[number][0].decode(), "key_content": PAIRS[number][1].decode(), **options})

    def in_place(self):
        return tuple(path.read_bytes() if path.exists() else None for path in (self.local / "pveproxy-ssl.pem", self.local / "pveproxy-ssl.key"))

    def changing(self) -> list:
        return [argv for argv in self.commands if "info" not in argv]


@pytest.fixture
def node(tmp_path, monkeypatch):
    return Node(tmp_path, monkeypatch)


def fingerprint(number: int) -> str:
    """As openssl has it."""
    return openssl("x509", "-inform", "DER", "-noout", "-fingerprint", "-sha256", given=der(LEAVES[number])).strip().partition("=")[2].lower()


def test_a_pair_is_set_once(node):
    """By `pvenode cert set`, with force and a restart; the second call runs nothing that changes, and no file of ours stays."""
    first = node.set(0)
    assert (first.changed, first.before, first.after) == (True, None, fingerprint(0)) and node.in_place() == PAIRS[0]
    assert first.command[:3] == ("pvenode", "cert", "set") and first.command[-4:] == ("--force", "1", "--restart", "1")
    second = node.set(0)
    assert (second.changed, second.before, second.after, second.command) == (False, fingerprint(0), fingerprint(0), ()) and len(node.changing()) == 1
    third = node.set(1, restart=False)
    assert (third.before, third.after) == (fingerprint(0), fingerprint(1)) and third.command[-2:] == ("--restart", "0") and node.in_place() == PAIRS[1]
    assert (node.pve / "restarts").read_text() == "pveproxy\n" and contents(node.folder) == {}


def test_no_secret_is_an_argument(node):
    """The key goes by a file of root's alone, which is gone afterwards."""
    seen = []
    real = node.run

    def looking(argv):
        seen.extend((os.stat(word).st_mode & 0o777, os.stat(os.path.dirname(word)).st_mode & 0o777) for word in argv if word.startswith(str(node.folder)))
        return real(argv)
    node.run = looking
    node.set(0)
    assert seen == [(0o600, 0o700)] * 2 and not any("PRIVATE" in word for argv in node.commands for word in argv)


def test_files_of_the_host(node, tmp_path):
    """The same from files; one file may hold both, and text around them is no matter."""
    both = tmp_path / "both.pem"
    both.write_bytes(b"a remark\r\n" + PAIRS[0][1] + PAIRS[0][0].replace(b"\n", b"\r\n"))
    assert node.ensure(src=str(both)).changed and node.in_place() == PAIRS[0]
    (tmp_path / "c.pem").write_bytes(PAIRS[1][0])
    (tmp_path / "k.pem").write_bytes(PAIRS[1][1])
    assert node.ensure(src=str(tmp_path / "c.pem"), key_src=str(tmp_path / "k.pem")).after == fingerprint(1)


def test_the_key_in_place_is_used_again(node):
    """A certificate alone for the key that is there (row 43); for any other key it is refused, and so it is where there is none."""
    with pytest.raises(PairRefused, match="none in place"):
        node.ensure(content=PAIRS[0][0].decode())
    node.set(0)
    renewed = pem(certificate(key=a_key(80), serial=4))
    done = node.ensure(content=renewed.decode())
    assert done.changed and node.in_place() == (renewed, PAIRS[0][1]) and sum(word.startswith(str(node.folder)) for word in done.command) == 1
    with pytest.raises(PairRefused, match="does not belong"):
        node.ensure(content=PAIRS[1][0].decode())


def test_a_pair_is_taken_away_once(node):
    """Both files go, pveproxy is told; where there is none nothing is run."""
    node.set(0)
    gone = node.ensure(state="absent")
    assert (gone.changed, gone.before, gone.after, gone.command) == (True, fingerprint(0), None, ("pvenode", "cert", "delete", "1"))
    assert node.in_place() == (None, None) and not node.ensure(state="absent").changed and len(node.changing()) == 2


@pytest.mark.parametrize("options", [{"number": 0}, {"number": None, "state": "absent"}], ids=["set", "delete"])
def test_check_mode_writes_nothing(node, options):
    """The same decision, before and after, with nothing run that changes."""
    node.set(1)
    before, count = tree(node.pve), len(node.changing())
    number, more = options["number"], {key: value for key, value in options.items() if key != "number"}
    done = node.ensure(check=True, **more) if number is None else node.set(number, check=True)
    assert (done.changed, done.before, done.after) == (True, fingerprint(1), None if number is None else fingerprint(0))
    assert tree(node.pve) == before and len(node.changing()) == count and os.listdir(node.folder) == []


@pytest.mark.parametrize(("options", "error", "says"), [
    pytest.param({"content": PAIRS[0][0].decode(), "key_content": PAIRS[1][1].decode()}, PairRefused, "does not belong", id="another key"),
    pytest.param({"content": PAIRS[0][0].decode(), "key_content": key_pem(a_key(80), b"secret").decode()}, FileRefused, "encrypted", id="an encrypted key"),
    pytest.param({"content": pem(certificate(key=a_key(80), left=-DAY)).decode(), "key_content": PAIRS[0][1].decode()}, PairRefused, "only", id="expired"),
    pytest.param({"content": pem(certificate(key=a_key(80), left=91 * DAY)).decode(), "key_content": PAIRS[0][1].decode()}, PairRefused, "only", id="not yet"),
    pytest.param({"content": "nothing"}, FileRefused, "content", id="no certificate"),
    pytest.param({}, InputError, "content", id="nothing given"),
    pytest.param({"src": "/no/such/file"}, FileRefused, "no such file on the host", id="no file"),
    pytest.param({"force": True}, InputError, "force", id="forced"),
    pytest.param({"state": "absent", "content": "x"}, InputError, "state", id="absent, and given"),
])
def test_bad_input_is_refused_before_anything_is_run(node, options, error, says):
    """The products do not check: a pair that cannot be served is refused here, with its own sentence."""
    with pytest.raises(error, match=says):
        node.ensure(**options)
    assert node.changing() == [] and node.in_place() == (None, None)


@pytest.mark.parametrize("product", ["pbs", "pdm"])
def test_a_selfsigned_pair_is_made_where_there_is_none(node, product):
    """By `cert update`, once; with force each time anew."""
    assert node.ensure(product=product, check=True).changed and contents(node.pbs) == {}
    first = node.ensure(product=product)
    assert first.changed and first.before is None and first.command[1:] == ("cert", "update")
    again = node.ensure(product=product)
    assert (again.changed, again.before, again.command) == (False, first.after, ())
    foreseen, forced = node.ensure(product=product, force=True, check=True), node.ensure(product=product, force=True)
    assert (foreseen.changed, foreseen.after) == (True, None) and forced.before == first.after != forced.after and forced.command[-2:] == ("--force", "true")


@pytest.mark.parametrize("options", [{"content": "x"}, {"key_src": "/x"}, {"state": "absent"}])
def test_a_pair_from_elsewhere_is_not_for_cert_update(node, options):
    """The command line of these products takes none: the way out is named."""
    with pytest.raises(InputError, match="cert_install"):
        node.ensure(product="pbs", **options)


@pytest.mark.parametrize(("answer", "says"), [
    pytest.param((0, "no json", ""), "cannot be read", id="no JSON"), pytest.param((0, '{"a": 1}', ""), "cannot be read", id="no list"),
    pytest.param((0, '[{"filename": "pveproxy-ssl.pem", "fingerprint": "xx"}]', ""), "cannot be read", id="no fingerprint"),
    pytest.param((0, '[{"filename": "pveproxy-ssl.pem", "fingerprint": 1}]', ""), "cannot be read", id="a number"),
    pytest.param((2, "", "first\nno \x1b[31mquorum\n"), r"said: no \\x1b\[31mquorum", id="an error, with control characters"),
    pytest.param((1, "", ""), "said: nothing", id="silent"),
])
def test_answers_that_cannot_be_trusted(node, answer, says):
    """What the program prints is text from outside."""
    node.run = lambda argv: answer
    with pytest.raises(HostError, match=says):
        node.set(0)


def test_a_command_that_only_says_so(node):
    """It ends well and has changed nothing: that is an error, not a change."""
    real = node.run
    node.run = lambda argv: (0, "", "") if "info" not in argv else real(argv)
    with pytest.raises(HostError, match="ended well, but the node shows no certificate"):
        node.set(0)
    shutil.copy(LAB / "pvenode_standin.py", node.pbs / "x")
    with pytest.raises(EvergreenError):
        node.ensure(product="pbs")


def test_a_host_without_the_product(node):
    """The program that is missing is named."""
    node.programs = {}
    with pytest.raises(HostError, match="^pvenode: is not on this host"):
        node.set(0)
