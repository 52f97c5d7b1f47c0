# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One certificate on its way from look to installation: what is known of it, and what follows from that. Pure."""

from __future__ import annotations

from .._challenges.choice import choose, rows_of
from .._challenges.kinds import Solver, checked
from .._core.errors import EvergreenError, InputError
from .._lifecycle.acme_memory import Remembered, read
from .._protocol.errors import IssuerError, NotReady
from .._x509.names import parse_name
from .acme_wishes import Item, items_of

# For playbooks that publish by their own means: a kind that serves each type, none of which is ever run.
_BY_HAND = {"http-01": "webroot", "dns-01": "command", "tls-alpn-01": "tls_alpn", "dns-persist-01": "persist", "dns-account-01": "command"}


class Work:
    """It changes as it goes. look: the host's answer; error: why it cannot go on; issued: what the CA gave; installed: the host's answer to that.

    rows: of its challenges. proofs: what is noted on the host as shown, rows of a Proof's fields, `solver` and `alias`; hidden: whether what of it is
    shown from where the conversation runs is taken away; noted: the order in flight, as it is noted.
    """

    def __init__(self, item: Item, rows: tuple, state: str, force: bool) -> None:
        self.item, self.rows, self.state, self.force = item, rows, state, force
        self.look: dict = {}
        self.polled: dict | bool | None = None
        self.error: EvergreenError | None = None
        self.remembered = Remembered()
        self.chosen: dict = {}
        self.proofs: list = []
        self.hidden = False
        self.noted: dict | None = None
        self.issued = None
        self.installed: dict | None = None
        self.directory: str | None = None
        self.order_url: str | None = None
        self.account_uri: str | None = None
        self.challenges: list | None = None
        self.plan: dict | None = None
        self.warnings: list = []

    @property
    def resumed_url(self) -> str | None:
        """The URL of the order that was in flight when the host was looked at."""
        return self.remembered.order.url if self.remembered.order else None

    @property
    def names(self) -> tuple:
        """In house form."""
        return tuple(self.look["names"])

    @property
    def in_place(self) -> str | None:
        """The fingerprint of the certificate that was there when the host was looked at."""
        return self.look["answer"]["fingerprint"]

    @property
    def by_hand(self) -> bool:
        """Whether somebody else shows the proofs."""
        return self.state != "present"

    @property
    def acts(self) -> bool:
        """Whether anything is to be done at the CA or on the host."""
        return self.orders or self.left_over or self.deploys

    @property
    def deploys(self) -> bool:
        """Whether a pair that was set aside is put in service."""
        return self.error is None and self.look["deploy"]

    @property
    def left_over(self) -> bool:
        """Whether a killed run has left an order that nobody needs any more."""
        return self.error is None and self.remembered.order is not None and not self.look["order_due"]

    @property
    def orders(self) -> bool:
        """Whether an order is still to be tried: nothing has come of it, and what went wrong may be one CA's affair."""
        if not self.look.get("order_due") or self.issued is not None or self.challenges is not None:
            return False
        return self.error is None or (isinstance(self.error, IssuerError) and not isinstance(self.error, NotReady))

    @property
    def directories(self) -> tuple:
        """In the order in which they are tried: first the one where an order is in flight, and for `completed` no other."""
        order = self.remembered.order
        if order is None or order.directory not in self.item.directories:
            return self.item.directories
        others = tuple(one for one in self.item.directories if one != order.directory)
        return (order.directory,) if self.state == "completed" else (order.directory, *others)

    @property
    def ca_in_place(self) -> str:
        """The directory of the CA that issued the certificate in place, as far as it is known."""
        issued = self.remembered.issued
        return issued.directory if issued is not None else self.item.directories[0]

    def looked(self, answer: dict) -> None:
        """Takes the host's answer. Raises InputError where no row of the challenges serves a name, and where nothing was prepared."""
        self.look, self.remembered = answer, read(answer["memory"])
        self.proofs = list(self.remembered.order.proofs) if self.remembered.order else []
        if self.state == "completed" and answer["order_due"] and self.remembered.order is None:
            raise InputError("no order is prepared", where="state", way_out="Run it with state: prepared first, and publish what it returns")
        if answer["order_due"]:
            self.chosen = choose(self.names, self.rows)

    def resumed(self, directory: str, account: str) -> str | None:
        """The URL of an order in flight that may be gone on with."""
        order = self.remembered.order
        same = order is not None and (order.directory, order.account, order.profile) == (directory, account, self.item.profile)
        return order.url if same else None

    def replaces(self, directory: str, account: str | None, offers: bool) -> str | None:
        """The certificate in place, where it came from the same CA, by the same account, and that knows renewal windows (RFC 9773, 5)."""
        issued = self.remembered.issued
        same = issued is not None and (issued.directory, issued.account) == (directory, account)
        return self.look["replaces"] if offers and same else None


def works_of(options: dict, typed) -> list:
    """The Works of the options. Raises InputError with the place of a mistake: before a host or a CA is asked."""
    solvers = checked(options["solvers"])
    works = []
    for item in items_of(options, typed):
        try:
            rows = _rows(item.challenges, solvers, options["state"])
            declared = item.declared.get("names")
            if declared and not any(item.csr.values()):
                choose([parse_name(one, "names") for one in declared], rows)
        except InputError as error:
            raise InputError(error.fact, where=f"{item.place}: {error.where}" if item.place else error.where, way_out=error.way_out) from error
        works.append(Work(item, rows, options["state"], options["force"]))
    return works


def _rows(challenges, solvers: dict, state: str) -> tuple:
    if state == "present":
        return rows_of(challenges, solvers)
    by_hand = {kind: Solver(kind, {}) for kind in set(_BY_HAND.values())}
    if not isinstance(challenges, list) or not all(isinstance(row, dict) for row in challenges):
        return rows_of(challenges, {**by_hand, **solvers})
    return rows_of([{"solver": _BY_HAND.get(row.get("type")), **{key: value for key, value in row.items() if value is not None}} for row in challenges],
                   {**by_hand, **solvers})


def step_of(work: Work, step: str, **more) -> dict:
    """A step for the host (room `acme_place`)."""
    item, told = work.item, work.look.get("answer") or {}
    return {"step": step, "place": item.place, "certificate": item.declared, "path": told.get("path"), "force": work.force, "reuse_key": item.reuse_key,
            "csr": item.csr, **more}


def grouped(works: list, key) -> list:
    """[(key, works)], in the order in which the keys come first."""
    found: dict = {}
    for work in works:
        found.setdefault(key(work), []).append(work)
    return list(found.items())
