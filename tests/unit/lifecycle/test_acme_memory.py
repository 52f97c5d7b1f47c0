# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle import acme_memory
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.acme_memory import Failure, Issued, Order, Remembered, Renewal, keep, load, read, written
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.renewal_info import RenewalInfo
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, SECOND, contents, lawful, tree

CA, OTHER_CA, ACCOUNT = "https://ca.example/dir", "https://other.example/dir", "https://ca.example/account/1"
ISSUED = Issued(CA, ACCOUNT)
RENEWAL = Renewal("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", NOW, NOW + 2 * DAY, NOW + DAY, NOW + SECOND, "https://ca.example/why", CA)
PROOF = {"name": "DNS:a.example", "type": "dns-01", "token": "t", "content": "c", "label": "_acme-challenge", "solver": "dns", "alias": None}
ORDER = Order("https://ca.example/order/7", CA, ACCOUNT, ("DNS:a.example", "DNS:*.a.example"), "shortlived", "x.y", NOW, (PROOF,))
FAILURE = Failure(CA, ACCOUNT, "DNS:a.example", 2, NOW, NOW + DAY, "no such name", "https://ca.example/unpause")
ALL = Remembered(ISSUED, RENEWAL, ORDER, (FAILURE,))


@pytest.fixture
def memory(tmp_path):
    return State(str(tmp_path / "state")).fresh("/tls/web.pem")


def test_nothing_is_remembered_of_a_new_certificate(memory):
    """Looking makes no folder."""
    assert load(memory) == Remembered() and not os.path.exists(memory.folder)


def test_what_is_kept_is_loaded(memory):
    """All parts come back as they were, also in another run."""
    keep(memory, **ALL._asdict())
    assert load(State(os.path.dirname(memory.folder)).of("/tls/web.pem")) == ALL


def test_parts_are_kept_one_by_one(memory):
    """A part changes alone, None or nothing forgets it, and what is the same is not written again."""
    keep(memory, **ALL._asdict())
    before = tree(memory.folder)
    keep(memory, issued=ISSUED)
    assert tree(memory.folder) == before
    keep(memory, order=None, failures=())
    assert load(memory) == ALL._replace(order=None, failures=())
    assert set(json.loads(*contents(memory.folder).values())) == {"format", "path", "issued", "renewal"}


def test_a_window_of_the_protocol_is_a_window_to_remember():
    """What the CA said, and the directory that was asked, in one record."""
    assert Renewal(*RenewalInfo(*RENEWAL[:6]), CA) == RENEWAL and Renewal._fields[:6] == RenewalInfo._fields


def test_an_order_that_the_ca_has_not_named_yet(memory):
    """It is noted before it is asked for."""
    keep(memory, order=ORDER._replace(url=None, account=None, profile=None, replaces=None, proofs=()))
    assert load(memory).order == Order(None, CA, None, ORDER.names, None, None, NOW)


@pytest.mark.parametrize(("part", "key", "value"), [
    ("issued", "directory", None), ("issued", "directory", "http://ca.example/dir"), ("issued", "directory", 5),
    ("renewal", "certificate_id", None), ("renewal", "certificate_id", ["a"]), ("renewal", "start", "soon"), ("renewal", "end", None),
    ("renewal", "instant", 5), ("renewal", "poll_at", "2026-02-30T00:00:00Z"),
    ("order", "directory", "file:///etc/passwd"), ("order", "created", "x"), ("order", "names", None), ("order", "names", []), ("order", "names", "ab"),
    ("order", "names", ["DNS:a\nb"]), ("order", "names", [["a"]]),
])
def test_a_damaged_part_is_not_there(part, key, value):
    """What is essential is wrong: this part is forgotten, and no other."""
    record = written(ALL)
    record[part][key] = value
    assert read(record) == ALL._replace(**{part: None})


@pytest.mark.parametrize(("key", "value"), [
    ("directory", None), ("count", 0), ("count", "2"), ("count", True), ("last", None), ("next_try", "2026-11-23"),
])
def test_a_damaged_failure_is_not_there(key, value):
    """The other failures are."""
    other = FAILURE._replace(name="DNS:b.example")
    record = written(ALL._replace(failures=(FAILURE, other)))
    record["failures"][0][key] = value
    assert read(record).failures == (other,)


@pytest.mark.parametrize(("part", "key", "value"), [
    ("issued", "account", "javascript:1"), ("renewal", "explanation", "a\x1b[31mb"), ("renewal", "directory", 7), ("order", "url", "//ca.example"),
    ("order", "url", ["x"]), ("order", "account", 1), ("order", "profile", {}), ("order", "replaces", "a\nb"),
])
def test_a_damaged_detail_is_left_out(part, key, value):
    """The part is of use without it."""
    record = written(ALL)
    record[part][key] = value
    assert read(record) == ALL._replace(**{part: getattr(ALL, part)._replace(**{key: None})})


@pytest.mark.parametrize("proofs", [None, "x", 5, {}])
def test_proofs_that_are_none(proofs):
    """An order goes on without them; what is no record among them is passed over."""
    record = written(ALL)
    record["order"]["proofs"] = proofs
    assert read(record).order == ORDER._replace(proofs=())
    record["order"]["proofs"] = [1, PROOF, None]
    assert read(record).order == ORDER


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=6), st.sampled_from(["2026-11-23T01:00:00Z", CA])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from([*RENEWAL._fields, *FAILURE._fields]), inner)), max_leaves=12)


@lawful
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Remembered._fields, _JSON)))
def test_law_no_damage_stops_a_run(record):
    """Whatever stands in the file, reading it gives a record; what it gives is written and read again as the same."""
    found = read(record)
    assert read(json.loads(json.dumps(written(found)))) == found


# Failures.

def test_failures_are_one_a_name():
    """A fresh failure takes the place of the one before it; those of other names, accounts and directories stay."""
    others = (FAILURE._replace(name="DNS:b.example"), FAILURE._replace(account=None), FAILURE._replace(directory=OTHER_CA))
    fresh = FAILURE._replace(count=3)
    assert set(acme_memory.with_failures((FAILURE, *others), [fresh])) == {fresh, *others}
    assert acme_memory.with_failures((FAILURE, *others), []) == acme_memory.with_failures((*others, FAILURE), [])


def test_a_success_forgets_what_it_settles():
    """Failures of its names and of the whole order at this directory are gone; those of other names and directories are not."""
    whole, other_name, elsewhere = FAILURE._replace(name=""), FAILURE._replace(name="DNS:b.example"), FAILURE._replace(directory=OTHER_CA)
    assert acme_memory.without_failures((FAILURE, whole, other_name, elsewhere), CA, ("DNS:a.example",)) == (other_name, elsewhere)
