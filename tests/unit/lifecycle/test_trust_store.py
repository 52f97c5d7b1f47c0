# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anchors of the system's trust store, with Debian's own program on folders of ours; of Red Hat's a script that concatenates, as its bundle is made."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import trust_store, trusting
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._x509.pem import fingerprint
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, a_key, certificate, contents, der, key_pem, needs_openssl, openssl, pem, tree

CA = [x509.BasicConstraints(ca=True, path_length=None)]
# Whether anything is trusted is asked of the clock of the machine: these end in a thousand years.
LONG = {"left": 365000 * DAY, "lifetime": 370000 * DAY}
ROOT_KEY = a_key(90)
ROOT = certificate(subject=(("CN", "Root"),), names=(), key=ROOT_KEY, extensions=CA, **LONG)
OTHER = certificate(subject=(("CN", "Other"),), names=(), key=a_key(91), extensions=CA, **LONG)
MIDDLE = certificate(subject=(("CN", "Middle"),), issuer=(("CN", "Root"),), names=(), key=a_key(92), signer=ROOT_KEY, extensions=CA, **LONG)
LEAF = certificate(issuer=(("CN", "Root"),), key=a_key(93), signer=ROOT_KEY, **LONG)
needs_debian = pytest.mark.skipif(shutil.which("update-ca-certificates") is None, reason="Debian's update-ca-certificates is not installed")
KINDS = [pytest.param("debian", marks=needs_debian), "redhat"]


class Store:
    """A trust store of one family in a folder, with one certificate of the distribution's."""

    def __init__(self, folder, kind):
        self.folder, self.anchors, self.etc, self.kind = folder, folder / "anchors", folder / "etc", kind
        for path in (self.anchors, self.etc, folder / "hooks", folder / "dist"):
            path.mkdir()
        self.distributed = folder / "dist" / "Distributed.crt"
        self.distributed.write_bytes(pem(OTHER))
        (folder / "conf").write_text("Distributed.crt\n")
        self.family = self._debian() if kind == "debian" else self._redhat()
        subprocess.run(self.family.update, check=True, stdout=subprocess.DEVNULL)

    def _debian(self):
        program = ("update-ca-certificates", "--certsconf", str(self.folder / "conf"), "--certsdir", str(self.folder / "dist"), "--localcertsdir",
                   str(self.anchors), "--etccertsdir", str(self.etc), "--hooksdir", str(self.folder / "hooks"))
        return trust_store.Family("debian", str(self.anchors), ".crt", str(self.etc / "ca-certificates.crt"), program, str(self.etc), str(self.folder / "conf"))

    def _redhat(self):
        program = ("sh", "-c", f"cat '{self.folder}'/dist/* '{self.anchors}'/* >'{self.etc}/bundle' 2>/dev/null || true")
        return trust_store.Family("redhat", str(self.anchors), ".pem", str(self.etc / "bundle"), program)

    def ensure(self, name="root", check=False, now=NOW, **options):
        given = {"name": name, "state": "present", "content": None, "src": None, "fingerprint": None, "allow_expired": False, "force": False, "store": "auto"}
        return trusting.ensure({**given, **options}, State(str(self.folder / "state")), now, check, (self.family,))

    def add(self, one=ROOT, **options):
        return self.ensure(content=pem(one).decode(), **options)

    def everything(self) -> dict:
        return tree(self.anchors, self.etc, self.folder / "dist")

    def shape(self) -> dict:
        """Names, targets and contents, whatever was written anew."""
        return {path: row[3] for path, row in self.everything().items()}

    def trusts(self, one=LEAF) -> bool:
        """Whether openssl, which knows only this store, trusts a certificate."""
        where = ("-CApath", str(self.etc)) if self.kind == "debian" else ("-CAfile", self.family.bundle)
        answer = subprocess.run(["openssl", "verify", "-no_check_time", *where], input=pem(one), capture_output=True, check=False)
        return answer.returncode == 0


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    return Store(tmp_path, request.param)


@needs_openssl
def test_an_anchor_is_trusted_and_again_not(store):
    """openssl trusts what the anchor signed after it was put in place, and no longer after it was taken away: nothing of it is left, no link either."""
    before = store.shape()
    assert not store.trusts()
    added = store.add()
    assert (added.changed, added.trusted, added.before, added.after) == (True, True, None, fingerprint(der(ROOT))) and store.trusts()
    removed = store.ensure(state="absent")
    assert (removed.changed, removed.trusted, removed.after) == (True, False, None) and not store.trusts()
    assert store.shape() == before


def test_a_second_run_changes_nothing(store):
    """To the inode, present and absent."""
    for options in ({"content": pem(ROOT).decode()}, {"state": "absent"}):
        assert store.ensure(**options).changed
        before = store.everything()
        assert not store.ensure(**options).changed and store.everything() == before


def test_check_mode_foresees_and_touches_nothing(store):
    """The same answer, in both directions."""
    for options in ({"content": pem(ROOT).decode()}, {"state": "absent"}):
        before = store.everything()
        foreseen = store.ensure(check=True, **options)
        assert store.everything() == before
        assert foreseen == store.ensure(**options)
    assert sorted(path.name for path in (store.folder / "state").rglob("*")) == ["locks", "trust.lock"]


@pytest.mark.parametrize("text", [pem(ROOT).replace(b"\n", b"\r\n"), b"subject=Root\n" + pem(ROOT) + b"junk"])
def test_another_spelling_is_the_same_anchor(store, text):
    """What lies on disk is PEM and nothing else."""
    store.add()
    assert not store.ensure(content=text.decode()).changed and contents(store.anchors) == {store.ensure(content=text.decode()).path: pem(ROOT)}


def test_der_from_a_file(store):
    """An authority's page often gives DER."""
    (store.folder / "root.der").write_bytes(der(ROOT))
    assert store.ensure(src=str(store.folder / "root.der")).changed and list(contents(store.anchors).values()) == [pem(ROOT)]


@pytest.mark.parametrize("step", ["written", "removed"])
def test_what_a_killed_run_left_is_ended(store, step):
    """Killed between the file and the program: the next run sees that the bundle is another."""
    path = store.add().path
    if step == "written":
        store.ensure(state="absent")
        with open(path, "wb") as file:
            file.write(pem(ROOT))
        assert store.add().changed and store.add().trusted
    else:
        os.utime(store.family.bundle, (1, 1))
        os.unlink(path)
        assert store.ensure(state="absent").changed and fingerprint(der(ROOT)) not in trust_store.trusted(store.family)
    assert not store.ensure(state="absent" if step == "removed" else "present", content=pem(ROOT).decode()).changed


def test_a_file_that_others_cannot_read_is_put_right(store):
    """Programs of other users read it."""
    os.chmod(store.add().path, 0o600)
    assert store.add().changed and os.stat(store.add().path).st_mode & 0o777 == 0o644


REFUSED = [
    pytest.param({"content": pem(LEAF).decode()}, FileRefused, "is no authority's", id="a leaf"),
    pytest.param({"content": pem(ROOT).decode(), "now": NOW + 365001 * DAY}, FileRefused, "expired on", id="expired"),
    pytest.param({"content": (pem(ROOT) + pem(OTHER)).decode()}, FileRefused, "there are 2 certificates in it", id="two"),
    pytest.param({"content": (pem(ROOT) + key_pem(ROOT_KEY)).decode()}, FileRefused, "private key beside", id="with its key"),
    pytest.param({"content": key_pem(ROOT_KEY).decode()}, FileRefused, "private key where a certificate belongs", id="a key"),
    pytest.param({"content": ""}, FileRefused, "empty", id="nothing"), pytest.param({"content": "hello"}, FileRefused, "no certificate", id="no certificate"),
    pytest.param({"src": "/nowhere/root.pem"}, FileRefused, "no such file.*correct src", id="a file that is not there"),
    pytest.param({"content": pem(ROOT).decode(), "name": "../../etc/x"}, InputError, "^name: ", id="a path as a name"),
    pytest.param({"content": pem(ROOT).decode(), "name": "-x"}, InputError, "^name: ", id="an option as a name"),
    pytest.param({"content": pem(ROOT).decode(), "name": "a b\n"}, InputError, "^name: ", id="blanks"),
    pytest.param({"content": pem(ROOT).decode(), "fingerprint": "ab:cd"}, InputError, "is not a SHA-256", id="no fingerprint"),
    pytest.param({"content": pem(ROOT).decode(), "fingerprint": fingerprint(der(OTHER))}, InputError, "^fingerprint: the certificate has",
                 id="not the one meant"),
    pytest.param({"content": pem(OTHER).decode(), "name": "taken"}, InputError, "holds another certificate .*force", id="a name that is taken"),
    pytest.param({"state": "absent", "name": "taken", "content": pem(OTHER).decode()}, InputError, "holds another certificate", id="another is meant"),
    pytest.param({"state": "absent", "name": "taken", "fingerprint": fingerprint(der(OTHER)).upper()}, InputError, "holds another certificate",
                 id="another is meant by its fingerprint"),
]


@pytest.mark.parametrize(("options", "kind", "says"), REFUSED)
@pytest.mark.parametrize("check", [False, True])
def test_a_refusal_changes_nothing(tmp_path, options, kind, says, check):
    """Each in a sentence, with the way out, whatever the family."""
    store = Store(tmp_path, "redhat")
    store.add(name="taken")
    before = store.everything()
    with pytest.raises(kind, match=says) as caught:
        store.ensure(check=check, **options)
    assert isinstance(caught.value, EvergreenError) and caught.value.way_out and store.everything() == before


def test_force_replaces_what_lies_under_the_name(store):
    """The one before is then no longer trusted."""
    store.add()
    answer = store.ensure(content=pem(MIDDLE).decode(), force=True)
    assert (answer.changed, answer.before, answer.after) == (True, fingerprint(der(ROOT)), fingerprint(der(MIDDLE)))
    assert fingerprint(der(ROOT)) not in trust_store.trusted(store.family) and "did not sign itself" in answer.notes[0]


def test_an_expired_one_is_taken_when_told_so(store):
    """And taken away without being told."""
    later = NOW + 365001 * DAY
    assert store.add(now=later, allow_expired=True).changed
    assert store.ensure(state="absent", content=pem(ROOT).decode(), now=later).changed


def test_what_another_file_holds_is_still_trusted(store):
    """The same certificate under two names: the second stays, and is told."""
    store.add()
    store.add(name="again")
    answer = store.ensure(state="absent")
    assert (answer.changed, answer.trusted) == (True, True) and "another file holds the same" in answer.notes[0]
    assert not store.ensure(name="again", state="absent").trusted


@needs_debian
def test_a_name_of_the_distribution_is_refused(tmp_path):
    """Its link would lead elsewhere afterwards."""
    store = Store(tmp_path, "debian")
    before = store.everything()
    for state in ("present", "absent"):
        with pytest.raises(InputError, match="'Distributed' is the name of a certificate that the system trusts by itself"):
            store.ensure(name="Distributed.crt", state=state, content=pem(ROOT).decode())
    assert store.everything() == before


@needs_debian
def test_hooks_learn_of_both(tmp_path):
    """Java's store of Debian is kept by such a hook: it is told what came and what went."""
    store = Store(tmp_path, "debian")
    hook, told = store.folder / "hooks" / "told", store.folder / "told"
    hook.write_text(f"#!/bin/sh\ncat >>'{told}'\n")
    hook.chmod(0o755)
    store.add()
    store.ensure(state="absent")
    assert told.read_text().split() == [f"+{store.etc}/root.pem", f"-{store.etc}/root.pem"]


@needs_openssl
def test_a_root_of_version_1_is_an_authority(store, tmp_path):
    """It cannot say so; some are in service still."""
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", str(tmp_path / "k"), "-out", str(tmp_path / "r"), "-subj", "/CN=Old root")
    text = openssl("x509", "-req", "-in", str(tmp_path / "r"), "-signkey", str(tmp_path / "k"), "-days", "36500", "-set_serial", "1")
    one = x509.load_pem_x509_certificate(text.encode())
    if one.version is not x509.Version.v1:
        pytest.skip("this openssl makes no certificates of version 1")
    assert store.ensure(content=text, now=NOW.replace(year=2100)).changed


def test_without_the_program_the_package_is_named(tmp_path):
    """Nothing is written then."""
    missing = trust_store.Family("debian", str(tmp_path), ".crt", str(tmp_path / "b"), ("no-such-program",))
    with pytest.raises(HostError, match="no-such-program is not installed. Install the package ca-certificates"):
        trust_store.family("auto", (missing,))


def test_a_program_that_fails_is_told_and_tried_again(store):
    """In its own words; the next run sees that it was not done."""
    broken = store.family._replace(update=("sh", "-c", "echo disk on fire >&2; exit 3"))
    sound, store.family = store.family, broken
    with pytest.raises(HostError, match="sh: failed: disk on fire"):
        store.add()
    store.family = sound
    assert store.add().changed and store.add().trusted
