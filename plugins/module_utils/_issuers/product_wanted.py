# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared for a product's own ACME client, held against what its schema takes (proxmox-formats 1.8, 3.3, 5). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._challenges import acmesh_data
from .._challenges.kinds import secrets_of
from .._core.errors import EvergreenError, InputError
from .._core.options import DIRECTORIES
from .._x509.products import PRODUCTS
from .product_words import STANDALONE, domains_of, plugin_of, properties

# A leading _ hides an account from the list: so the products keep those that they have deactivated.
_ID, _PVE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"), re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,99}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# An alias is a name of the DNS, underscores too.
_ALIAS_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~][A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]*@[A-Za-z0-9.-]+")


class Plugin(NamedTuple):
    """A DNS plugin. data: KEY -> VALUE, secret. delay: seconds."""

    api: str
    data: dict
    delay: int

    def __repr__(self) -> str:
        return f"Plugin({self.api})"


class Wanted(NamedTuple):
    """The declared state. contact: mail addresses, None for any. eab: (key identifier, MAC key) or None. node: {"acme": {account, domains},
    "acmedomain0": …} as `node_of` has it, None where it is not declared. kind: pmg's api or smtp, None for the others."""

    product: str
    account: str
    directory: str
    contact: tuple | None
    terms_agreed: bool
    eab: tuple | None
    plugins: dict
    node: dict | None
    kind: str | None
    order: bool
    force: bool

    def __repr__(self) -> str:
        return f"Wanted({self.product}, {self.account})"


def wanted_of(options: dict) -> Wanted:
    """What a module's options declare. Raises InputError."""
    product = options["product"]
    node = _node(options["node"], product)
    account = node["acme"]["account"] if node else (options["account"] or "default")
    if node and options["account"] not in (None, account):
        raise InputError(f"is {options['account']!r}, but the node's line acme says {account!r}", where="account", way_out="Leave account out")
    _identifier(account, product, "account")
    directory = DIRECTORIES.get(options["directory"], options["directory"])
    if not re.fullmatch(r"https?://[A-Za-z0-9._~:/?@!$&'()*+,;=%\[\]-]+", directory):
        raise InputError(f"{directory!r} is no URL", where="directory", way_out=f"Give the URL of an ACME directory, or {' or '.join(sorted(DIRECTORIES))}")
    if (options["usage"] is not None) != (product == "pmg"):
        raise InputError("says which certificate of Mail Gateway is ordered" if product != "pmg" else "is missing", where="usage",
                         way_out="Leave it out" if product != "pmg" else "Give api or smtp")
    return Wanted(product, account, directory, _contact(options["contact"]), options["terms_agreed"], _eab(options["eab"]),
                  _plugins(options["plugins"] or {}, product), node, options["usage"], options["order"], options["force"])


def node_of(config: dict, product: str) -> dict:
    """`acme` and `acmedomainN` of a node's configuration, as far as they stand there, whatever the order of their properties. Raises InputError."""
    rows = domains_of(config, product)
    acme = properties(config.get("acme", ""), "acme", None)
    plain = tuple(sorted(row["domain"] for row in rows if row["where"] == "acme: domains"))
    numbered = {row["where"]: {key: row[key] for key in ("domain", "plugin", "alias", "usage")} for row in rows if row["where"] != "acme: domains"}
    return {**({"acme": {"account": acme.get("account", "default"), "domains": plain}} if "acme" in config else {}), **numbered}


def names_of(node: dict) -> frozenset:
    """The names that a certificate for this node carries."""
    return frozenset(name for key, row in node.items() for name in (row["domains"] if key == "acme" else [row["domain"]]))


def _node(given, product: str) -> dict | None:
    if given is None:
        return None
    if product not in ("pbs", "pve"):
        raise InputError(f"the command line of {PRODUCTS[product].label} is not known to configure domains", where="node",
                         way_out="Configure them in its web interface, and leave node out; or let acme_order issue")
    for key in given:
        if key != "acme" and not re.fullmatch("acmedomain[0-9]+", key):
            raise InputError(f"{key!r} is not about ACME", where="node", way_out="Give acme and acmedomain0, acmedomain1, …")
    _known_properties(given.get("acme", ""), product)
    # Without a line acme, older versions of Proxmox VE order nothing.
    given = {"acme": "account=default", **given}
    node = node_of(given, product)
    for row in domains_of(given, product):
        _check_domain(row, product)
    if not names_of(node):
        raise InputError("names no domain", where="node", way_out="Give acmedomain0")
    return node


def _known_properties(text, product: str) -> None:
    allowed = ("account", "domains") if product == "pve" else ("account",)
    for key in properties(text, "acme", None):
        if key not in allowed:
            raise InputError(f"{key!r} is not known to {PRODUCTS[product].label}", where="acme", way_out=f"Use {' and '.join(allowed)}, and acmedomain0 …")


def _check_domain(row: dict, product: str) -> None:
    where = row["where"]
    if "*" in row["domain"]:
        raise InputError(f"{PRODUCTS[product].label} takes no wildcard for a domain", where=where, way_out="Let acme_order issue, with the filter proxmox_acme")
    labels = row["domain"].split(".")
    if len(row["domain"]) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InputError(f"{row['domain']!r} is no host name", where=where, way_out="Give one, an international one as xn--…")
    if product == "pve" and len(labels) < 2:
        raise InputError(f"{row['domain']!r} has one label, and {PRODUCTS[product].label} wants two", where=where, way_out="Give the whole name")
    if row["usage"]:
        raise InputError("usage is a property of Mail Gateway's", where=where, way_out="Leave it out")
    if row["alias"] and not all(map(_ALIAS_LABEL.fullmatch, row["alias"].split("."))):
        raise InputError("its alias is no name", where=where, way_out="Give the domain behind _acme-challenge.")
    if row["plugin"] != STANDALONE:
        _identifier(row["plugin"], product, where)


def _identifier(text: str, product: str, where: str) -> None:
    if not (_PVE_ID if product in ("pve", "pmg") else _ID).fullmatch(text):
        raise InputError(f"{text!r} is no identifier that {PRODUCTS[product].label} takes", where=where,
                         way_out="Begin with a letter; go on with letters, digits, _ and -")


def _contact(given) -> tuple | None:
    for address in given or ():
        if not _MAIL.fullmatch(address.removeprefix("mailto:")):
            raise InputError(f"{address!r} is no mail address", where="contact", way_out="Give addresses, each an item of the list")
    return None if given is None else tuple(sorted({address.removeprefix("mailto:") for address in given}))


def _eab(given) -> tuple | None:
    if given is None:
        return None
    for key in ("kid", "key"):
        # It is typed into a terminal.
        if not given[key].isprintable() or not given[key].strip() or len(given[key]) > 1000:
            raise InputError("cannot be typed in", where=f"eab.{key}", way_out="Give one line, as the CA handed it out")
    if given["alg"] != "HS256":
        raise InputError("the products bind with HS256 alone", where="eab.alg", way_out="Leave it out, or let acme_account register")
    return given["kid"].strip(), given["key"].strip()


def _plugins(given: dict, product: str) -> dict:
    found = {}
    for name, settings in given.items():
        where = f"plugins: {name}"
        if name == STANDALONE or not isinstance(settings, dict):
            raise InputError("is there without being defined" if name == STANDALONE else "is no dictionary", where=where,
                             way_out="Leave it out" if name == STANDALONE else "Give api, data and validation-delay")
        _identifier(name, product, where)
        if settings.get("type", "dns") != "dns" or "nodes" in settings:
            raise InputError("only DNS plugins for all nodes are declared here", where=where, way_out="Leave type and nodes out")
        api, data, delay = plugin_of(name, settings)
        try:
            pairs = acmesh_data.pairs(data)
        except EvergreenError as error:
            raise InputError(error.fact, where=f"{where}: {error.where}", way_out=error.way_out) from None
        if not pairs:
            raise InputError("has no data", where=where, way_out="Give KEY=VALUE lines")
        found[name] = Plugin(api, pairs, delay)
    return found


def hidden(plugins) -> list:
    """All texts of the raw option that no output may hold: data, and what is not known, which may be misspelt."""
    public = ("type", "api", "validation-delay", "disable", "nodes")
    given = plugins.items() if isinstance(plugins, dict) else ()
    return secrets_of({name: {key: value for key, value in one.items() if key not in public} if isinstance(one, dict) else one for name, one in given})


def warnings(wanted: Wanted) -> list:
    """Sentences about what the products allow and their script for DNS does not do as meant (seed 001; proxmox-formats 4.1)."""
    found = []
    for name, plugin in wanted.plugins.items():
        told = list(acmesh_data.warnings(plugin.api, plugin.data))
        told += [f"data: {key}: Proxmox's script may cut it at its first blank, or expand it" for key, value in plugin.data.items()
                 if re.search(r"[\s*?\[]", value)]
        found += [f"plugins: {name}: {one}" for one in told]
    return found
