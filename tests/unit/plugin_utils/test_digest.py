# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.plugin_utils._digest import report

FINGERPRINT, OLD = "ab:" * 31 + "ab", "cd:" * 31 + "cd"
HOSTILE = "a\r\nBcc: evil@example.org\n\x1b[2J\x00\u2028{{ 7*7 }} $(id) 'q' \"d\" <b>"


def entry(name="pbs", action="warn", reason="upcoming", **more) -> dict:
    """An entry of cert_plan's plan."""
    return {"name": name, "product": "pbs", "issuer": "selfsigned", "path": "/etc/proxmox-backup/proxy.pem", "action": action, "reason": reason,
            "message": "expires in 20 days, on 2026-12-13T00:00:00Z; will be renewed from 2026-11-27T00:00:01Z on", "due_at": "2026-11-27T00:00:01Z",
            "warn_at": "2026-11-12T00:00:01Z", "remind": True, "findings": [], "since": None, "declared": {"product": "pbs", "owner": "no secret"}, **more}


def outcome(name="pbs", result="renewed", **more) -> dict:
    """What the role keeps of one renewal."""
    return {"name": name, "path": "/etc/proxmox-backup/proxy.pem", "result": result, "reason": "due", "message": "expires in 3 days",
            "fingerprint": FINGERPRINT,
            "old_fingerprint": OLD, "not_after": "2036-11-20T00:00:00Z", **more}


def part(*entries, outcomes=(), failure=None, nodename="pbs1", fqdn="pbs1.example.com") -> dict:
    """What the playbook keeps of one host."""
    plan = None if failure else {"plan": list(entries), "nodename": nodename, "fqdn": fqdn, "summary": {}, "quiet": False}
    return {"plan": plan, "outcomes": list(outcomes), "failure": failure}


def only(items):
    one, = items
    return one


def test_nothing_due_is_nothing_to_tell():
    """A healthy fleet makes no mail, no notice and no failure."""
    told = report({"a": part(entry(action="none", reason="valid", remind=False)), "b": part()})
    assert (told["tell"], told["rows"], told["notices"], told["failed"], told["reminded"]) == (False, [], [], {}, {})
    assert told["subject"] == "Certificates: nothing due (2 hosts)"


# Rows of the acceptance table (proxmox-formats 6), by their numbers.

def test_row_7_upcoming():
    """Upcoming: template cert-upcoming-refresh, severity info, type cert, hostname; data in kebab-case."""
    assert only(report({"h1": part(entry())})["notices"]) == {
        "template": "cert-upcoming-refresh", "severity": "info", "title": "Self-signed Certificate is About to be Refreshed",
        "metadata": {"hostname": "pbs1", "type": "cert"},
        "data": {"hostname": "pbs1", "fqdn": "pbs1.example.com", "base-url": "https://pbs1.example.com:8007"}, "host": "h1", "name": "pbs"}


def test_row_8_refreshed():
    """Success: cert-refresh, info, type acme, hostname."""
    told = report({"h1": part(entry(action="renew", reason="due", remind=False), outcomes=[outcome()])})
    assert only(told["notices"]) == {
        "template": "cert-refresh", "severity": "info", "title": "Self-Signed Certificate Has Been Refreshed", "metadata": {"hostname": "pbs1", "type": "acme"},
        "data": {"hostname": "pbs1", "fqdn": "pbs1.example.com", "base-url": "https://pbs1.example.com:8007"}, "host": "h1", "name": "pbs"}


def test_row_9_failed_with_the_whole_chain():
    """Failure: acme-err with `error` as the whole chain on one line, info, type acme; the host is among the failed."""
    causes = "/etc/proxmox-backup/proxy.key: No space left on device. Free space: [Errno 28] No space left on device"
    told = report({"h1": part(entry(action="renew", reason="due"), outcomes=[outcome(result="failed", message=causes)])})
    notice = only(told["notices"])
    assert (notice["template"], notice["severity"], notice["metadata"]) == ("acme-err", "info", {"hostname": "pbs1", "type": "acme"})
    assert notice["data"] == {"hostname": "pbs1", "fqdn": "pbs1.example.com", "base-url": "https://pbs1.example.com:8007", "error": causes}
    assert told["failed"] == {"h1": [causes]} and told["reminded"] == {} and causes in told["body"]


@pytest.mark.parametrize(("remind", "told"), [(True, True), (False, False)])
def test_row_10_reminded_only_when_it_is_time(remind, told):
    """Whether people are reminded now is the plan's decision (weekly unless asked otherwise): the digest follows it, and says who was reminded of what."""
    answer = report({"h1": part(entry(remind=remind), entry(name="other", remind=False))})
    assert answer["tell"] is told and answer["reminded"] == ({"h1": ["pbs"]} if told else {})


@pytest.mark.parametrize(("given", "says"), [
    ({"outcomes": [outcome()], "action": "renew"}, "needs the new one now"), ({"outcomes": [], "action": "warn"}, "will need the new one then"),
])
def test_row_12_those_who_pin_are_told_and_find_the_page(given, says):
    """Notices tell those who trust by fingerprint, and link to the page of the certificate."""
    body = report({"h1": part(entry(action=given["action"]), outcomes=given["outcomes"])})["body"]
    assert "fingerprint" in body and says in body and "https://pbs1.example.com:8007/#pbsCertificateConfiguration" in body


def test_the_fingerprints_to_change_pins_by_are_in_the_mail():
    """New and old fingerprint and the new end stand beside a renewed certificate."""
    body = report({"h1": part(entry(action="renew"), outcomes=[outcome()])})["body"]
    assert f"New fingerprint: {FINGERPRINT}" in body and f"Old fingerprint: {OLD}" in body and "2036-11-20T00:00:00Z" in body


@pytest.mark.parametrize(("product", "port", "page"), [
    ("pbs", ":8007", "/#pbsCertificateConfiguration"), ("pdm", ":8443", ""), ("pve", ":8006", ""), ("pmg", ":8006", ""), ("generic", "", ""),
])
def test_each_product_has_its_address(product, port, page):
    """The base URL is the host's FQDN with the product's port (proxmox-formats 1.6); a page only where the product has one."""
    told = report({"h1": part(entry(product=product))})
    assert only(told["notices"])["data"]["base-url"] == f"https://pbs1.example.com{port}"
    assert (f"https://pbs1.example.com{port}{page}" in told["body"]) is bool(page)


# What else there is to tell.

def test_a_host_without_a_plan_has_failed():
    """A host that was not reached is a failure with its reason, under its own name, and hides nobody."""
    told = report({"down.example": part(failure="Failed to connect to the host via ssh"), "h1": part(entry())})
    assert told["failed"] == {"down.example": ["Failed to connect to the host via ssh"]} and [row["result"] for row in told["rows"]] == ["failed", "upcoming"]
    assert "down.example: all certificates" in told["body"]
    notice = told["notices"][0]
    assert (notice["template"], notice["metadata"]["hostname"], notice["data"]["error"]) == ("acme-err", "down", "Failed to connect to the host via ssh")


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_an_address_is_a_name_of_its_own(host):
    """The host name of a host that is known by its address only is not the address's first number."""
    assert only(report({host: part(failure="down")})["notices"])["metadata"]["hostname"] == host


@pytest.mark.parametrize("reason", ["due", "expired", "upcoming"])
def test_nobody_renews_what_others_issued(reason):
    """An external certificate is only watched: whoever reads of its end has to act, and must not be told that it renews by itself."""
    told = report({"h1": part(entry(name="bought", product="generic", issuer="external", reason=reason, message="expires in 9 days"))})
    notice = only(told["notices"])
    assert (notice["template"], notice["metadata"]["type"]) == ("cert-warning", "cert") and "Refreshed" not in notice["title"]
    assert "NEEDS ATTENTION" in told["body"] and "nobody else needs to act" not in told["body"] and "expires in 9 days" in told["body"]


def test_a_renamed_host_is_told_of():
    """A skip of which people are to be reminded is told like a warning (row 3: the product says nothing at all)."""
    told = report({"h1": part(entry(action="skip", reason="renamed", message="made for 'old', but the host is 'new' now"))})
    assert "made for 'old'" in told["body"] and told["reminded"] == {"h1": ["pbs"]}


def test_what_was_due_and_not_tried_is_not_silent():
    """A due certificate with no outcome (another issuer, a run without the tag `renew`) is to look at."""
    told = report({"h1": part(entry(action="renew", reason="due", remind=False, message="expires in 3 days"))})
    assert only(told["rows"])["result"] == "warned" and "expires in 3 days" in told["body"]


def test_check_mode_foresees_and_sends_no_notice():
    """In check mode nothing was refreshed: it is said what would be, and Proxmox's rules see nothing."""
    told = report({"h1": part(entry(action="renew", reason="due"), outcomes=[outcome(result="foreseen")])})
    assert told["notices"] == [] and told["tell"] and "WOULD BE RENEWED" in told["body"] and told["failed"] == told["reminded"] == {}


def test_an_outcome_that_no_plan_foresaw_is_told_too():
    """Nothing that was done is lost."""
    assert [row["name"] for row in report({"h1": part(outcomes=[outcome(name="extra")])})["rows"]] == ["extra"]


def test_one_digest_for_the_fleet():
    """Counts in the subject, failures first in the text, hosts in order, one paragraph each certificate."""
    told = report({
        "h3": part(entry(action="renew"), outcomes=[outcome()]), "h1": part(entry()),
        "h2": part(entry(action="renew"), outcomes=[outcome(result="failed", message="disk full")]),
        "h4": part(entry(reason="excessive_lifetime", message="lives 365000 days")), "h5": part()})
    assert told["subject"] == "Certificates: 1 failed, 1 renewed, 1 coming up, 1 to look at (5 hosts)"
    headings = ["FAILED", "* h2: pbs", "RENEWED", "* h3: pbs", "COMING UP", "* h1: pbs", "NEEDS ATTENTION", "* h4: pbs"]
    places = [told["body"].index(heading) for heading in headings]
    assert places == sorted(places) and "h5" not in told["body"] and told["body"].startswith(told["subject"] + "\n")
    assert [row["host"] for row in told["rows"]] == ["h1", "h2", "h3", "h4"] and told["reminded"] == {"h1": ["pbs"], "h4": ["pbs"]}


def test_since_when_it_fails_is_said():
    """What goes on failing says since when; what has been renewed is over."""
    since = "2026-11-16T01:00:00Z"
    failed = report({"h1": part(entry(action="renew", since=since), outcomes=[outcome(result="failed")])})["body"]
    renewed = report({"h1": part(entry(action="renew", since=since), outcomes=[outcome()])})["body"]
    assert f"Since {since}" in failed and since not in renewed


# What a CA issues.

ACME = {"name": "web", "product": "generic", "issuer": "acme", "path": "/etc/web.pem"}


@pytest.mark.parametrize("issuer", ["acme", "authority"])
def test_what_a_ca_issued_is_no_self_signed_certificate(issuer):
    """Nobody pins it, and the title does not call it self-signed; template and type stay, so that rules fit."""
    told = report({"h1": part(entry(**{**ACME, "issuer": issuer}, action="renew"), outcomes=[outcome("web", path="/etc/web.pem")])})
    notice = only(told["notices"])
    assert (notice["template"], notice["title"], notice["metadata"]["type"]) == ("cert-refresh", "Certificate Has Been Renewed", "acme")
    assert "by its fingerprint" not in told["body"] and f"New fingerprint: {FINGERPRINT}" in told["body"]
    ahead = report({"h1": part(entry(**{**ACME, "issuer": issuer}))})
    assert only(ahead["notices"])["title"] == "Certificate is About to be Renewed" and "Nobody needs to act." in ahead["body"]


def test_the_ca_is_named():
    """A certificate of a staging CA is seen as one, also before it is ordered."""
    staging = "https://staging.ca.example/directory"
    done, ahead, failed = (report({"h1": part(entry(**ACME, action="renew"), outcomes=[outcome("web", result=result, directory=staging)])})["body"]
                           for result in ("renewed", "foreseen", "failed"))
    assert f"\n  Issued by: {staging}\n" in done and f"\n  It would be ordered from {staging}.\n" in ahead and staging not in failed


def test_who_is_held_back_is_told():
    """A plan that orders nothing because an order failed a short while ago is to look at."""
    held = entry(**ACME, reason="held_back", message="an order failed, and none is tried before 2026-11-24T00:00:00Z: no such name")
    assert only(report({"h1": part(held)})["rows"])["result"] == "warned"


# Hostile text.

SAID = ("message", "fingerprint", "old_fingerprint", "not_after", "directory")


@pytest.mark.parametrize("told", [
    pytest.param({"h1": part(entry(message=HOSTILE, path=HOSTILE, since=HOSTILE))}, id="a reminder"),
    pytest.param({"h1": part(entry(action="renew"), outcomes=[outcome(**dict.fromkeys(SAID, HOSTILE))])}, id="a renewal"),
    pytest.param({"h1": part(entry(action="renew"), outcomes=[outcome(result="failed", message=HOSTILE)])}, id="a failure"),
    pytest.param({"h1": part(failure=HOSTILE)}, id="a host"), pytest.param({HOSTILE: part(entry(name=HOSTILE), fqdn=HOSTILE, nodename=HOSTILE)}, id="names"),
])
def test_what_hosts_say_stays_on_its_line(told):
    """Line ends, escape sequences and templates in what a host says come out as text: no header, no heading, no paragraph of the mail is theirs."""
    answer = report(told)
    assert answer["subject"].isprintable() and all(line.isprintable() for line in answer["body"].split("\n"))
    assert not any(line.startswith("Bcc:") for line in answer["body"].split("\n"))
    notice = only(answer["notices"])
    assert all(value.isprintable() for value in (*notice["data"].values(), *notice["metadata"].values()))


@pytest.mark.parametrize("name", ["two\nlines", "\u2028", "a\tb", "x\x1b[0m"])
def test_who_was_reminded_is_remembered_under_the_very_name(name):
    """The names in `reminded` go back to cert_plan, which knows them as they were declared; `failed` goes back to its host."""
    told = report({"h1": part(entry(name=name)), "h2": part(entry(name=name, action="renew"), outcomes=[outcome(name=name, result="failed")])})
    assert told["reminded"] == {"h1": [name]} and list(told["failed"]) == ["h2"]
