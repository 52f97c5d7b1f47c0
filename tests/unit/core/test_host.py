# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import importlib.util
from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import host
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, LockBusy, ProofError


class Answered(Exception):
    """A module ends its process with its answer; here it raises it."""


class AModule:
    """The one method of AnsibleModule that the edge uses."""

    @staticmethod
    def fail_json(**answer):
        raise Answered(answer)


def answer_to(error: BaseException) -> dict:
    with pytest.raises(Answered) as caught, host.answering(AModule()):
        raise error
    return caught.value.args[0]


def test_now_is_aware_and_utc():
    """Dates are compared as aware ones in UTC."""
    assert host.now().utcoffset() == timedelta()


def test_resolv_conf_that_is_missing_is_empty(tmp_path):
    """A host without resolv.conf has a bare node name; bytes that are no UTF-8 stop nothing."""
    assert host.resolv_conf(str(tmp_path / "missing")) == "" == host.resolv_conf(str(tmp_path))
    (tmp_path / "latin").write_bytes(b"# Z\xfcrich\nsearch example.com\n")
    assert "search example.com" in host.resolv_conf(str(tmp_path / "latin"))


needs_ansible = pytest.mark.skipif(
    importlib.util.find_spec("ansible") is None, reason="a module meets Ansible's own check of types; this Python has no ansible-core")
WEB = {"name": "web", "path": "/tls/web.pem"}


@needs_ansible
@pytest.mark.parametrize(("given", "key", "value"), [
    ({"key_type": "RSA", "key_size": "4096"}, "key_size", 4096), ({"adopt_renamed": "yes"}, "adopt_renamed", True),
    ({"names": "a.example,b.example"}, "names", ["a.example", "b.example"]),
    ({"lifetime": 90}, "lifetime", "90"), ({}, "product", "generic"), ({}, "excessive", "warn"), ({"subject": {"CN": "web"}}, "subject", {"CN": "web"}),
])
def test_types_are_ansibles(given, key, value):
    """A declaration is read as a module's own options are: the same forms, the same defaults."""
    assert host.typed({**WEB, **given}, "certificates[0] (web)")[key] == value


@needs_ansible
@pytest.mark.parametrize(("item", "says"), [
    pytest.param({**WEB, "renew": "15d"}, "renew", id="unknown key"),
    pytest.param({**WEB, "fqdn": "a.example"}, "fqdn", id="an option that stands beside the declaration"),
    pytest.param({**WEB, "state_path": "/x"}, "state_path", id="another one"),
    pytest.param({**WEB, "product": "pbx"}, "product", id="unknown product"),
    pytest.param({**WEB, "issuer": "letsencrypt"}, "issuer", id="unknown issuer"),
    pytest.param({**WEB, "key_type": "DSA"}, "key_type", id="unknown key type"),
    pytest.param({**WEB, "excessive": "ignore"}, "excessive", id="unknown answer"),
    pytest.param({**WEB, "key_size": "big"}, "key_size", id="no number"),
    pytest.param({**WEB, "key_size": "\u00b2"}, "key_size", id="a digit that is no number"),
    pytest.param({**WEB, "adopt_renamed": "perhaps"}, "adopt_renamed", id="neither true nor false"),
    pytest.param({**WEB, "subject": "CN"}, "subject", id="no dictionary"),
    pytest.param({**WEB, "names": {"a": 1}}, "names", id="no list"),
    pytest.param({**WEB, "activate": ["reload"]}, "activate", id="a list of activations"),
])
def test_mistakes_of_keys_and_types_have_their_place(item, says):
    """An unknown key or a value of the wrong type is refused with the entry it stands in, and the word that is wrong."""
    with pytest.raises(InputError) as caught:
        host.typed(item, "certificates[2] (web)")
    assert caught.value.where.startswith("certificates[2] (web)") and says in str(caught.value) and str(caught.value).isprintable()


def test_an_error_of_ours_becomes_the_answer():
    """The message is the sentence; the chain holds its causes."""
    error = HostError("cannot be written", where="/tls/web.pem", way_out="Free space")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    answer = answer_to(error)
    assert answer["msg"] == "/tls/web.pem: cannot be written. Free space"
    assert answer["error_chain"].endswith("No space left on device") and answer["retry"] is False


def test_whether_to_try_again_is_data():
    """A busy lock may be free later."""
    assert answer_to(LockBusy("busy"))["retry"] is True


def test_results_of_a_failure_are_returned():
    """A failed proof still tells what each endpoint showed."""
    error = ProofError("not served")
    error.results = {"endpoints": [1]}
    assert answer_to(error)["endpoints"] == [1]


def test_an_error_of_the_operating_system_names_file_and_way_out():
    """An OSError that no room turned into ours is no traceback either."""
    answer = answer_to(PermissionError(errno.EACCES, "Permission denied", "/var/lib/evergreen"))
    assert answer["msg"].startswith("/var/lib/evergreen: Permission denied. ") and "become" in answer["msg"]


def test_a_fault_of_ours_is_not_hidden():
    """An unexpected error stays what it is: hiding it would hide the fault."""
    with pytest.raises(ZeroDivisionError), host.answering(AModule()):
        raise ZeroDivisionError
