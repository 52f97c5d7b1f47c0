# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a given certificate, chain and key can be put in service together. Pure.

Every way in which they cannot has a sentence of its own; nothing is written before all of it is asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Callable, NamedTuple

from .._core.durations import rfc3339
from .._core.errors import EvergreenError, PairRefused
from . import parse, path
from .keys import to_pem
from .kinds import LEAST_BITS, WEAK_DIGESTS
from .matching import covers

_NOTHING = "nothing was written"


class Rules(NamedTuple):
    """What is taken and what is not. names: canonical, those that the certificate must cover, none where none are declared.

    chain: `warn`, `required` or `ignore`, when no issuer is there. fetch(certificate): (its issuers from elsewhere, in order; why there are
    no more, or None); where it is None, nobody is asked.
    """

    allow_invalid_dates: bool = False
    allow_weak: bool = False
    names: tuple = ()
    chain: str = "warn"
    fetch: Callable | None = None


_USUAL = Rules()


class Material(NamedTuple):
    """A checked pair: PEM of the leaf with its chain behind it, PEM of the private key.

    notes: sentences on what was put right; warnings: sentences on what people should look at.
    """

    certificate: bytes
    key: bytes
    notes: tuple = ()
    warnings: tuple = ()

    def __repr__(self) -> str:
        return f"Material({self.certificate!r})"    # without the key


def material(certificates, key, now: datetime, where: str, rules: Rules = _USUAL) -> Material:
    """The pair of this key among certificates in any order, or PairRefused with the one sentence that says what is wrong."""
    try:
        return _Pair(certificates, key, now, where, rules).checked()
    except EvergreenError:
        raise
    except Exception as error:  # a key or name of a kind that the library cannot load, whatever it raises
        raise PairRefused(f"certificate, chain and key cannot be compared: {error}", where=where, way_out=f"Give another certificate; {_NOTHING}") from error


def without_key(certificates, now: datetime, where: str, rules: Rules = _USUAL) -> bytes:
    """The same of certificates whose key is elsewhere, the leaf in front, as far as that goes: PEM of the leaf with its chain behind it."""
    try:
        pair = _Pair(certificates, None, now, where, rules)
        way = pair.way_up(certificates[0])
        pair.missing(way)
        return _pem(way)
    except EvergreenError:
        raise
    except Exception as error:  # a name or signature of a kind that the library cannot load, whatever it raises
        raise PairRefused(f"certificate and chain cannot be compared: {error}", where=where, way_out=f"Give another certificate; {_NOTHING}") from error


def _pem(way: path.Path) -> bytes:
    return b"".join(one.public_bytes(parse.serialization.Encoding.PEM) for one in way.certificates)


class _Pair:
    def __init__(self, certificates, key, now: datetime, where: str, rules: Rules) -> None:
        self.given, self.key, self.now, self.where, self.rules = tuple(certificates), key, now, where, rules
        self.known = tuple(dict.fromkeys(self.given))
        self.notes: list = []
        self.fetch_says: str | None = None

    def checked(self) -> Material:
        leaf = self._leaf()
        self._refuse_authority(leaf)
        way = self.way_up(leaf)
        return Material(_pem(way), to_pem(self.key), tuple(self.notes), self.missing(way))

    def way_up(self, leaf) -> path.Path:
        self._refuse_dates(leaf, "the certificate")
        self._refuse_weak(leaf)
        self._refuse_names(leaf)
        return self._chain(leaf)

    def _refused(self, fact: str, way_out: str) -> PairRefused:
        return PairRefused(fact, where=self.where, way_out=f"{way_out}; {_NOTHING}")

    def _called(self, certificate) -> str:
        return f"certificate {self.given.index(certificate) + 1} ({parse.name_text(certificate.subject)[:100] or 'no subject'})"

    def _leaf(self):
        public = parse.public_bytes(self.key.public_key())
        mine = [one for one in self.known if parse.public_bytes(one.public_key()) == public]
        if not mine:
            raise self._refused("the private key does not belong to the certificate", "Give the certificate that was issued for this key")
        if len(mine) > 1:
            raise self._refused(f"{' and '.join(map(self._called, mine[:2]))} are both of this private key", "Give the one that is to be in service")
        return mine[0]

    def _refuse_authority(self, leaf) -> None:
        # A server's own certificate, as `openssl req -x509` makes it, calls itself an authority too; no root carries names.
        if path.may_sign(leaf) and not (parse.names_of(leaf) and path.is_own_issuer(leaf)):
            raise self._refused(f"the private key is that of {self._called(leaf)}, which is an authority's (CA:TRUE)",
                                "Give the key and the certificate of the service")

    def _refuse_dates(self, certificate, called: str) -> None:
        start, end = parse.dates(certificate)
        if not self.rules.allow_invalid_dates and not start <= self.now <= end:
            fact = f"{called} expired on {rfc3339(end)}" if self.now > end else f"{called} is not valid before {rfc3339(start)}"
            raise self._refused(fact, "Give a valid one, or set allow_invalid_dates")

    def _refuse_weak(self, leaf) -> None:
        kind, bits = parse.key_kind(leaf.public_key())
        least = LEAST_BITS.get({"EC": "ECC"}.get(kind, kind), 0)
        if not self.rules.allow_weak and "DSA" in kind:
            raise self._refused("its key is of type DSA, which TLS no longer knows", "Make a new key, of type EC or RSA")
        if not self.rules.allow_weak and bits is not None and bits < least:
            raise self._refused(f"its {kind} key has {bits} bits, less than {least}", "Make a new key, or set allow_weak")
        self._refuse_digest(leaf, "the certificate")

    def _refuse_digest(self, certificate, called: str) -> None:
        try:
            digest = certificate.signature_hash_algorithm
        except Exception:  # one that the library does not know, which is no reason to call it weak
            return
        if not self.rules.allow_weak and digest is not None and digest.name in WEAK_DIGESTS:
            raise self._refused(f"{called} is signed with {digest.name}, which clients no longer trust", "Have it issued anew, or set allow_weak")

    def _refuse_names(self, leaf) -> None:
        carried = parse.names_of(leaf) if self.rules.names else ()
        missing = [name for name in self.rules.names if not any(covers(one, name) for one in carried)]
        if missing:
            raise self._refused(f"the certificate does not carry {', '.join(name.split(':', 1)[1] for name in missing)}, which is declared",
                                "Have it issued for all declared names, or correct names")

    def _chain(self, leaf) -> path.Path:
        others = [one for one in self.known if one != leaf]
        way = path.build(leaf, others)
        if not way.complete and self.rules.fetch is not None:
            fetched, self.fetch_says = self.rules.fetch(way.certificates[-1])
            way = self._with_fetched(leaf, others, fetched)
        self._refuse_foreign(way, [one for one in others if one not in way.certificates])
        for issuer in way.certificates[1:]:
            # Whoever trusts a root asks neither for its dates nor for its signature.
            if not path.is_own_issuer(issuer):
                self._refuse_dates(issuer, self._named(issuer))
                self._refuse_digest(issuer, self._named(issuer))
        self._tell(way)
        return way

    def _with_fetched(self, leaf, others: list, fetched) -> path.Path:
        way = path.build(leaf, [*others, *fetched])
        # A root that nobody gave is not sent either (RFC 8446, 4.4.2).
        kept = tuple(one for one in way.certificates if one in self.given or not path.is_own_issuer(one))
        found = [one for one in kept if one not in self.given]
        self.notes += [f"{parse.name_text(one.subject)[:100]} was fetched and put into the chain" for one in found]
        return path.Path(kept, way.complete)

    def _named(self, certificate) -> str:
        return self._called(certificate) if certificate in self.given else f"the issuer that was fetched ({parse.name_text(certificate.subject)[:100]})"

    def _refuse_foreign(self, way: path.Path, spare: list) -> None:
        for one in spare:
            if any(path.are_twins(one, other) for other in way.certificates[1:]):
                self.notes.append(f"{self._called(one)} was left out: another certificate of the same issuer is in the chain")
            elif not path.may_sign(one) and not any(path.is_issuer(one, other) for other in self.known):
                raise self._refused(f"{self._called(one)} is of another service, with another key", "Give one certificate and its issuers")
            else:
                raise self._refused(f"{self._called(one)} issued none of those that lead up from the certificate: it is foreign, or one between is missing",
                                    "Give the chain that belongs to the certificate, whole, or set aia")

    def _tell(self, way: path.Path) -> None:
        if len(self.known) < len(self.given):
            self.notes.append("a certificate that stands there twice was taken once")
        if [one for one in self.known if one in way.certificates] != [one for one in way.certificates if one in self.known]:
            self.notes.append("the certificates were put in order: the leaf first, each issuer behind the one it issued")

    def missing(self, way: path.Path) -> tuple:
        if self.rules.chain == "ignore" or way.complete or len(way.certificates) > 1:
            return ()
        more = f", and {self.fetch_says}" if self.fetch_says else ""
        fact = f"no certificate of its issuer ({parse.name_text(way.certificates[0].issuer)[:100]}) is given{more}"
        if self.rules.chain == "required":
            raise self._refused(fact, "Give its chain, or set aia")
        return (f"{self.where}: {fact}; clients that do not know it turn away. Give its chain, or set chain to ignore",)
