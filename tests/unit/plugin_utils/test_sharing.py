# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shared with whom, what failed, who goes back, and what is told of it: tables over what the tasks register."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils import _sharing

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAIR = {"name": "wild", "from": {"host": "lb1", "path": "/w.pem", "key_path": "/w.key"}, "path": "/t.pem", "key_path": "/t.key"}
SOURCE = {"key": "lb1:/w.pem", "host": "lb1", "path": "/w.pem", "key_path": "/w.key"}
FOUND = {"__share_source": SOURCE, "certificate": "PEM", "fingerprint": "ab" + ":cd" * 31, "not_after": "2027"}
READ = {"results": [FOUND]}


def answer(**more):
    """What pair_recipient says of the pair."""
    return {"results": [{"__share_number": 0, "due": True, "needs_key": True, "unsettled": False, "recipient": "age1a", "path": "/t.pem", "key_path": "/t.key",
                         "endpoints": [], "activate": None, **more}]}


def sealed(*recipients, **more):
    """What pair_seal says of these recipients."""
    return {"results": [{"__share_source": {**SOURCE, "recipients": list(recipients)}, "sealed": "BLOB", **more}]}


def tried(**row):
    """What cert_install says in check mode."""
    return {"results": [{"__share_number": 0, "pairs": [{"failed": False, "msg": "", **row}]}]}


def host(*outcomes, refused="", due=True, all_or_none=True, planning=False, key="lb1:/w.pem"):
    """The variables of a host that was looked at, with (result, message) of what was done there."""
    row = {"number": 0, "name": "wild", "key": key, "refused": refused, "due": due, "fingerprint": FOUND["fingerprint"], "not_after": "2027"}
    return {"share_declared": [PAIR], "share_rows": [row], "__share_all_or_none": all_or_none, "__share_planning": planning,
            "share_outcomes": [{"number": 0, "result": result, "message": message} for result, message in outcomes]}


PROVEN, FAILED = ("proven", ""), ("failed", "no reload")


# One host.

@pytest.mark.parametrize(("pair", "says"), [
    ({**PAIR, "renew": 1}, "'renew' is not known"), ({**PAIR, "from": "lb1"}, "from: is no dictionary"), ({**PAIR, "from": {}}, "from: "),
    ({**PAIR, "from": {"host": "lb1", "paht": "/x"}}, "from: "), ({"name": "wild", "from": {"host": "lb1"}}, "from.path: is missing"),
    ("wild", "is no dictionary"), ({"path": "/t.pem"}, "from: "),
])
def test_a_mistake_is_refused_with_its_place(pair, says):
    """The other pairs of the host are looked at all the same."""
    found = _sharing.rows([PAIR, pair], READ)
    assert found[1]["refused"].startswith("evergreen_shared[1] (") and says in found[1]["refused"] and found[0]["refused"] == ""
    variables = {"h": {"share_declared": [PAIR, pair]}}
    assert _sharing.sources(variables, ["h"]) == [SOURCE]


@pytest.mark.parametrize(("source", "files"), [
    ({"host": "lb1"}, ("/t.pem", "/t.key")), ({"host": "lb1", "path": "/w.pem"}, ("/w.pem", "/w.pem")),
    ({"host": "lb1", "path": "/w.pem", "key_path": "/w.key"}, ("/w.pem", "/w.key")),
])
def test_the_place_of_a_pair_has_defaults(source, files):
    """The same files as here, or one combined file."""
    found = _sharing.source_of({**PAIR, "from": source})
    assert (found["path"], found["key_path"], found["key"]) == (*files, f"lb1:{files[0]}")


@pytest.mark.parametrize(("registered", "refused", "due"), [
    pytest.param((), "", False, id="nothing known yet"),
    pytest.param(({"results": [{"__share_source": SOURCE, "msg": "no such file"}]},), "lb1:/w.pem: no such file", False, id="not to be read"),
    pytest.param(({"results": [{"__share_source": SOURCE, "unreachable": True, "msg": "timed out"}]},), "lb1:/w.pem: cannot be reached: timed out", False,
                 id="out of reach"),
    pytest.param((READ, {"results": [{"__share_number": 0, "skipped": True}]}), "", False, id="not asked"),
    pytest.param((READ, {"results": [{"__share_number": 0, "unreachable": True, "msg": "timed out"}]}), "cannot be reached: timed out", False, id="lost"),
    pytest.param((READ, {"results": [{"__share_number": 0, "msg": "x", "error_chain": "x: y"}]}), "x: y", False, id="refused when asked"),
    pytest.param((READ, answer(due=False, needs_key=False, recipient=None)), "", False, id="there already"),
    pytest.param((READ, answer()), "", True, id="due"),
    pytest.param((READ, answer(), sealed("age1a", sealed=None, msg="renewed in between")), "lb1:/w.pem: renewed in between", True, id="not sealed"),
    pytest.param((READ, answer(), sealed("age1a"), tried()), "", True, id="tried"),
    pytest.param((READ, answer(), sealed("age1a"), tried(failed=True, msg="read-only")), "read-only", True, id="refused when tried"),
    pytest.param((READ, answer(), sealed("age1a"), {"results": [{"__share_number": 0, "msg": "no such option"}]}), "no such option", True, id="declared wrong"),
    pytest.param((READ, answer(), sealed("age1a"), {"results": [{"__share_number": 0, "unreachable": True, "msg": "gone"}]}), "cannot be reached: gone", True,
                 id="lost when tried"),
])
def test_what_is_known_of_a_pair(registered, refused, due):
    """Each stage adds to it; the first refusal is kept."""
    row = _sharing.rows([PAIR], *registered)[0]
    assert (row["refused"], row["due"]) == (refused, due)


def test_each_host_gets_what_was_sealed_for_it():
    """A key that was sealed for others is of no use to it."""
    both = {"results": [*sealed("age1b", sealed="OTHERS")["results"], *sealed("age1c", "age1a")["results"]]}
    assert _sharing.rows([PAIR], READ, answer(), both)[0]["pair"] == {"name": "wild", "path": "/t.pem", "key_path": "/t.key", "content": "PEM",
                                                                      "key_sealed": "BLOB"}
    assert "key_sealed" not in _sharing.rows([PAIR], READ, answer(), sealed("age1b"))[0]["pair"]


# The fleet.

def test_each_place_is_read_once_and_sealed_for_all():
    """A hundred recipients at a time; nobody is asked to seal for nobody."""
    names = [f"h{number}" for number in range(250)]
    hostvars = {name: {"share_declared": [PAIR], "__share_read": READ, "__share_asked": answer(recipient=f"age1{name}")} for name in names}
    hostvars["quiet"] = {"share_declared": [PAIR], "__share_read": READ, "__share_asked": answer(recipient=None)}
    hosts = [*names, "quiet", "stranger", "h0"]
    assert _sharing.sources(hostvars, hosts) == [SOURCE]
    slices = _sharing.sources(hostvars, hosts, True)
    assert [len(one["recipients"]) for one in slices] == [100, 100, 50] and slices[0]["fingerprint"] == FOUND["fingerprint"]
    assert [one for piece in slices for one in piece["recipients"]] == [f"age1{name}" for name in names]


@pytest.mark.parametrize(("hostvars", "put", "settle", "back", "results"), [
    pytest.param({"a": host(due=False), "b": host(due=False)}, [], [], {}, {}, id="quiet"),
    pytest.param({"a": host(due=False), "b": host()}, ["b"], ["b"], {}, {"b": "not begun"}, id="one is due"),
    pytest.param({"a": host(planning=True)}, ["a"], ["a"], {}, {"a": "foreseen"}, id="a plan"),
    pytest.param({"a": host(PROVEN), "b": host(PROVEN)}, ["a", "b"], ["a", "b"], {}, {"a": "shared", "b": "shared"}, id="all proven"),
    pytest.param({"a": host(PROVEN), "b": host(FAILED), "c": host()}, [], ["a", "b", "c"], {"a", "b", "c"},
                 {"a": "shared", "b": "failed", "c": "not begun"}, id="one failed"),
    pytest.param({"a": host(PROVEN, all_or_none=False), "b": host(FAILED, all_or_none=False)}, [], ["a", "b"], {"b"}, {"a": "shared", "b": "failed"},
                 id="one failed, alone"),
    pytest.param({"a": host(), "b": host(refused="gone", due=False)}, [], ["a"], {"a", "b"}, {"a": "not begun", "b": "failed"}, id="one refused"),
    pytest.param({"a": host(all_or_none=False), "b": host(refused="gone", due=False, all_or_none=False)}, ["a"], ["a"], {},
                 {"a": "not begun", "b": "failed"}, id="one refused, alone"),
    pytest.param({"a": host(PROVEN, ("restored", "")), "b": host(FAILED)}, [], ["a", "b"], {"a", "b"}, {"a": "restored", "b": "failed"}, id="gone back"),
    pytest.param({"a": host(PROVEN, ("failed", "lost")), "b": host(FAILED)}, [], ["a", "b"], {"a", "b"}, {"a": "failed", "b": "failed"}, id="not gone back"),
    pytest.param({"a": host(PROVEN), "b": host(FAILED, key="lb2:/x.pem")}, ["a"], ["a", "b"], {"b"}, {"a": "shared", "b": "failed"}, id="another pair failed"),
])
def test_who_goes_on_and_who_goes_back(hostvars, put, settle, back, results):
    """put and settle: the hosts of the next play; back: those with something that must not stay; results: what is told."""
    hosts = [*hostvars, "stranger"]
    assert _sharing.chosen(hostvars, hosts, "put") == put and _sharing.chosen(hostvars, hosts, "settle") == settle
    assert {name for name in hostvars if _sharing.back(hostvars[name], _sharing.failures(hostvars, hosts))} == set(back)
    told = _sharing.report(hostvars, hosts)
    assert {row["host"]: row["result"] for row in told["rows"]} == results
    assert set(told["failed"]) == {name for name, result in results.items() if result not in ("shared", "foreseen")}


def test_the_cause_is_told_to_all():
    """Who failed first, in its own words; a host that is back says so."""
    hostvars = {"a": host(PROVEN, ("restored", "")), "b": host(FAILED, ("restored", "")), "c": host()}
    told = {row["host"]: row["message"] for row in _sharing.report(hostvars, list(hostvars))["rows"]}
    assert told == {"a": "the pair before is in service again, because of b: no reload", "b": "no reload; the pair before is in service again",
                    "c": "nothing was changed, because of b: no reload"}
    assert _sharing.back(hostvars["a"], _sharing.failures(hostvars, list(hostvars))) == {"0": "b: no reload"}


@pytest.mark.parametrize(("all_or_none", "put"), [(True, []), (False, ["a"])])
def test_a_host_that_failed_in_an_earlier_play_counts(all_or_none, put):
    """Ansible leaves it out without a word; all or none means it, too. Who declares nothing, and who was not to be looked at, does not count."""
    hostvars = {"a": {**host(all_or_none=all_or_none), "__share_expected": ["a", "b", "c"]}, "b": {"evergreen_shared": [PAIR]}, "c": {},
                "d": {"evergreen_shared": [PAIR]}}
    hosts = list(hostvars)
    assert _sharing.chosen(hostvars, hosts, "put") == put
    assert _sharing.failures(hostvars, hosts) == {"lb1:/w.pem": f"b: {_sharing.LOST}"}
    assert [(row["host"], row["result"]) for row in _sharing.report(hostvars, hosts)["rows"]] == [("a", "not begun"), ("b", "failed")]


# The filters.

@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "plugins" / "filter").glob("share_*.py")))
def test_each_file_brings_its_filter(name):
    """The name of a filter is the name of its file, as Ansible looks for it."""
    pytest.importorskip("ansible.errors", reason="filters need ansible-core, which is not installed for this Python")
    import importlib
    room = importlib.import_module(f"ansible_collections.evergreen.pki.plugins.filter.{name}")
    assert room.FilterModule().filters() == {name: getattr(room, name)}


def test_hosts_are_picked_by_what_is_wanted():
    """A pattern that matches none where there are none; a wish that is not known is refused."""
    errors = pytest.importorskip("ansible.errors", reason="filters need ansible-core, which is not installed for this Python")
    from ansible_collections.evergreen.pki.plugins.filter.share_hosts import share_hosts
    hostvars = {"a": host(), "b": host(due=False), "c": {"evergreen_shared": []}}
    picked = {want: share_hosts(hostvars, ["a", "b", "c", "d"], want) for want in ("put", "settle", "tell", "nobody")}
    assert picked == {"put": ["a"], "settle": ["a"], "tell": ["a"], "nobody": ["all", "!all"]}
    assert share_hosts({}, ["a"], "put") == ["all", "!all"]
    with pytest.raises(errors.AnsibleFilterError, match="want: 'x' is not known"):
        share_hosts({}, [], "x")
