# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import plan as room
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.acme_memory import Failure, Issued, Renewal
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.plan import ALL_UP_TO, plan_host
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, FQDN, NOW, SECOND, certificate_pem, contents, key_pem, own_pem, tree

HOUR = timedelta(hours=1)


class Host:
    """Certificates in a folder of ours, planned as the module does it."""

    def __init__(self, folder):
        self.folder, self.state_path, self.items = folder / "tls", str(folder / "state"), []
        self.folder.mkdir()

    def put(self, name, left, **declaration):
        """A certificate for which the product's rule holds, so that its answers are known by its days."""
        path = self.folder / f"{name}.pem"
        path.write_bytes(own_pem(left=left, lifetime=3650 * DAY))
        (self.folder / f"{name}.key").write_bytes(key_pem())
        self.items.append({"name": name, "product": "pbs", "path": str(path), "key_path": str(self.folder / f"{name}.key"), **declaration})
        return self

    def plan(self, now=NOW, remember=True, **options):
        given = {"certificates": self.items, "products": "none", "show": "auto", "remind_every": "7d", "reminded": [], "force": False, **options}
        return plan_host(given, FQDN, State(self.state_path), now, lambda item, place: item, remember)

    def answers(self, **options):
        return {entry["name"]: (entry["action"], entry["reason"], entry["remind"]) for entry in self.plan(**options)["plan"]}


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_a_healthy_host_is_quiet(host):
    """Nothing due, nobody to tell: the answer says so, and nothing is made on disk."""
    answer = host.put("a", 300 * DAY).put("b", 200 * DAY).plan()
    assert answer["quiet"] and [entry["action"] for entry in answer["plan"]] == ["none", "none"] and not os.path.exists(host.state_path)


def test_the_summary_counts_and_names_the_nearest_date(host):
    """Counts a host, and the next instant at which an answer changes."""
    host.put("a", 300 * DAY).put("b", 40 * DAY).put("c", 20 * DAY).put("d", DAY)
    host.put("e", DAY)
    (host.folder / "e.pem").write_bytes(certificate_pem(left=DAY, issuer=(("CN", "CA"),)))
    summary = host.plan()["summary"]
    assert summary == {"total": 5, "none": 2, "warn": 1, "renew": 1, "skip": 1, "poll": 0, "moved": 0, "next_at": "2026-11-27T01:00:01Z", "next_name": "c"}


def test_nothing_declared_and_nothing_found(host):
    """An empty host has an empty plan, and no nearest date."""
    nothing = dict.fromkeys(("total", "none", "warn", "renew", "skip", "poll", "moved"), 0)
    assert host.plan() == {"plan": [], "summary": {**nothing, "next_at": None, "next_name": None}, "quiet": True}


def test_products_are_planned_where_nothing_is_declared(host, monkeypatch):
    """With `products: auto` what is found is planned; what is declared turns that off; `none` finds nothing."""
    found = [{"name": "pbs", "product": "pbs", "path": str(host.folder / "x.pem"), "key_path": str(host.folder / "x.key")}]
    monkeypatch.setattr(room, "products_here", lambda: found)
    assert host.answers(products="auto") == {"pbs": ("renew", "missing", False)} and host.answers(products="none") == {}
    assert set(host.put("a", 300 * DAY).answers(products="auto")) == {"a"}


def test_an_entry_tells_all_that_people_ask(host):
    """Name, product, action, reason, sentence, dates, findings, and the declaration as it was given."""
    entry, = host.put("a", 10 * DAY, max_lifetime="90d").plan()["plan"]
    assert (entry["name"], entry["product"], entry["issuer"], entry["path"]) == ("a", "pbs", "selfsigned", host.items[0]["path"])
    assert (entry["action"], entry["reason"], entry["due_at"], entry["warn_at"]) == ("renew", "due", "2026-11-17T01:00:01Z", "2026-11-02T01:00:01Z")
    assert [finding["reason"] for finding in entry["findings"]] == ["due", "excessive_lifetime"] and entry["declared"] == host.items[0]
    assert "10 days" in entry["message"] and entry["since"] is None and json.dumps(entry)


def test_one_bad_file_hides_no_other(host):
    """Each certificate has its own answer, whatever is the matter with the others."""
    host.put("a", 300 * DAY).put("b", 300 * DAY).put("c", 300 * DAY)
    (host.folder / "a.pem").write_bytes(b"garbage")
    (host.folder / "b.pem").unlink()
    os.mkfifo(host.folder / "b.pem")
    assert {name: answer[:2] for name, answer in host.answers().items()} == {"a": ("renew", "unreadable"), "b": ("renew", "unreadable"), "c": ("none", "valid")}


def test_a_mistake_stops_the_whole_plan(host):
    """A wrong declaration is refused before anything is looked at."""
    host.put("a", 300 * DAY).items.append({"name": "b"})
    with pytest.raises(InputError) as caught:
        host.plan()
    assert caught.value.where == "certificates[1] (b): path"


def test_force_asks_for_all(host):
    """Force makes every certificate of ours due, and no other."""
    host.put("a", 300 * DAY).put("b", 300 * DAY)
    (host.folder / "b.pem").write_bytes(certificate_pem(issuer=(("CN", "CA"),)))
    assert {name: answer[:2] for name, answer in host.answers(force=True).items()} == {"a": ("renew", "forced"), "b": ("skip", "not_selfsigned")}


# What is returned.

@pytest.mark.parametrize(("show", "names"), [("auto", ["a", "b"]), ("all", ["a", "b"]), ("exceptions", ["b"])])
def test_what_is_shown(host, show, names):
    """All, or only what needs an answer; the counts are of all."""
    answer = host.put("a", 300 * DAY).put("b", 20 * DAY).plan(show=show)
    assert [entry["name"] for entry in answer["plan"]] == names and answer["summary"]["total"] == 2


@pytest.mark.parametrize(("number", "shown"), [(ALL_UP_TO, ALL_UP_TO), (ALL_UP_TO + 1, 0)])
def test_many_are_shown_only_where_they_need_an_answer(host, number, shown):
    """Above a hundred only exceptions travel, unless all are asked for."""
    (host.folder / "0.pem").write_bytes(certificate_pem(left=80 * DAY))
    for copy in range(1, number):
        os.link(host.folder / "0.pem", host.folder / f"{copy}.pem")
    host.items = [{"name": "all", "path": str(host.folder / "*.pem")}]
    assert len(host.plan()["plan"]) == shown and host.plan()["summary"]["none"] == number and len(host.plan(show="all")["plan"]) == number


def test_patterns_are_planned_file_by_file(host):
    """Each watched file has its own name, entry and memory."""
    for name, left in (("a", 80 * DAY), ("b", 10 * DAY)):
        (host.folder / f"{name}.pem").write_bytes(certificate_pem(left=left))
    host.items = [{"name": "all", "path": str(host.folder / "*.pem"), "warn_before": "40d"}]
    assert host.answers() == {f"all:{host.folder}/a.pem": ("none", "valid", False), f"all:{host.folder}/b.pem": ("warn", "due", True)}
    told = host.answers(reminded=[f"all:{host.folder}/b.pem"])
    assert told[f"all:{host.folder}/b.pem"] == ("warn", "due", False)


# Certificates of ACME CAs.

CA = "https://ca.example/dir"
SIGNER = x509.AuthorityKeyIdentifier(bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4"), None, None)
IDENTIFIER = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"      # RFC 9773, 4.1
WINDOW = Renewal(IDENTIFIER, NOW + DAY, NOW + 3 * DAY, NOW + 2 * DAY, NOW + HOUR, "https://ca.example/why", CA)


def put_issued(host, name="a", left=60 * DAY, kept=None, **declaration):
    """A certificate that an ACME CA has issued, and what is remembered of it."""
    host.put(name, left, issuer="acme", **declaration)
    path = host.folder / f"{name}.pem"
    path.write_bytes(certificate_pem(left=left, issuer=(("CN", "CA"),), serial=0x87654321, extensions=[SIGNER]))
    if kept:
        acme_memory.keep(State(host.state_path).fresh(str(path)), **kept)
    return host


@pytest.mark.parametrize(("kept", "declaration", "now", "poll"), [
    pytest.param(None, {}, NOW, False, id="nobody knows which CA to ask"),
    pytest.param(None, {"directory": CA}, NOW, True, id="the directory is declared, no window known"),
    pytest.param({"issued": Issued(CA, None)}, {}, NOW, True, id="it is remembered who issued it, no window known"),
    pytest.param({"issued": Issued(CA, None), "renewal": WINDOW}, {}, NOW + HOUR - SECOND, False, id="a second before the next question"),
    pytest.param({"issued": Issued(CA, None), "renewal": WINDOW}, {}, NOW + HOUR, True, id="the next question is due"),
    pytest.param({"renewal": WINDOW._replace(certificate_id="x.y")}, {"directory": CA}, NOW, True, id="the window of the one before"),
])
@pytest.mark.parametrize("show", ["all", "exceptions"])
def test_when_a_ca_is_to_be_asked_for_a_window(host, kept, declaration, now, poll, show):
    """Only where it is known which one, and no sooner than it said; what is to be asked travels also where only exceptions do."""
    answer = put_issued(host, kept=kept, **declaration).plan(now=now, show=show)
    assert answer["summary"]["poll"] == poll and answer["summary"]["none"] == 1 and answer["quiet"]
    told = [] if not poll and show == "exceptions" else [(poll, IDENTIFIER if poll else None)]
    assert [(entry["poll"], entry["certificate_id"]) for entry in answer["plan"]] == told


def test_a_window_is_told(host):
    """The window, the instant, the next question and the CA's explanation; the date on which it is due is the instant."""
    entry, = put_issued(host, kept={"renewal": WINDOW}).plan()["plan"]
    assert entry["renewal"] == {"window": {"start": "2026-11-24T01:00:00Z", "end": "2026-11-26T01:00:00Z"}, "instant": "2026-11-25T01:00:00Z",
                                "poll_at": "2026-11-23T02:00:00Z", "explanation_url": "https://ca.example/why"}
    assert (entry["due_at"], entry["action"], entry["held_until"]) == ("2026-11-25T01:00:00Z", "none", None)


@pytest.mark.parametrize(("now", "moved", "action"), [(NOW + 2 * DAY - SECOND, 0, "none"), (NOW + 2 * DAY, 1, "renew")])
def test_windows_that_have_passed_are_counted(host, now, moved, action):
    """A CA that moves its windows into the past shows in the counts of a whole fleet."""
    put_issued(host, kept={"renewal": WINDOW}).put("b", 300 * DAY)
    answer = host.plan(now=now)
    assert answer["summary"]["moved"] == moved and [entry["action"] for entry in answer["plan"]] == [action, "none"]


def test_only_entries_of_acme_say_anything_of_it(host):
    """What a healthy host returns stays small."""
    plain, acme = put_issued(host.put("b", 300 * DAY)).plan()["plan"]
    assert set(acme) - set(plain) == {"renewal", "poll", "certificate_id", "held_until"} and set(plain) <= set(acme)


def test_a_self_signed_placeholder_is_no_affair_of_a_ca(host):
    """No CA is asked about what it has not issued."""
    host.put("a", 300 * DAY, issuer="acme", directory=CA)
    (host.folder / "a.pem").write_bytes(own_pem(left=300 * DAY, lifetime=3650 * DAY, extensions=[SIGNER]))
    entry, = host.plan()["plan"]
    assert (entry["action"], entry["reason"], entry["poll"]) == ("renew", "placeholder", False)


def test_a_failed_order_is_told_and_not_tried_again_at_once(host):
    """People are reminded of it as of any warning, and nothing is renewed, until the next try or by force."""
    failure = Failure(CA, None, "DNS:a.example", 1, NOW, NOW + HOUR, "no such name")
    put_issued(host, left=10 * DAY, kept={"failures": (failure,)})
    entry, = host.plan()["plan"]
    assert (entry["action"], entry["reason"], entry["remind"], entry["held_until"]) == ("warn", "held_back", True, "2026-11-23T02:00:00Z")
    assert host.answers(reminded=["a"])["a"] == ("warn", "held_back", False) and host.plan()["quiet"]
    for entry, in (host.plan(now=NOW + HOUR)["plan"], host.plan(force=True)["plan"]):
        assert (entry["action"], entry["held_until"]) == ("renew", None)


# Reminders (row 10).

def test_reminders_come_once_a_week(host):
    """The first warning is told at once, then once a week: a run that starts some hours earlier in its day is no day late."""
    host.put("a", 30 * DAY)
    assert host.answers()["a"] == ("warn", "upcoming", True)
    assert host.answers(reminded=["a"])["a"] == ("warn", "upcoming", False)
    assert host.answers(now=NOW + 6 * DAY + 12 * HOUR - SECOND)["a"][2] is False
    assert host.answers(now=NOW + 6 * DAY + 12 * HOUR)["a"][2] is True
    assert host.answers(now=NOW + 7 * DAY, reminded=["a"])["a"][2] is False


@pytest.mark.parametrize("every", ["0", "1h"])
def test_reminders_as_often_as_asked(host, every):
    """Every run, as the seed's own daily service does, or any other interval."""
    host.put("a", 20 * DAY)
    host.plan(reminded=["a"])
    assert host.answers(now=NOW + HOUR, remind_every=every)["a"][2] is True
    assert host.answers(now=NOW + HOUR / 2, remind_every=every)["a"][2] is (every == "0")


def test_reminders_that_were_not_sent_stay_due(host):
    """A plan alone tells nobody: until it is said that the reminder went out, it is due."""
    host.put("a", 20 * DAY)
    assert [host.answers()["a"][2] for again in range(3)] == [True, True, True]


def test_another_reason_is_told_anew(host):
    """Who was told that it is upcoming is told when it is due, where nobody but a human can renew it."""
    host.items = [{"name": "a", "path": str(host.folder / "a.pem"), "renew_before": "15d", "warn_before": "30d"}]
    (host.folder / "a.pem").write_bytes(certificate_pem(left=16 * DAY))
    host.plan(reminded=["a"])
    assert host.answers(now=NOW + HOUR)["a"] == ("warn", "upcoming", False)
    assert host.answers(now=NOW + DAY)["a"] == ("warn", "due", True)


def test_a_renamed_host_is_told_of(host):
    """A renamed host silently stops renewing in the product; here it is told (issue 2)."""
    host.put("a", 300 * DAY)
    (host.folder / "a.pem").write_bytes(own_pem("old.example.com", left=300 * DAY, lifetime=3650 * DAY))
    assert host.answers()["a"] == ("skip", "renamed", True)
    assert host.answers(reminded=["a"])["a"] == ("skip", "renamed", False)


@pytest.mark.parametrize(("left", "issuer"), [(300 * DAY, None), (10 * DAY, None), (-DAY, (("CN", "CA"),))])
def test_of_the_rest_nobody_is_reminded(host, left, issuer):
    """What is sound, what is renewed anyway and what is skipped needs no reminder."""
    host.put("a", left)
    if issuer:
        (host.folder / "a.pem").write_bytes(certificate_pem(left=left, issuer=issuer))
    assert host.answers()["a"][2] is False


@pytest.mark.parametrize(("left", "quiet"), [(300 * DAY, True), (20 * DAY, False), (10 * DAY, False), (-400 * DAY, False)])
def test_quiet(host, left, quiet):
    """Quiet means: nothing to renew and nobody to remind, so the host's work is done."""
    assert host.put("a", left).plan()["quiet"] is quiet


def test_quiet_again_after_a_reminder(host):
    """A warning that was told leaves the host quiet until the next reminder."""
    host.put("a", 20 * DAY).plan(reminded=["a"])
    assert host.plan()["quiet"] and host.plan(now=NOW + DAY)["quiet"] and not host.plan(now=NOW + DAY, remind_every="1d")["quiet"]


def test_reminded_names_must_be_in_the_plan(host):
    """A name that is not planned is a mistake, and nothing is remembered."""
    host.put("a", 20 * DAY)
    with pytest.raises(InputError) as caught:
        host.plan(reminded=["a", "b"])
    assert caught.value.where == "reminded" and not os.path.exists(host.state_path)


def test_an_interval_that_is_none_is_refused(host):
    """The option is named."""
    with pytest.raises(InputError, match="^remind_every: "):
        host.plan(remind_every="weekly")


# Memory.

def test_since_when(host):
    """How long the reason has been the same is told from the second plan on, until it changes."""
    host.put("a", 20 * DAY)
    assert [host.plan(now=now)["plan"][0]["since"] for now in (NOW, NOW + HOUR, NOW + DAY)] == [None, "2026-11-23T01:00:00Z", "2026-11-23T01:00:00Z"]
    assert host.plan(now=NOW + 5 * DAY)["plan"][0]["since"] is None
    assert host.plan(now=NOW + 6 * DAY)["plan"][0]["since"] == "2026-11-28T01:00:00Z"


def test_check_mode_remembers_nothing(host):
    """In check mode the answer is the same and nothing is written."""
    host.put("a", 20 * DAY).put("b", 10 * DAY)
    before = tree(host.folder)
    assert host.plan(remember=False, reminded=["a"])["plan"][0]["remind"] is False
    assert tree(host.folder) == before and not os.path.exists(host.state_path)
    assert host.answers()["a"][2] is True


def test_a_plan_writes_nothing_but_its_memory(host):
    """The certificates are as they were; and a plan that learns nothing new writes nothing at all."""
    host.put("a", 20 * DAY).put("b", 10 * DAY)
    before = tree(host.folder)
    host.plan(reminded=["a"])
    assert tree(host.folder) == before
    remembered = tree(host.state_path)
    host.plan(now=NOW + HOUR)
    assert tree(host.state_path) == remembered


def test_what_became_sound_again_is_remembered(host):
    """A certificate that was due and was renewed is no longer told as due since then."""
    host.put("a", 10 * DAY).plan()
    (host.folder / "a.pem").write_bytes(own_pem(left=300 * DAY, lifetime=3650 * DAY))
    assert host.answers(now=NOW + HOUR)["a"][:2] == ("none", "valid")
    (host.folder / "a.pem").write_bytes(own_pem(left=9 * DAY, lifetime=3650 * DAY))
    assert host.plan(now=NOW + DAY)["plan"][0]["since"] is None


@pytest.mark.parametrize("record", [
    {"decision": [1]}, {"reminded": "yes"}, {"reminded": {"reason": "upcoming", "at": "soon"}}, {"reminded": {"reason": "upcoming"}},
])
def test_a_strange_memory_costs_a_reminder(host, record):
    """Whatever stands in the memory, the plan answers, and rather tells once too often."""
    host.put("a", 20 * DAY).plan(reminded=["a"])
    path, = contents(host.state_path)
    with open(path, "w") as file:
        json.dump({"format": 1, **record}, file)
    assert host.answers()["a"] == ("warn", "upcoming", True)
