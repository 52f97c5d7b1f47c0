# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""pair_recipient, pair_seal and cert_install with a sealed key, as Ansible runs them: from one host's folder to another's, the key never in an answer."""

from __future__ import annotations

import re
import stat
from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("yaml", reason="PyYAML, which reads the documentation, is not installed")
pytest.importorskip("ansible.module_utils.common.parameters", reason="modules run under ansible-core, which is not installed for this Python")

from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate, key_pem, pem, tree
from ansible_collections.evergreen.pki.tests.unit.keystore.age_parts import needs_age, recipient
from ansible_collections.evergreen.pki.tests.unit.modules.test_run_modules import documented, shows

KEYS = [key_pem(a_key(60 + number)) for number in range(2)]
PEMS = [pem(certificate(key=a_key(60 + number), now=datetime.now(timezone.utc))) for number in range(2)]
ISSUED = pem(certificate(issuer=(("CN", "Root"),), key=a_key(60), signer=a_key(61), now=datetime.now(timezone.utc))).decode()
EXPIRED = pem(certificate(key=a_key(60), now=datetime.now(timezone.utc) - timedelta(days=4000))).decode()


class Hosts:
    """A holder's folder and a target's, and the three modules on them."""

    def __init__(self, run, folder):
        self.run, self.folder = run, folder
        for name in ("holder", "tls"):
            (folder / name).mkdir()
        self.source = {"path": str(folder / "holder" / "wild.pem"), "key_path": str(folder / "holder" / "wild.key")}
        self.place = {"path": str(folder / "tls" / "web.pem"), "key_path": str(folder / "tls" / "web.key"), "state_path": str(folder / "state")}
        self.texts = []
        self.holds(0)

    def holds(self, number):
        (self.folder / "holder" / "wild.pem").write_bytes(PEMS[number])
        (self.folder / "holder" / "wild.key").write_bytes(KEYS[number])

    def seal(self, **options):
        return self._kept(self.run("pair_seal", **{**self.source, **options}))

    def ask(self, **options):
        return self._kept(self.run("pair_recipient", **{**self.place, "content": self.seal()["certificate"], **options}))

    def install(self, sealed, **options):
        return self._kept(self.run("cert_install", **{**self.place, "content": self.seal()["certificate"], "key_sealed": sealed, **options}))

    def settle(self, **options):
        return self._kept(self.run("pair_recipient", state="absent", **self.place, **options))

    def share(self):
        """The whole way but for its end."""
        return self.install(self.seal(recipients=[self.ask()["recipient"]])["sealed"])

    def record(self):
        return next((self.folder / "state").glob("*/recipient.json"))

    def _kept(self, answer):
        self.texts.append(answer.text)
        return answer


@pytest.fixture
def hosts(run, tmp_path):
    return Hosts(run, tmp_path)


@needs_age
def test_the_whole_way_once_and_twice(hosts):
    """Asked, sealed, opened, settled; the second time there is nothing to ask for. No answer has a line of the key."""
    asked = hosts.ask(diff=True)
    assert (asked["changed"], asked["due"], asked["needs_key"], asked["in_place"], asked["before"]) == (True, True, True, False, None)
    assert asked["diff"]["after"]["fingerprint"] == asked["fingerprint"] == asked["after"]["fingerprint"]
    assert stat.S_IMODE(hosts.record().stat().st_mode) == 0o600 and "AGE-SECRET-KEY" in hosts.record().read_text()
    again = hosts.ask(diff=True)
    assert (again["changed"], again["recipient"]) == (False, asked["recipient"])

    sealed = hosts.seal(recipients=[recipient(), asked["recipient"]], fingerprint=asked["fingerprint"])
    assert not sealed["changed"] and sealed["sealed"].startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    before = tree(hosts.folder)
    assert hosts.install(sealed["sealed"], check=True, diff=True)["changed"] and tree(hosts.folder) == before
    assert hosts.install(sealed["sealed"])["changed"]
    assert (hosts.folder / "tls" / "web.key").read_bytes() == KEYS[0] and "AGE-SECRET-KEY" not in hosts.record().read_text()
    assert not hosts.install(sealed["sealed"])["changed"], "the same task again"

    open_still = hosts.ask()
    assert (open_still["due"], open_still["needs_key"], open_still["unsettled"], open_still["in_place"]) == (True, False, True, True)
    assert hosts.settle(check=True)["changed"] and hosts.settle(diff=True)["changed"] and not hosts.settle()["changed"]
    quiet = hosts.ask(diff=True)
    assert (quiet["changed"], quiet["due"], quiet["recipient"], quiet["unsettled"]) == (False, False, None, False)
    assert quiet["diff"]["before"] == quiet["diff"]["after"]
    assert not any(shows(text, *KEYS) or "AGE-SECRET-KEY" in text for text in hosts.texts)
    for module, answer in (("pair_recipient", asked), ("pair_recipient", quiet), ("pair_recipient", hosts.settle()), ("pair_seal", sealed)):
        documented(module, answer)


@needs_age
def test_check_mode_makes_nothing(hosts):
    """The same decision without a recipient."""
    before = tree(hosts.folder)
    asked = hosts.ask(check=True, diff=True)
    assert (asked["changed"], asked["due"], asked["needs_key"], asked["recipient"]) == (True, True, True, None)
    assert asked["diff"]["after"] and tree(hosts.folder) == before


@needs_age
def test_a_renewed_pair_supersedes_what_waits(hosts):
    """The identity before is gone; what was sealed for it is refused with the way out, and nothing is written."""
    first = hosts.ask()
    late = hosts.seal(recipients=[first["recipient"]])["sealed"]
    hosts.holds(1)
    second = hosts.ask()
    assert second["recipient"] != first["recipient"] and second["changed"]
    before = tree(hosts.folder)
    refused = hosts.install(late)
    assert refused["failed"] and re.search("^key_sealed: is not (wrapped|opened).*pair_recipient", refused["msg"])
    told = hosts.seal(fingerprint=first["fingerprint"], recipients=[second["recipient"]])
    assert told["failed"] and "renewed in between" in told["msg"] and tree(hosts.folder) == before
    assert hosts.share()["changed"] and (hosts.folder / "tls" / "web.key").read_bytes() == KEYS[1]


@needs_age
def test_a_restored_pair_ends_the_sharing(hosts):
    """The pair before is back, nothing waits any more, and the pair that is shared is asked for anew."""
    hosts.share()
    hosts.settle()
    hosts.holds(1)
    assert hosts.share()["changed"] and hosts.record().exists()
    assert hosts.run("cert_install", state="restored", **hosts.place)["changed"]
    assert (hosts.folder / "tls" / "web.pem").read_bytes() == PEMS[0] and not list((hosts.folder / "state").glob("*/recipient.json"))
    asked = hosts.ask()
    assert (asked["due"], asked["needs_key"], asked["in_place"]) == (True, True, False)


@needs_age
def test_a_damaged_memory_costs_a_recipient(hosts):
    """What is no record of ours is replaced; a sealed key that nobody waits for is refused."""
    asked = hosts.ask()
    sealed = hosts.seal(recipients=[asked["recipient"]])["sealed"]
    hosts.record().write_text('{"format": 1, "identity": 7, "recipient": []}')
    refused = hosts.install(sealed)
    assert refused["failed"] and re.search("^key_sealed: no identity on this host waits", refused["msg"])
    assert hosts.ask()["recipient"] not in (None, asked["recipient"])


@needs_age
@pytest.mark.parametrize(("options", "says"), [
    pytest.param({"content": (PEMS[0] + KEYS[0]).decode()}, "^content: holds a private key", id="a key in the open"),
    pytest.param({"content": "nothing"}, "content: ", id="no certificate"),
    pytest.param({"names": ["other.example"]}, "does not carry other.example", id="another name declared"),
    pytest.param({"owner": "no-such-user"}, "owner: the host has no user", id="an owner that is not there"),
    pytest.param({"path": "/nowhere/at/all.pem"}, "there is no such folder", id="no folder"),
    pytest.param({"path": "/nowhere/*.pem", "key_path": "/nowhere/*.pem"}, "is a pattern", id="a pattern"),
    pytest.param({"key_path": None}, "key_path: is missing", id="no place for the key"),
    pytest.param({"content": ISSUED, "chain": "required"}, "no certificate of its issuer", id="no chain"),
    pytest.param({"content": EXPIRED}, "the certificate expired on", id="expired"),
])
def test_what_could_not_be_installed_is_refused_when_asked(hosts, options, says):
    """Before anybody seals a key: nothing is written, and nothing secret comes back."""
    before = tree(hosts.folder)
    answer = hosts.ask(**options)
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
    assert tree(hosts.folder) == before and not shows(answer.text, *KEYS)


@pytest.mark.parametrize(("change", "options", "says"), [
    pytest.param(lambda folder: (folder / "wild.key").write_bytes(KEYS[1]), {}, "does not belong to the certificate", id="half renewed"),
    pytest.param(lambda folder: (folder / "wild.key").unlink(), {}, "wild.key: there is no such file.*key_path", id="no key"),
    pytest.param(lambda folder: (folder / "wild.pem").unlink(), {}, "wild.pem: there is no such file.*Have the pair issued", id="no certificate"),
    pytest.param(lambda folder: (folder / "wild.pem").write_bytes(PEMS[0][:200]), {}, "wild.pem: ", id="cut off"),
    pytest.param(lambda folder: None, {"recipients": ["x"]}, r"recipients\[0\]: is no recipient", id="no recipient"),
    pytest.param(lambda folder: None, {"recipients": ["AGE-SECRET-KEY-1QQ"]}, r"recipients\[0\]: is a secret key", id="a secret as recipient"),
    pytest.param(lambda folder: None, {"recipients": ["age1qqqqqqqq"] * 101}, "recipients: are 101", id="too many"),
])
def test_what_cannot_be_sealed_is_refused(hosts, change, options, says):
    """Each in its words; no key in them."""
    change(hosts.folder / "holder")
    answer = hosts.seal(**options)
    assert answer["failed"] and re.search(says, answer["msg"]), answer["msg"]
    assert not shows(answer.text, *KEYS)


@needs_age
def test_a_combined_file_gives_its_certificate_alone(hosts):
    """One file with key and certificate on both sides; what is returned in the open has no key."""
    (hosts.folder / "holder" / "wild.pem").write_bytes(KEYS[0] + PEMS[0])
    hosts.source = {"path": hosts.source["path"]}
    hosts.place["key_path"] = hosts.place["path"]
    assert hosts.seal()["certificate"].encode() == PEMS[0]
    assert hosts.share()["changed"] and (hosts.folder / "tls" / "web.pem").read_bytes() == KEYS[0] + PEMS[0]
    hosts.settle()
    assert not hosts.ask()["due"]


@needs_age
def test_an_encrypted_key_is_sealed_with_its_passphrase(hosts):
    """Refused without; with it, what arrives has none."""
    from cryptography.hazmat.primitives import serialization
    closed = a_key(60).private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"s3cr3t-w0rd"))
    (hosts.folder / "holder" / "wild.key").write_bytes(closed)
    assert "is encrypted" in hosts.run("pair_seal", **hosts.source)["msg"]
    hosts.source["passphrase"] = "s3cr3t-w0rd"
    assert hosts.share()["changed"] and (hosts.folder / "tls" / "web.key").read_bytes() == KEYS[0]
    assert not any("s3cr3t" in text for text in hosts.texts)
