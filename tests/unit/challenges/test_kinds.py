# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option `solvers`: what is completed, what is refused and by which name, and what of it no output may hold."""

from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._challenges.kinds import IMPLICIT, KINDS, MODES, Solver, checked, secrets_of
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError

USUAL = {"mode": "authoritative", "resolvers": (), "port": 53, "delay": 30.0, "timeout": 120.0}


def one(**settings):
    return checked({"x": settings})["x"]


@pytest.mark.parametrize("given", [None, {}], ids=["none", "empty"])
def test_two_exist_without_a_definition(given):
    """As Proxmox's standalone (seed row 25)."""
    assert checked(given) == {"standalone": Solver("standalone", {"port": 80, "address": None}), "tls_alpn": Solver("tls_alpn", {"port": 443, "address": None})}


def test_an_implicit_one_may_be_defined():
    """Behind a proxy, all names use it without any row."""
    assert checked({"standalone": {"solver": "standalone", "port": 8402}})["standalone"].settings == {"port": 8402, "address": None}


@pytest.mark.parametrize(("settings", "completed"), [
    pytest.param({"solver": "standalone", "port": "8402"}, {"port": 8402, "address": None}, id="a number as a template yields it"),
    pytest.param({"solver": "standalone", "address": "[0:0::1]"}, {"port": 80, "address": "::1"}, id="an address in another form"),
    pytest.param({"solver": "webroot", "path": "/var/www/html"}, {"path": "/var/www/html"}, id="webroot"),
    pytest.param({"solver": "persist"}, {"propagation": USUAL}, id="persist"),
    pytest.param({"solver": "persist", "propagation": {"mode": "delay", "delay": "1m30s", "timeout": 5}},
                 {"propagation": {**USUAL, "mode": "delay", "delay": 90.0, "timeout": 5.0}}, id="durations in words and in seconds"),
    pytest.param({"solver": "persist", "propagation": {"mode": "resolvers", "resolvers": ["192.0.2.53"]}},
                 {"propagation": {**USUAL, "mode": "resolvers", "resolvers": ("192.0.2.53",)}}, id="resolvers"),
    pytest.param({"solver": "lexicon", "provider": "ovh", "options": {"auth_token": "t"}, "zone": None},
                 {"provider": "ovh", "options": {"auth_token": "t"}, "zone": None, "timeout": 60.0, "propagation": USUAL}, id="what is none is left out"),
    pytest.param({"solver": "command", "present": ["/bin/add", 1]},
                 {"present": ("/bin/add", "1"), "clean_up": (), "environment": {}, "timeout": 120.0, "propagation": USUAL}, id="arguments are texts"),
])
def test_settings_are_completed(settings, completed):
    """By the table of its kind."""
    assert one(**settings) == Solver(settings["solver"], completed)


@pytest.mark.parametrize("data", ["OVH_AK=a\nOVH_AS=b", {"OVH_AK": "a"}], ids=["text", "dictionary"])
def test_data_of_acme_sh_stays_as_it_is(data):
    """It is KEY=VALUE text or a dictionary (seed row 27)."""
    assert one(solver="acmesh", api="ovh", data=data).settings["data"] == data


@pytest.mark.parametrize(("settings", "says"), [
    pytest.param({}, "solvers: x: solver: is missing", id="no kind"),
    pytest.param({"solver": "dns"}, "solvers: x: solver: is no kind of solver", id="unknown kind"),
    pytest.param({"solver": ["standalone"]}, "solvers: x: solver: is no kind of solver", id="a kind that is no word"),
    pytest.param({"solver": "standalone", "prot": 80}, "solvers: x: prot: is no setting of standalone. Use port, address", id="unknown setting"),
    pytest.param({"solver": "webroot"}, "solvers: x: path: is missing, and webroot needs it", id="missing setting"),
    pytest.param({"solver": "webroot", "path": "www"}, "solvers: x: path: is no absolute path", id="relative path"),
    pytest.param({"solver": "webroot", "path": "/www\0"}, "solvers: x: path: is no absolute path", id="a path with a null byte"),
    pytest.param({"solver": "webroot", "path": " "}, "solvers: x: path: is no text", id="blank path"),
    pytest.param({"solver": "standalone", "port": 0}, "solvers: x: port: is no port: 0", id="port 0"),
    pytest.param({"solver": "standalone", "port": 65536}, "solvers: x: port: is no port: 65536", id="port 65536"),
    pytest.param({"solver": "standalone", "port": True}, "solvers: x: port: is no number", id="a port that is a yes"),
    pytest.param({"solver": "standalone", "port": "http"}, "solvers: x: port: is no number", id="a port by name"),
    pytest.param({"solver": "standalone", "address": "localhost"}, "solvers: x: address: is no address", id="an address by name"),
    pytest.param({"solver": "lexicon", "provider": "ovh", "options": "a=b"}, "solvers: x: options: is no dictionary", id="options as text"),
    pytest.param({"solver": "command", "present": "/bin/add"}, "solvers: x: present: is no list", id="a command as text"),
    pytest.param({"solver": "command", "present": []}, "solvers: x: present: is no list", id="an empty command"),
    pytest.param({"solver": "command", "present": ["/bin/add", None]}, "solvers: x: present: is no text", id="an argument that is none"),
    pytest.param({"solver": "persist", "propagation": "delay"}, "solvers: x: propagation: is no dictionary", id="propagation as text"),
    pytest.param({"solver": "persist", "propagation": {"mode": "hope"}}, "solvers: x: propagation: mode: is not known. Use authoritative, resolvers, delay",
                 id="unknown mode"),
    pytest.param({"solver": "persist", "propagation": {"mode": "resolvers"}}, "solvers: x: propagation: resolvers: is missing", id="resolvers of nobody"),
    pytest.param({"solver": "persist", "propagation": {"delay": "soon"}}, "solvers: x: propagation: delay: 'soon' is not a duration", id="no duration"),
    pytest.param({"solver": "persist", "propagation": {"delay": -1}}, "solvers: x: propagation: delay: '-1' is not a duration", id="a negative one"),
    pytest.param({"solver": "persist", "propagation": {"wait": 1}}, "solvers: x: propagation: wait: is no setting of propagation",
                 id="unknown below propagation"),
])
def test_what_is_wrong_is_named(settings, says):
    """By solver and setting."""
    with pytest.raises(InputError) as caught:
        one(**settings)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("given", [["standalone"], {"x": "standalone"}], ids=["a list", "a word for settings"])
def test_other_shapes_are_refused(given):
    """With the way out."""
    with pytest.raises(InputError, match="is no dictionary"):
        checked(given)


@pytest.mark.parametrize(("settings", "secret"), [
    pytest.param({"solver": "rfc2136", "server": "ns1.example", "tsig_name": "key-name", "tsig_secret": "c2VjcmV0"}, {"c2VjcmV0"}, id="TSIG"),
    pytest.param({"solver": "acmesh", "api": "ovh", "data": "OVH_AK=abcdef\nOVH_AS='quoted'\n# remark"},
                 {"OVH_AK=abcdef\nOVH_AS='quoted'\n# remark", "abcdef", "quoted"}, id="lines"),
    pytest.param({"solver": "acmesh", "api": "ovh", "data": {"OVH_AK": "abcdef", "OVH_ID": 123456}}, {"abcdef", "123456"}, id="a dictionary"),
    pytest.param({"solver": "lexicon", "provider": "ovh", "options": {"a": {"deep": ["token1"]}}}, {"token1"}, id="nested"),
    pytest.param({"solver": "command", "present": ["/bin/add"], "environment": {"TOKEN": "token2", "X": "abc", "Y": True}}, {"token2"},
                 id="short ones hide nothing"),
    pytest.param({"solver": "rfc2136", "server": "ns1.example", "tsig_secrt": "token3"}, {"token3"}, id="a misspelt setting"),
    pytest.param({"solver": "rcf2136", "server": "token4"}, {"token4"}, id="a misspelt kind"),
    pytest.param({"solver": ["rfc2136"], "server": "token5"}, {"token5"}, id="a kind that is no word"),
    pytest.param("token6", {"token6"}, id="no settings at all"),
    pytest.param({"solver": "standalone", "port": 8402, "address": "127.0.0.1"}, set(), id="nothing secret"),
])
def test_secrets_are_collected(settings, secret):
    """From the option as it was given, wrong or right."""
    assert set(secrets_of({"x": settings})) == secret


@pytest.mark.parametrize("given", [None, [], "text"], ids=["none", "a list", "a text"])
def test_no_solvers_no_secrets(given):
    """Whatever the option is."""
    assert secrets_of(given) == []


def _whole(kind: str) -> dict:
    """A solver of this kind with all that it needs."""
    given = {"server": "ns1", "api": "ovh", "provider": "ovh", "present": ["/bin/add"], "path": "/www"}
    return {"solver": kind, **{name: given[name] for name, row in KINDS[kind].settings.items() if row.required}}


def test_no_refusal_shows_a_secret():
    """Each secret setting with each wrong shape."""
    for kind, (_types, table) in KINDS.items():
        for name, row in table.items():
            for wrong in (["hush-hush"], {"hush-hush"}) if row.secret else ():
                with pytest.raises(InputError) as caught:
                    one(**_whole(kind), **{name: wrong})
                assert "hush" not in str(caught.value)


def test_the_table_is_sound():
    """A default that is given is no other than one that is left out, and what is required has none."""
    assert set(IMPLICIT) <= set(KINDS) and MODES[0] == USUAL["mode"]
    for kind, (types, table) in KINDS.items():
        assert types and "solver" not in table
        for name, row in table.items():
            given = {name: row.default} if row.default not in (None, ()) and name != "propagation" else {}
            assert not (row.required and given) and one(**{**_whole(kind), **given}) == one(**_whole(kind)), (kind, name)
