# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API of a Proxmox Backup Server is, who asks it, and what it cannot be asked."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._keys.api_address import address_of, check_fits

UUID = "7f8e9d0c-1b2a-4c3d-8e5f-0a1b2c3d4e5f"
GOOD = {"host": "pbs1.example.com", "port": 8007, "token_id": "root@pam!evergreen", "token": UUID, "fingerprint": None, "ca_path": None, "timeout": 30.0}
PAIRS = ":".join(["aB"] * 32)


def address(**changes):
    """The Address of these options."""
    return address_of({**GOOD, **changes})


@pytest.mark.parametrize(("host", "where"), [
    ("pbs1.example.com", "https://pbs1.example.com:8007"), ("pbs1", "https://pbs1:8007"), ("PBS1.example.", "https://PBS1.example.:8007"),
    ("192.0.2.7", "https://192.0.2.7:8007"), ("2001:db8::7", "https://[2001:db8::7]:8007"), ("[2001:DB8:0::7]", "https://[2001:db8::7]:8007"),
    ("a" * 63 + ".example", f"https://{'a' * 63}.example:8007"), ("xn--mller-kva.example", "https://xn--mller-kva.example:8007"),
])
def test_a_server_is_named_or_addressed(host, where):
    """Brackets are of the notation and may be left out."""
    assert address(host=host).where == where


@pytest.mark.parametrize("host", [
    "", " ", "https://pbs1.example", "pbs1.example:8007", "pbs1/api2", "user@pbs1", "pbs1\r\nX: y", "pbs1\n", "192.0.2.300", "1.2", "[pbs1]", "[]", "-pbs1",
    "pbs1-.example", "pbs1..example", "a" * 64 + ".example", "a." * 127 + "example", "müller.example", "fe80::1%eth0\r\n", "fe80::1%x", "pbs1?x", "pbs1#x",
])
def test_what_is_no_host_is_refused_with_its_option(host):
    """It becomes part of a URL and of a header."""
    with pytest.raises(InputError, match="is no host name and no address") as caught:
        address(host=host)
    assert caught.value.where == "api.host" and "\n" not in str(caught.value)


@pytest.mark.parametrize(("changes", "option"), [
    ({"port": 0}, "api.port"), ({"port": 65536}, "api.port"), ({"port": -1}, "api.port"), ({"timeout": 0.0}, "api.timeout"),
    ({"timeout": -1.0}, "api.timeout"), ({"timeout": 3601.0}, "api.timeout"), ({"timeout": float("nan")}, "api.timeout"),
    ({"fingerprint": ""}, "api.fingerprint"), ({"fingerprint": PAIRS[:-1]}, "api.fingerprint"), ({"fingerprint": f"{PAIRS}:00"}, "api.fingerprint"),
    ({"fingerprint": "zz" * 32}, "api.fingerprint"), ({"fingerprint": "ab" * 20}, "api.fingerprint"), ({"fingerprint": f"SHA256:{PAIRS}"}, "api.fingerprint"),
])
def test_what_is_out_of_bounds_is_refused_with_its_option(changes, option):
    """The message names the key of the dictionary."""
    with pytest.raises(InputError) as caught:
        address(**changes)
    assert caught.value.where == option and caught.value.way_out


@pytest.mark.parametrize("port", [1, 65535])
def test_the_bounds_themselves_are_taken(port):
    """The first and the last port, the longest wait."""
    assert address(port=port, timeout=3600.0).port == port


@pytest.mark.parametrize("text", [PAIRS, PAIRS.upper(), PAIRS.replace(":", ""), PAIRS.lower()])
def test_a_fingerprint_is_kept_in_one_form(text):
    """As the product prints it, and as it is compared."""
    assert address(fingerprint=text).fingerprint == ":".join(["ab"] * 32)


@pytest.mark.parametrize("token_id", ["root@pam!evergreen", "a.b-c_d@pbs!e.f-g_h", "o'neil+x@ldap!t1", "a@b@realm!name", "x!y@pbs!name"])
def test_a_token_is_named_with_its_user(token_id):
    """user@realm!name; the user's part is free."""
    assert address(token_id=token_id).authorization == f"PBSAPIToken={token_id}:{UUID}"


@pytest.mark.parametrize("token_id", ["", "root@pam", "root!x", "root@pam!", "@pam!x", "root@!x", "root@pam!x y", "root@pam!x\r\nHost: y", "ro:ot@pam!x",
                                      "root@pam!.x", "müller@pbs!x", f"root@pam!x:{UUID}", "r/t@pam!x", "root@pam!x\n"])
def test_what_names_no_token_is_refused(token_id):
    """It becomes part of a header; with its secret behind it, it would be shown."""
    with pytest.raises(InputError, match="api.token_id: is no user@realm!name") as caught:
        address(token_id=token_id)
    assert UUID not in str(caught.value)


@pytest.mark.parametrize("token", ["", " ", f"{UUID}\n", f" {UUID}", "a b", "a\x00b", "ä", "x" * 1025])
def test_what_is_no_secret_is_refused_and_not_shown(token):
    """A line end from a file is the usual mistake."""
    with pytest.raises(InputError, match="api.token: is empty, or has blanks") as caught:
        address(token=token)
    assert UUID not in str(caught.value)


@pytest.mark.parametrize(("token", "sent"), [(UUID, UUID), ("a:b", "a%3Ab"), ("50%", "50%25"), ("%41", "%2541"), ("a+b/c=", "a%2Bb%2Fc%3D"), ("~-._", "~-._")])
def test_the_secret_is_sent_as_the_server_decodes_it(token, sent):
    """The server takes percent-encoding off."""
    assert address(token=token).authorization == f"PBSAPIToken=root@pam!evergreen:{sent}"


def test_the_token_is_in_no_representation():
    """A traceback shows an address as its repr."""
    assert UUID not in repr(address()) and UUID not in str(address()) and "root@pam!evergreen" in repr(address())


@pytest.mark.parametrize(("options", "option"), [
    ({"state": "loadable"}, "state"), ({"state": "present", "rewrap": True}, "rewrap"), ({"verify_files": True}, "verify_files"),
    ({"kdf": "scrypt"}, "kdf"), ({"kdf": "pbkdf2"}, "kdf"), ({"passphrase": "a secret one"}, "passphrase"), ({"hint": "x"}, "hint"),
])
def test_what_only_files_can_do_is_refused_with_its_option(options, option):
    """The API gives no key away, and takes none with a passphrase (proxmox-formats 2.4)."""
    with pytest.raises(InputError) as caught:
        check_fits(options)
    assert caught.value.where == option and caught.value.way_out and "a secret one" not in str(caught.value)


@pytest.mark.parametrize("options", [
    {}, {"state": "present", "kdf": None, "passphrase": None, "hint": None, "rewrap": False}, {"state": "active", "kdf": "none"}, {"state": "archived"},
    {"state": "absent"}, {"state": "prepared", "escrow": {"age": ["x"]}}, {"state": "present", "key": "x", "key_passphrase": "y"}, {"verify_files": False},
])
def test_all_else_fits(options):
    """What the API can do is not stood in the way of."""
    check_fits(options)
