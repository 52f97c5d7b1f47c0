# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which commands bring a product's ACME client into the declared state: tables of what is wanted and found."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_found import Certificate, Found
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_plan import plan
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_prompts import next_answer, prompts_of
from ansible_collections.evergreen.pki.plugins.module_utils._issuers.product_wanted import Plugin, node_of, wanted_of
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND
from ansible_collections.evergreen.pki.tests.unit.issuers.acme_products import OVH, PRODUCTION, STAGING, options_of

MAIL = ("mail@example.org",)
DATA = dict(line.split("=") for line in OVH["data"].split())


def wanted(product: str = "pbs", **options):
    return wanted_of({**options_of(product), **options})


def there(left: timedelta = 60 * DAY, life: timedelta = 90 * DAY, names=("a.example.org",), own: bool = False) -> Certificate:
    return Certificate("ab", frozenset(names), own, NOW + left - life, NOW + left)


def found(product: str = "pbs", **changes) -> Found:
    """A host on which all is as `wanted` has it by default."""
    node = node_of(options_of(product)["node"], product) if product in ("pve", "pbs") else None
    state = {"account": (STAGING, MAIL), "in_use": STAGING, "plugins": {}, "node": node, "certificate": there(), **changes}
    return Found(**state)


def commands(want, have, issued_at=STAGING) -> list:
    """Without the program's name, as text."""
    steps = plan(want, have, issued_at, NOW)
    return [" ".join(command[1:]) for command in [*(step.command for step in steps.steps), *([steps.order] if steps.order else [])]]


@pytest.mark.parametrize("product", ["pve", "pbs", "pdm", "pmg"])
def test_what_is_there_is_left(product):
    """Nothing is run."""
    assert commands(wanted(product), found(product)) == []


@pytest.mark.parametrize(("product", "order", "forced"), [
    ("pve", "acme cert order", " --force 1"), ("pbs", "acme cert order", " --force true"), ("pdm", "acme certificate order", " --force true"),
    ("pmg", "acme cert order api", " --force 1"),
])
def test_each_has_its_own_words(product, order, forced):
    """Where there is none, Proxmox VE's and Mail Gateway's need no force; the two others' first order does nothing without."""
    assert commands(wanted(product), found(product, certificate=None)) == [order + ("" if product in ("pve", "pmg") else forced)]
    assert commands(wanted(product), found(product, certificate=there(own=True))) == [order + forced]
    due = order.replace("order", "renew") if product in ("pve", "pmg") else order
    assert commands(wanted(product), found(product, certificate=there(left=29 * DAY))) == [due]


@pytest.mark.parametrize(("certificate", "issued_at", "force", "reason"), [
    pytest.param(there(left=30 * DAY + SECOND), STAGING, False, None, id="a second too early"),
    pytest.param(there(left=30 * DAY), STAGING, False, "due", id="due"),
    pytest.param(there(left=0 * DAY), STAGING, False, "due", id="its last second"), pytest.param(there(left=-SECOND), STAGING, False, "expired", id="expired"),
    pytest.param(there(left=31 * DAY, life=365 * DAY), STAGING, False, None, id="a year has 30 days too"),
    pytest.param(there(left=6 * DAY, life=18 * DAY), STAGING, False, "due", id="a third of 18 days"),
    pytest.param(there(left=6 * DAY + SECOND, life=18 * DAY), STAGING, False, None, id="before the last third"),
    pytest.param(there(left=3 * DAY, life=6 * DAY), STAGING, False, "due", id="half of 6 days"),
    pytest.param(there(left=3 * DAY + SECOND, life=6 * DAY), STAGING, False, None, id="before the half"),
    pytest.param(there(names=("b.example.org",)), STAGING, False, "names_differ", id="other names"),
    pytest.param(there(names=("a.example.org", "b.example.org")), STAGING, False, "names_differ", id="a name too many"),
    pytest.param(there(own=True), STAGING, False, "placeholder", id="signed by itself"),
    pytest.param(there(), PRODUCTION, False, "issuer_differs", id="another CA"),
    pytest.param(there(), None, False, None, id="the CA is not remembered"), pytest.param(there(), STAGING, True, "forced", id="forced"),
    pytest.param(None, STAGING, False, "missing", id="none"),
])
def test_when_it_orders(certificate, issued_at, force, reason):
    """Row 33 and its limits, in pairs."""
    steps = plan(wanted(force=force), found(certificate=certificate), issued_at, NOW)
    assert steps.reason == reason and (steps.order is None) == (reason is None)
    assert plan(wanted(force=force, order=False), found(certificate=certificate), issued_at, NOW).order is None


@pytest.mark.parametrize(("account", "options", "acts"), [
    (None, {}, ["register default mail@example.org --directory " + STAGING]),
    ((PRODUCTION, MAIL), {}, ["deactivate default", "register default mail@example.org --directory " + STAGING]),
    ((STAGING, ("old@example.org",)), {}, ["update default --contact mail@example.org"]), ((STAGING, ()), {}, []),
    ((STAGING, ("old@example.org",)), {"contact": None}, []), ((STAGING, ("b@x.example", "a@x.example")), {"contact": ["a@x.example", "b@x.example"]}, []),
])
def test_the_account(account, options, acts):
    """Rows 21 and 48. A CA that keeps no contacts is not told them on every run."""
    assert commands(wanted(**options), found(account=account)) == [f"acme account {act}" for act in acts]


@pytest.mark.parametrize("account", [None, (PRODUCTION, MAIL)])
@pytest.mark.parametrize(("options", "says"), [({"terms_agreed": False}, "^terms_agreed: "), ({"contact": None}, "^contact: is missing")])
def test_no_account_is_given_up_before_the_next_can_be_had(account, options, says):
    """A deactivation is for good: what a registration needs is asked for before."""
    with pytest.raises(InputError, match=says):
        commands(wanted(**options), found(account=account))


def test_datacenter_manager_takes_the_contact_as_a_word():
    """Its `update NAME CONTACT` has no option for it."""
    assert commands(wanted("pdm"), found("pdm", account=(STAGING, ("x@y.example",)))) == ["acme account update default mail@example.org"]


@pytest.mark.parametrize(("product", "plugins", "acts"), [
    ("pve", {}, ["add dns one --api ovh --data FILE --validation-delay 0"]), ("pve", {"one": Plugin("ovh", DATA, 0)}, []),
    ("pve", {"one": Plugin("ovh", DATA, 30)}, ["set one --api ovh --validation-delay 0"]),
    ("pbs", {"one": Plugin("cf", DATA, 0)}, ["set one --api ovh --validation-delay 0"]),
    ("pve", {"one": Plugin("ovh", {"A": "b"}, 0)}, ["set one --api ovh --data FILE --validation-delay 0"]),
    ("pbs", {"one": Plugin("ovh", {"A": "b"}, 0)}, ["remove one", "add dns one --api ovh --data FILE --validation-delay 0"]),
    ("pve", {"one": None}, ["remove one", "add dns one --api ovh --data FILE --validation-delay 0"]),
])
def test_plugins(product, plugins, acts):
    """Row 45. One that is disabled or no DNS plugin is made anew."""
    name = "one"
    assert commands(wanted(product, plugins={name: OVH}), found(product, plugins=plugins)) == [f"acme plugin {act}" for act in acts]


@pytest.mark.parametrize(("product", "node", "have", "command"), [
    ("pve", {"acmedomain0": "alias=c.example.org,plugin=one,domain=A.example.org"}, {"acmedomain0": "a.example.org,plugin=one,alias=c.example.org"}, None),
    ("pve", {"acme": "domains=b.example.org;a.example.org"}, {"acme": "account=default,domains=a.example.org;b.example.org"}, None),
    ("pve", {"acme": "domains=a.example.org"}, {}, "config set --acme account=default,domains=a.example.org"),
    ("pbs", {"acmedomain0": "a.example.org"}, {"acmedomain0": "b.example.org"}, "node update --acmedomain0 a.example.org"),
    ("pbs", {"acmedomain1": "a.example.org,alias=c.example.org,plugin=one"}, {"acmedomain0": "a.example.org", "acmedomain4": "b.example.org"},
     "node update --acmedomain1 a.example.org,plugin=one,alias=c.example.org --delete acmedomain0 --delete acmedomain4"),
    ("pve", {"acmedomain1": "a.example.org"}, {"acmedomain0": "a.example.org", "acmedomain5": "b.example.org"},
     "config set --acmedomain1 a.example.org --delete acmedomain0,acmedomain5"),
])
def test_domains(product, node, have, command):
    """Row 46: one command, or none where only the order of properties is another."""
    have = node_of({"acme": "account=default", **have} if have else {}, product)
    steps = commands(wanted(product, node=node, order=False), found(product, node=have, plugins={"one": Plugin("ovh", DATA, 30)}))
    assert steps == ([command] if command else [])


def test_a_plugin_that_nobody_defined():
    """Neither declared nor usable on the host: nothing is run."""
    for plugins in ({}, {"one": None}):
        with pytest.raises(InputError, match="^acmedomain0: there is no usable plugin 'one'. Declare it, or use one of standalone"):
            commands(wanted(node={"acmedomain0": "a.example.org,plugin=one"}), found(plugins=plugins))


def test_a_node_without_domains():
    """There is nothing to order."""
    with pytest.raises(InputError, match="^node: names no domain"):
        commands(wanted(node=None), found(node={}))
    assert commands(wanted(node=None, order=False), found(node={})) == []


def test_domains_that_are_there_are_ordered():
    """Row 26: without a declared node, the names are the node's own."""
    assert commands(wanted(node=None), found(node=node_of({"acmedomain0": "other.example.org"}, "pbs"))) == ["acme cert order --force true"]


@pytest.mark.parametrize(("said", "answer"), [
    ("Terms of Service: https://x\nDo you agree to the above terms? [y|N]", "y"), ("Do you want to use external account binding? [y|N]: ", "n"),
    ("Attempting to fetch", None), ("", None),
])
def test_answers_to_prompts(said, answer):
    """As each product words them."""
    found_answer = next_answer(said, prompts_of(wanted()))
    assert (found_answer and found_answer[0]) == answer


def test_a_binding_is_given_in_its_order():
    """The first prompt that is not answered yet comes first, whatever stands behind it."""
    prompts, said, answers = prompts_of(wanted(eab={"kid": "k1", "key": "m1", "alg": "HS256"})), "Enter EAB key id: Enter EAB key: ", []
    while answer := next_answer(said, prompts):
        answers.append(answer[0])
        said = said[answer[1]:]
    assert answers == ["k1", "m1"]
    with pytest.raises(InputError, match="^eab: "):
        next_answer("Enter EAB key id:", prompts_of(wanted()))
