# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The solver by dynamic updates (RFC 2136) signed with a shared key (TSIG, RFC 8945): BIND, Knot, PowerDNS, Windows and others take them."""

from __future__ import annotations

import base64
import binascii
import contextlib

from .._core.errors import EvergreenError, InputError
from .dns_look import endpoints, plain, require_dnspython, told
from .dns_names import below, domain, parents
from .dns_solver import DnsSolver
from .errors import SolverFailed

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.tsig
    import dns.update
except ImportError:
    pass        # require_dnspython says it

ALGORITHMS = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
# Values in one message: far below the 64 KiB of TCP.
_AT_ONCE = 100
_WAYS_OUT = {
    "REFUSED": "Allow the key to update TXT records of this zone on the server",
    "NOTAUTH": "Name a server that is primary for this zone, and a key that it knows",
    "NOTZONE": "Correct zone: the name does not lie in it",
    "SERVFAIL": "Look into the server's log: its zone may be frozen, or its files not writable",
}


class Rfc2136(DnsSolver):
    """settings: server (each of several must accept), port, zone (else by SOA), tsig_name, tsig_algorithm, tsig_secret, ttl, timeout."""

    def __init__(self, settings: dict, edge, *more):
        super().__init__(settings, edge, *more)
        require_dnspython()
        self._key = _key(settings)
        self._zone = domain(settings["zone"], "zone") if settings["zone"] else None

    def _add(self, places) -> None:
        self._send(places, lambda update, name, value: update.add(name, self.settings["ttl"], "TXT", f'"{value}"'))

    def _remove(self, places) -> None:
        self._send(places, lambda update, name, value: update.delete(name, "TXT", f'"{value}"'))

    def _send(self, places, act) -> None:
        """All values at all servers; each is tried. Raises the first error."""
        failed = []
        for text, (address, port) in zip(self.settings["server"], endpoints(self.settings["server"], self.settings["port"], "server")):
            try:
                for zone, rows in self._by_zone(places, address, port, text).items():
                    for start in range(0, len(rows), _AT_ONCE):
                        self._update(zone, rows[start:start + _AT_ONCE], act, address, port, text)
            except EvergreenError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def _by_zone(self, places, address: str, port: int, text: str) -> dict:
        """Zone -> [(name, value)]."""
        found: dict = {}
        for place in places:
            zone = self._zone or self._soa(place.name, address, port, text)
            found.setdefault(zone, []).extend((place.name, value) for value in place.record.values)
        return found

    def _soa(self, name: str, address: str, port: int, text: str) -> str:
        """The zone that a name lies in, as the server itself has it: it may serve some that no resolver knows. Raises SolverFailed."""
        said = []
        for candidate in parents(name):
            query = dns.message.make_query(f"{candidate}.", "SOA")
            query.flags &= ~dns.flags.RD
            answer = self._unsigned_first(query, address, port, text)
            # Of a name without records, the zone stands in the authority section (RFC 2308, 2).
            for rrset in (*answer.answer, *answer.authority):
                if rrset.rdtype == dns.rdatatype.SOA and answer.flags & dns.flags.AA and below(candidate, plain(rrset.name)):
                    return plain(rrset.name)
            said.append(dns.rcode.to_text(answer.rcode()))
        raise SolverFailed(f"serves no zone of {name} ({', '.join(dict.fromkeys(said))})", where=f"server {text}",
                           way_out="Name the server that is primary for it, or the zone with zone")

    def _unsigned_first(self, query, address: str, port: int, text: str):
        """An answer to a plain question; one that is refused is asked again with the key, which some servers want to see even then."""
        answer = self._asked(query, address, port, text, None)
        if answer.rcode() == dns.rcode.REFUSED and self._key:
            with contextlib.suppress(SolverFailed):
                return self._asked(query, address, port, text, self._key)
        return answer

    def _update(self, zone: str, rows, act, address: str, port: int, text: str) -> None:
        update = dns.update.UpdateMessage(f"{zone}.")
        for name, value in rows:
            act(update, dns.name.from_text(f"{name}."), value)
        code = dns.rcode.to_text(self._asked(update, address, port, text, self._key).rcode())
        if code != "NOERROR":
            raise SolverFailed(f"does not take the update of {zone}: {code}", where=f"server {text}",
                               way_out=_WAYS_OUT.get(code, "Look into the server's log"))

    def _asked(self, message, address: str, port: int, text: str, key):
        """The answer over TCP, whose length needs no second thought. Raises SolverFailed."""
        if key:
            message.use_tsig(key)
        try:
            answer = dns.query.tcp(message, address, self.settings["timeout"], port)
        except dns.tsig.PeerBadTime:
            raise SolverFailed("refuses the time of this machine's signature", where=f"server {text}", way_out="Set both clocks") from None
        except (dns.tsig.PeerError, dns.tsig.BadSignature) as error:
            raise SolverFailed(f"does not accept the key {self.settings['tsig_name']}: {type(error).__name__}", where=f"server {text}",
                               way_out="Correct tsig_name, tsig_algorithm and tsig_secret, or let the server accept the key for updates") from None
        except Exception as error:  # the library raises more than its own at hostile bytes
            raise SolverFailed(f"cannot be asked: {told(error)}", where=f"server {text}",
                               way_out=f"Check server and port, and that it answers over TCP on port {port}") from None
        if key and not answer.had_tsig:
            # Older releases of the library let such an answer pass; anybody on the way could have sent it (RFC 8945, 5.3).
            raise SolverFailed(f"answers {dns.rcode.to_text(answer.rcode())} without TSIG", where=f"server {text}", way_out="Name a server that knows the key")
        return answer


def _key(settings: dict) -> dns.tsig.Key | None:
    """The key of the settings; None without a key. Raises InputError, which shows nothing of the secret."""
    name, secret, algorithm = settings["tsig_name"], settings["tsig_secret"], settings["tsig_algorithm"].lower().rstrip(".")
    if name is None and secret is None:
        return None
    if name is None or secret is None:
        raise InputError("is missing", where="tsig_name" if name is None else "tsig_secret", way_out="Give both tsig_name and tsig_secret, or neither")
    if algorithm not in ALGORITHMS:
        raise InputError(f"{algorithm!r} is not known", where="tsig_algorithm", way_out=f"Use {', '.join(ALGORITHMS)}")
    try:
        raw, key_name = base64.b64decode("".join(secret.split()), validate=True), dns.name.from_text(name)
    except (binascii.Error, ValueError):
        raise InputError("is not base64", where="tsig_secret", way_out="Give what tsig-keygen wrote after `secret`") from None
    except dns.exception.DNSException:
        raise InputError(f"{name!r} is no name of a key", where="tsig_name", way_out="Give what tsig-keygen wrote after `key`") from None
    return dns.tsig.Key(key_name, raw, f"{algorithm}.")
