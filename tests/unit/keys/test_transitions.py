# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, HostError, InputError, KeyRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys.sync_keys import Entry
from ansible_collections.evergreen.pki.plugins.module_utils._keys.transitions import Seen, decide
from ansible_collections.evergreen.pki.plugins.module_utils._keys.wishes import Wish
from ansible_collections.evergreen.pki.plugins.module_utils._keys.words import ACTIONS, STATES

ONE, OTHER = ":".join(["1a"] * 32), ":".join(["2b"] * 32)
ACTIVE = Entry("abc", "none", 1, 1, ONE, None, "/store/encryption-keys/abc.enc", None)
ARCHIVED = ACTIVE._replace(archived_at=5)
ESCROW = {"age": ["age1x"], "master_keys": []}


def action(state, entry=None, wish=None, **seen) -> str:
    return decide(Wish("abc", state, "none", **(wish or {})), Seen("/store/encryption-keys.cfg", entry, **seen))


@pytest.mark.parametrize(("state", "missing", "active", "archived"), [
    ("present", "create", "none", "none"), ("active", "create", "none", "restore"), ("archived", "there is no key", "archive", "none"),
    ("absent", "none", "still active", "delete"), ("prepared", "prepare", "none", "none"), ("loadable", "there is no key", "none", "none"),
])
def test_what_each_state_asks_for(state, missing, active, archived):
    """Seed 003's operations as states: what there is already is left alone, and a key that is archived is never archived again."""
    for entry, expected in ((None, missing), (ACTIVE, active), (ARCHIVED, archived)):
        if " " in expected:
            with pytest.raises(HostError, match=expected) as caught:
                action(state, entry)
            assert caught.value.where == "/store/encryption-keys.cfg" and caught.value.way_out
        else:
            assert action(state, entry) == expected


@pytest.mark.parametrize("entry", [None, ACTIVE, ARCHIVED])
@pytest.mark.parametrize("state", STATES)
def test_what_was_done_need_not_be_done_again(state, entry):
    """The state after an action asks for nothing more."""
    after = {"create": (ACTIVE, None), "archive": (ARCHIVED, None), "restore": (ACTIVE, None), "delete": (None, None), "prepare": (None, ONE)}
    try:
        done = action(state, entry)
    except HostError:
        return
    left, pending = after.get(done, (entry, None))
    assert action(state, left, pending=pending) == ("prepare" if done == "prepare" else "none")


# Refusals.

@pytest.mark.parametrize(("state", "entry", "wish", "seen", "kind", "says"), [
    pytest.param("archived", ACTIVE, {}, {"active_in": ("s-1", "s-2")}, HostError, r"2 sync jobs \(s-1, s-2\)", id="archived while jobs encrypt with it"),
    pytest.param("absent", ARCHIVED, {}, {"active_in": ("s-1",)}, HostError, r"1 sync job \(s-1\)", id="deleted while a job encrypts with it"),
    pytest.param("absent", ARCHIVED, {}, {"associated_in": tuple("abcdefg")}, HostError, r"7 sync jobs \(a, b, c, d, e, …\)", id="or needs it to read"),
    pytest.param("absent", ARCHIVED, {}, {"active_in": ("s-1",), "associated_in": ("s-1",)}, HostError, r"1 sync job \(s-1\)", id="or both"),
    pytest.param("absent", ARCHIVED._replace(path=None), {}, {}, HostError, "no path", id="deleted without a path"),
    pytest.param("loadable", ACTIVE._replace(path=None), {}, {}, HostError, "no path", id="loaded without a path"),
    pytest.param("loadable", ARCHIVED, {"fail_on_archived": True}, {}, HostError, "is archived", id="loaded for encryption, but archived"),
    pytest.param("present", None, {"rewrap": True}, {}, HostError, "there is no key abc", id="wrapped anew, but not there"),
    pytest.param("present", ACTIVE, {}, {"given": OTHER}, InputError, f"already exists, with another fingerprint .{ONE}", id="another key of the same id"),
    pytest.param("active", ARCHIVED, {}, {"given": OTHER}, InputError, "never exchanged", id="the same for an archived one"),
    pytest.param("prepared", ACTIVE, {}, {"given": OTHER}, InputError, "never exchanged", id="and for one to be prepared"),
    pytest.param("present", ACTIVE._replace(fingerprint=None), {}, {"given": OTHER}, InputError, "unknown", id="a listed key of no fingerprint"),
    pytest.param("present", None, {}, {"given": OTHER, "pending": ONE}, InputError, "already prepared", id="another key than the prepared one"),
    pytest.param("prepared", None, {}, {"given": OTHER, "pending": ONE}, InputError, "already prepared", id="the same, again prepared"),
    pytest.param("present", None, {"escrow": ESCROW}, {}, HostError, "no key is prepared", id="escrow wished for, nothing prepared"),
    pytest.param("present", None, {"escrow": ESCROW}, {"pending": ONE}, HostError, "not proven", id="escrow wished for, not proven"),
    pytest.param("active", None, {}, {"pending": ONE, "held": True}, HostError, "not proven", id="escrow forgotten in the second call"),
    pytest.param("present", None, {"proven": ONE}, {}, HostError, "no key is prepared", id="a proof of nothing"),
    pytest.param("present", None, {"proven": OTHER}, {"pending": ONE, "held": True}, KeyRefused, "proof is of another key", id="a proof of another key"),
    pytest.param("present", None, {"proven": OTHER, "escrow": ESCROW}, {"pending": ONE}, KeyRefused, "proof is of another key", id="the same with escrow"),
    pytest.param("present", ACTIVE, {"proven": OTHER}, {}, KeyRefused, "proof is of another key", id="a proof of another key than the stored one"),
])
def test_refusals(state, entry, wish, seen, kind, says):
    """What the seed, the shipped product and our escrow refuse, each with its reason, where, and the way out."""
    with pytest.raises(kind, match=says) as caught:
        action(state, entry, wish, **seen)
    assert caught.value.where and caught.value.way_out


@pytest.mark.parametrize(("state", "entry", "wish", "seen", "expected"), [
    pytest.param("archived", ARCHIVED, {}, {"active_in": ("s-1",)}, "none", id="archived already: never asked again"),
    pytest.param("archived", ACTIVE, {}, {"associated_in": ("s-1",)}, "archive", id="needed to read only"),
    pytest.param("loadable", ARCHIVED, {}, {}, "none", id="archived keys can be loaded"),
    pytest.param("present", ACTIVE._replace(fingerprint=ONE.upper()), {"proven": ONE}, {"given": ONE}, "none", id="the same key, listed in upper case"),
    pytest.param("present", None, {"proven": ONE}, {"pending": ONE, "held": True}, "create", id="proven"),
    pytest.param("active", None, {"proven": ONE, "escrow": ESCROW}, {"pending": ONE, "held": True}, "create", id="proven, and still wished for"),
    pytest.param("present", None, {}, {"pending": ONE}, "create", id="what a killed run kept"),
    pytest.param("present", None, {}, {"pending": ONE, "given": ONE}, "create", id="the same, imported"),
    pytest.param("present", None, {}, {"unfinished": True}, "create", id="what a killed run deleted may be made again"),
    pytest.param("absent", None, {}, {"unfinished": True}, "delete", id="a deletion that was killed is ended"),
    pytest.param("absent", None, {}, {"pending": ONE}, "drop", id="a key that never was stored"),
    pytest.param("absent", None, {}, {"pending": ONE, "held": True}, "drop", id="also with an escrow"),
    pytest.param("absent", None, {}, {"unfinished": True, "pending": ONE}, "delete", id="both"),
    pytest.param("present", ACTIVE, {"rewrap": True}, {}, "rewrap", id="wrapped anew"),
    pytest.param("present", ARCHIVED, {"rewrap": True}, {}, "rewrap", id="archived keys, too"),
    pytest.param("prepared", None, {"escrow": ESCROW}, {"pending": ONE, "held": True}, "prepare", id="prepared again, perhaps for others"),
    pytest.param("present", ACTIVE, {"escrow": ESCROW}, {}, "none", id="a key that is stored needs no proof"),
])
def test_what_may_be_done(state, entry, wish, seen, expected):
    """The neighbours of the refusals."""
    assert action(state, entry, wish, **seen) == expected


def test_a_stale_digest_stops_everything():
    """Whoever says what he has looked at is told when it is not so any more, even where nothing would be done."""
    for state, entry in itertools.product(STATES, (None, ACTIVE, ARCHIVED)):
        with pytest.raises(HostError, match="changed since its digest was read"):
            action(state, entry, {"digest": "0" * 64}, digest="1" * 64)
    assert action("present", None, {"digest": "1" * 64}, digest="1" * 64) == "create"


def test_every_action_is_a_word_of_the_list():
    """What programs compare is closed; nothing that may not be is silently allowed."""
    seen = set()
    for state, entry, pending, held, unfinished, proven in itertools.product(
            STATES, (None, ACTIVE, ARCHIVED), (None, ONE), (False, True), (False, True), (None, ONE, OTHER)):
        wish = {"proven": proven} if proven and state in ("present", "active") else {}
        try:
            seen.add(action(state, entry, wish, pending=pending, held=held and pending is not None, unfinished=unfinished))
        except EvergreenError as error:
            assert error.where and error.way_out
    seen.add(action("present", ACTIVE, {"rewrap": True}))
    assert seen == set(ACTIONS)
