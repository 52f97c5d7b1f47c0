# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the products' command lines print, as their documentation and sources have it; anything else is refused."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import product_found
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_wanted import Plugin

FINGERPRINT = ":".join(["ab"] * 32)
# proxmox-formats 1.7: the text of Backup Server; Datacenter Manager has a blank behind `DNS:`.
TEXT = f"""Subject: O = Proxmox Backup Server, CN = a
    DNS:a.example
    DNS: B.example
    IP:[127, 0, 0, 1]
Issuer: CN = R10
Validity:
    Not Before: Nov  2 11:38:35 2026 GMT
    Not After : Jan 31 11:38:34 2027 GMT
Fingerprint (sha256): {FINGERPRINT}
Public key type: rsaEncryption
"""
START, END = datetime(2026, 11, 2, 11, 38, 35, tzinfo=timezone.utc), datetime(2027, 1, 31, 11, 38, 34, tzinfo=timezone.utc)
ROW = {"filename": "pveproxy-ssl.pem", "fingerprint": FINGERPRINT.upper(), "subject": "/CN=a", "issuer": "/CN=R10", "san": ["a.example", "B.example"],
       "notbefore": int(START.timestamp()), "notafter": int(END.timestamp())}


def test_lists_in_either_way():
    """A name a line, or JSON."""
    assert product_found.listed("p", "default\nsecond\n", "name") == product_found.listed("p", '[{"name": "default"}, {"name": "second"}]', "name")
    assert product_found.listed("p", "", "name") == product_found.listed("p", "[]", "name") == ()


@pytest.mark.parametrize(("text", "answer"), [
    ('{"account": {"contact": ["mailto:b@x.example", "mailto:a@x.example"]}, "directory": "https://x"}', ("https://x", ("a@x.example", "b@x.example"))),
    ('{"account": {}, "directory": "https://x"}', ("https://x", ())), ('{"account": null, "directory": "https://x"}', ("https://x", ())),
])
def test_an_account(text, answer):
    """With its contacts, where the CA keeps them."""
    assert product_found.account("p", text) == answer


@pytest.mark.parametrize(("more", "answer"), [
    ({}, Plugin("ovh", {"A": "b"}, 30)), ({"validation-delay": 5}, Plugin("ovh", {"A": "b"}, 5)), ({"validation-delay": "5"}, Plugin("ovh", {"A": "b"}, 5)),
    ({"data": "no lines of it"}, Plugin("ovh", {}, 30)), ({"disable": 1}, None), ({"type": "standalone"}, None), ({"api": None}, None),
])
def test_a_plugin(more, answer):
    """Row 45: its data is shown decoded. One that cannot serve is none."""
    shown = {"api": "ovh", "data": "A=b\n", "digest": "867fcf556363ca1bea866863093fcab83edf47a1", "plugin": "one", "type": "dns"}
    assert product_found.plugin("p", json.dumps({**shown, **more})) == answer


@pytest.mark.parametrize("text", ["# a: description\nacme: account=second\nacmedomain1: a.example,plugin=one\nwakeonlan: mac=00\n",
                                  '{"acme": "account=second", "acmedomain1": "plugin=one,domain=a.example", "default-lang": "de"}',
                                  '{"acme": {"account": "second"}, "acmedomain1": {"domain": "a.example", "plugin": "one"}}'])
def test_a_node(text):
    """As its file, as JSON, and with its property strings taken apart."""
    assert product_found.node("p", text, "pve") == {
        "acme": {"account": "second", "domains": ()}, "acmedomain1": {"domain": "a.example", "plugin": "one", "alias": None, "usage": None}}


@pytest.mark.parametrize(("text", "product", "kind"), [
    (TEXT, "pbs", None), (TEXT, "pdm", None), (json.dumps([{**ROW, "filename": "pve-ssl.pem", "san": []}, ROW]), "pve", None),
    (json.dumps([{**ROW, "filename": "/etc/pmg/pmg-api.pem"}]), "pmg", "api"), (json.dumps([{**ROW, "filename": "pmg-tls.pem"}]), "pmg", "smtp"),
])
def test_a_certificate(text, product, kind):
    """In the text of the two daemons in Rust, and in the JSON of the others, where there are several."""
    assert product_found.certificate("p", text, product, kind) == (FINGERPRINT, {"a.example", "b.example"}, False, START, END)


def test_a_certificate_that_is_its_own_issuer():
    """So the products make them at first."""
    assert product_found.certificate("p", TEXT.replace("CN = R10", "O = Proxmox Backup Server, CN = a"), "pbs", None).own
    assert product_found.certificate("p", json.dumps([{**ROW, "issuer": "/CN=a"}]), "pve", None).own


def test_a_node_without_a_certificate_of_its_own():
    """The pair that its cluster signed is another matter."""
    assert product_found.certificate("p", json.dumps([{**ROW, "filename": "pve-ssl.pem"}]), "pve", None) is None


@pytest.mark.parametrize("call", [
    lambda: product_found.listed("p", '[{"nom": 1}]', "name"), lambda: product_found.listed("p", "[3]", "name"), lambda: product_found.listed("p", "[", "name"),
    lambda: product_found.account("p", "{}"), lambda: product_found.account("p", "┌──┐"), lambda: product_found.plugin("p", "[]"),
    lambda: product_found.node("p", "{", "pbs"), lambda: product_found.node("p", "acmedomain0: a.example,colour=red\n", "pve"),
    lambda: product_found.certificate("p", "nothing", "pbs", None), lambda: product_found.certificate("p", "{}", "pve", None),
    lambda: product_found.certificate("p", TEXT.replace("ab:", "", 1), "pbs", None),
    lambda: product_found.certificate("p", TEXT.replace("GMT", "CET"), "pbs", None),
    lambda: product_found.certificate("p", TEXT.replace("Nov", "Nev"), "pbs", None),
    lambda: product_found.certificate("p", json.dumps([{**ROW, "notafter": 10 ** 20}]), "pve", None),
    lambda: product_found.certificate("p", json.dumps([{**ROW, "san": None}]), "pve", None),
])
def test_answers_that_cannot_be_read(call):
    """One sentence with the program, whatever is in them."""
    with pytest.raises(HostError, match="^p: "):
        call()
