# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import os
import stat
from datetime import datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError, chain
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_keys
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_account import binding
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, Child, certificate_pem, contents, key_pem, temporaries
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import ec_key, rsa_key

DIRECTORY = "https://ca.example/dir"
EC = serialization.PrivateFormat.TraditionalOpenSSL


def coded(number: int, size: int = 0) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(size or (number.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def as_jwk(key) -> dict:
    """The private key as certbot keeps it (RFC 7518, 6.2.2 and 6.3.2), by other means than ours."""
    numbers = key.private_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        parts = {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp,
                 "n": numbers.public_numbers.n, "e": numbers.public_numbers.e}
        return {"kty": "RSA", **{name: coded(value) for name, value in parts.items()}}
    size = (key.key_size + 7) // 8
    return {"kty": "EC", "crv": f"P-{key.key_size}", "x": coded(numbers.public_numbers.x, size), "y": coded(numbers.public_numbers.y, size),
            "d": coded(numbers.private_value, size)}


def as_pve(key) -> dict:
    """proxmox-formats 1.8: PVE keeps PKCS#1 and `directory`."""
    return {"account": {"contact": ["mailto:a@example.org"], "status": "valid"}, "directory": DIRECTORY, "key": key_pem(key, form=EC).decode(),
            "location": "https://ca.example/acct/1", "tos": "https://ca.example/terms"}


def as_pbs(key) -> dict:
    """proxmox-formats 1.8: PBS and PDM keep PKCS#8 and `directoryUrl`."""
    return {"location": "https://ca.example/acct/1", "account": {"status": "valid", "contact": ["mailto:a@example.org"]}, "key": key_pem(key).decode(),
            "tos": "https://ca.example/terms", "directoryUrl": DIRECTORY}


FORMS = {
    "PKCS#8": (key_pem, None), "the older PEM": (lambda key: key_pem(key, form=EC), None),
    "PEM with a remark before it": (lambda key: b"# my account\n" + key_pem(key), None),
    "certbot": (lambda key: json.dumps(as_jwk(key)).encode(), None),
    "Proxmox VE": (lambda key: json.dumps(as_pve(key), indent=3).encode(), DIRECTORY),
    "Proxmox Backup Server": (lambda key: json.dumps(as_pbs(key)).encode(), DIRECTORY),
}
KEYS = {"RSA": rsa_key, "P-256": ec_key, "P-384": lambda: ec_key("SECP384R1"), "P-521": lambda: ec_key("SECP521R1")}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(("form", "directory"), FORMS.values(), ids=FORMS)
def test_every_form_is_read(key, form, directory):
    """The same key comes out, and whom it was kept for."""
    found = acme_keys.parse(form(key()), "/k")
    assert key_pem(found.key) == key_pem(key()) and found.directory == directory


def test_an_encrypted_key():
    """With its passphrase; a passphrase too many does no harm."""
    encrypted = key_pem(ec_key(), b"p4ss")
    assert key_pem(acme_keys.parse(encrypted, "/k", "p4ss").key) == key_pem(ec_key())
    assert key_pem(acme_keys.parse(key_pem(ec_key()), "/k", "p4ss").key) == key_pem(ec_key())
    with pytest.raises(FileRefused, match="encrypted"):
        acme_keys.parse(encrypted, "/k")
    with pytest.raises(FileRefused, match="passphrase") as caught:
        acme_keys.parse(encrypted, "/k", "wr0ng")
    assert "wr0ng" not in chain(caught.value)


def broken(form, **changes):
    return json.dumps({**form, **changes}).encode()


@pytest.mark.parametrize("data", [
    pytest.param(b"", id="nothing"), pytest.param(b"{", id="half a JSON"), pytest.param(b"{}", id="an empty object"),
    pytest.param(b'{"kty":' * 9_000, id="a deep one"),
    pytest.param(certificate_pem(), id="a certificate"), pytest.param(key_pem(ec_key())[:100], id="half a PEM"),
    pytest.param(broken({"key": {"kty": "EC"}, "status": "valid"}), id="what acme.sh keeps beside its key"),
    pytest.param(broken({"email": "a@example.org", "registration": {"uri": "x"}}), id="what lego keeps beside its key"),
    pytest.param(broken({"key": 5}), id="a number for a key"), pytest.param(broken({"key": "x"}), id="a word for a key"),
    pytest.param(broken(as_jwk(rsa_key()), p=None), id="RSA without a prime"),
    pytest.param(broken(as_jwk(rsa_key()), q="AQAB"), id="RSA that does not fit together"),
    pytest.param(broken({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), id="a public key"),
    pytest.param(broken(as_jwk(rsa_key()), d="A" * 60_000), id="RSA too large"),
    pytest.param(broken(as_jwk(ec_key()), d="AQAB"), id="EC that does not fit together"),
    pytest.param(broken(as_jwk(ec_key()), crv="P-224"), id="another curve"),
    pytest.param(broken(as_jwk(ec_key()), x="!"), id="no base64"), pytest.param(broken(as_jwk(ec_key()), x=5), id="a number for a number"),
    pytest.param(broken({"kty": "oct", "k": "AQAB"}), id="a key of another kind"), pytest.param(b'{"kty": ["a"]}', id="a list for a kind"),
])
def test_what_is_no_account_key(data):
    """The error has the file and the way out, and no piece of a key."""
    with pytest.raises(FileRefused, match="^/k: ") as caught:
        acme_keys.parse(data, "/k")
    said = chain(caught.value)
    assert not any(line in said for line in key_pem(ec_key()).decode().splitlines()[1:-1]) and as_jwk(rsa_key())["d"][:40] not in said and len(said) < 1000


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(public_exponent=65537, key_size=1024)])
def test_keys_that_acme_does_not_know(key):
    """They are refused before any CA is asked."""
    with pytest.raises(InputError, match="^/k: .*P-256"):
        acme_keys.parse(key_pem(key), "/k")


def options(**given) -> dict:
    return {"account_key_path": None, "account_key_content": None, "account_key_passphrase": None, "account_key_type": "EC", "account_key_size": None,
            "new_account_key_path": None, "new_account_key_content": None, **given}


def test_from_a_file_or_from_a_text(tmp_path):
    """Neither is no key; a missing file is none either, unless it is needed."""
    (tmp_path / "k").write_bytes(key_pem(ec_key()))
    assert acme_keys.same(acme_keys.load(options(account_key_path=str(tmp_path / "k"))), ec_key())
    assert acme_keys.same(acme_keys.load(options(new_account_key_content=key_pem(rsa_key()).decode()), "new_account_key"), rsa_key())
    assert acme_keys.load(options()) is None and acme_keys.load(options(account_key_path=str(tmp_path / "none"))) is None
    with pytest.raises(FileRefused, match=f"^{tmp_path}/none: there is no such file. Make the key first"):
        acme_keys.needed(options(account_key_path=str(tmp_path / "none")))
    with pytest.raises(FileRefused, match="^account_key_path: there is no such file"):
        acme_keys.needed(options())


def test_a_file_that_is_no_key_file(tmp_path):
    """Too large, a folder."""
    (tmp_path / "k").write_bytes(b"x" * 70_000)
    for path in ("k", "."):
        with pytest.raises(FileRefused):
            acme_keys.load_file(str(tmp_path / path))


@pytest.mark.parametrize(("key_type", "size", "expected"), [
    ("EC", None, ("EC", 256)), ("EC", 384, ("EC", 384)), ("EC", 521, ("EC", 521)),
    ("RSA", None, ("RSA", 3072)), ("RSA", 2048, ("RSA", 2048)), ("RSA", 4096, ("RSA", 4096)),
])
def test_kinds_of_new_keys(key_type, size, expected):
    """What CAs take for accounts."""
    assert acme_keys.kind(options(account_key_type=key_type, account_key_size=size)) == expected


@pytest.mark.parametrize(("key_type", "size"), [("EC", 2048), ("RSA", 256), ("RSA", 1024), ("EC", 0)])
def test_sizes_that_are_none(key_type, size):
    """The error lists those that are."""
    with pytest.raises(InputError, match="^account_key_size: "):
        acme_keys.kind(options(account_key_type=key_type, account_key_size=size))


# On disk.

def test_a_key_is_written_for_its_owner_only(tmp_path):
    """PKCS#8, 0600, nothing left beside it; an existing file keeps its mode."""
    path = str(tmp_path / "k")
    before = os.umask(0)
    try:
        acme_keys.write(path, ec_key())
    finally:
        os.umask(before)
    assert (tmp_path / "k").read_bytes() == key_pem(ec_key()) and stat.S_IMODE(os.stat(path).st_mode) == 0o600
    os.chmod(path, 0o440)
    acme_keys.write(path, rsa_key())
    assert (tmp_path / "k").read_bytes() == key_pem(rsa_key()) and stat.S_IMODE(os.stat(path).st_mode) == 0o440 and temporaries(tmp_path) == []


def test_a_key_that_is_there_is_used(tmp_path):
    """Nothing is made."""
    acme_keys.write(str(tmp_path / "k"), ec_key())
    assert acme_keys.same(acme_keys.provide(str(tmp_path / "k"), None, None), ec_key()) and list(contents(tmp_path)) == [str(tmp_path / "k")]


def _provided(path):
    return key_pem(acme_keys.provide(path, None, lambda: acme_keys.new(options())))


def test_many_runs_at_once_get_one_key(tmp_path):
    """A fleet delegates to one controller: whoever comes first makes it, the others use it."""
    children = [Child(_provided, str(tmp_path / "k")) for unused in range(8)]
    answers = {child.result() for child in children}
    assert answers == {("returned", (tmp_path / "k").read_bytes())}


def test_imported(tmp_path):
    """From another client, for the CA it was kept for; a file that names no CA does for any."""
    for name, form in (("pve", as_pve), ("certbot", as_jwk)):
        (tmp_path / name).write_text(json.dumps(form(ec_key())))
        assert acme_keys.same(acme_keys.imported(str(tmp_path / name), None, DIRECTORY), ec_key())
    with pytest.raises(FileRefused, match=f"is an account of {DIRECTORY}. Name that as the directory"):
        acme_keys.imported(str(tmp_path / "pve"), None, "https://other.example/dir")
    with pytest.raises(FileRefused, match="there is no such file"):
        acme_keys.imported(str(tmp_path / "none"), None, DIRECTORY)


@pytest.mark.parametrize(("older_than", "age", "expected"), [
    ("90d", 89.99 * DAY, False), ("90d", 90 * DAY, True), ("0", timedelta(), True), ("1h", timedelta(minutes=59), False),
])
def test_how_old_a_key_is(tmp_path, older_than, age, expected):
    """By when its file was last changed."""
    (tmp_path / "k").touch()
    moment = (NOW - age).timestamp()
    os.utime(tmp_path / "k", (moment, moment))
    assert acme_keys.old_enough(str(tmp_path / "k"), older_than, datetime.fromtimestamp(NOW.timestamp(), timezone.utc)) is expected


def test_an_age_that_is_none(tmp_path):
    """By the option's name."""
    (tmp_path / "k").touch()
    with pytest.raises(InputError, match="^older_than: 'old' is not a duration"):
        acme_keys.old_enough(str(tmp_path / "k"), "old", NOW)


# The external account binding.

@pytest.mark.parametrize("text", ["-_8A", "-_8A ", "+/8A", "+/8A====", "-_8A="])
def test_mac_keys_in_either_alphabet(text):
    """base64url or base64, padded or not (proxmox-formats 1.8)."""
    assert binding({"kid": "k", "key": text, "alg": "HS256"}).key == b"\xfb\xff\x00"


@pytest.mark.parametrize("text", ["", "=", "s3cr3t!", "a", "s3cr3t s3cr3t"])
def test_mac_keys_that_are_none(text):
    """The error does not show it."""
    with pytest.raises(InputError, match="^eab: key: is no base64") as caught:
        binding({"kid": "k", "key": text, "alg": "HS256"})
    assert "s3cr3t" not in chain(caught.value)


def test_no_binding():
    """None is none."""
    assert binding(None) is None
