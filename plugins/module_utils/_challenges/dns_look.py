# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the DNS says: where a record really is, who serves its zone, what a server shows of it, what CAA records allow."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from .._core.errors import EvergreenError, LibraryMissing, printable
from .dns_names import Place, Record, Server, address_and_port, parents
from .errors import SolverFailed

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.resolver
    MISSING = None
except ImportError as _error:
    MISSING = _error

TIMEOUT = 5.0           # seconds that one server may take for one answer
MOST_HOPS = 16          # of CNAMEs, as resolvers have it
AT_ONCE = 16            # questions under way
_WAY_OUT = "Name resolvers that answer in propagation.resolvers, or wait a fixed time with mode: delay"


class Shown(NamedTuple):
    """What one server shows at one name. values: its TXT records. problem: why there is no answer, '' where there is one."""

    values: frozenset
    problem: str = ""


def require_dnspython() -> None:
    """Raises LibraryMissing, with the names of the packages, where dnspython cannot be imported."""
    if MISSING is not None:
        raise LibraryMissing(f"the Python library dnspython cannot be imported ({MISSING})", where="host",
                             way_out="Install Debian's python3-dnspython, or `pip install dnspython` for Ansible's Python") from MISSING


def addresses(host: str, where: str) -> list:
    """The addresses of a host, by the machine's own ways. Raises SolverFailed."""
    try:
        return list(dict.fromkeys(row[4][0] for row in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)))
    except (OSError, UnicodeError) as error:
        raise SolverFailed(f"{host} has no address: {error}", where=where, way_out="Correct the name, or give an address") from None


def endpoints(servers: Iterable, port: int, where: str) -> list:
    """[(address, port)] of servers given as text, the first address of each. Raises InputError, SolverFailed."""
    found = []
    for text in servers:
        host, number = address_and_port(text, port, where)
        found.append((addresses(host, where)[0], number))
    return found


class Look:
    """Questions to resolvers, those of the machine where none are given (`address`, `address:port`). Raises InputError, LibraryMissing, SolverFailed."""

    def __init__(self, resolvers: Iterable = (), timeout: float = TIMEOUT):
        require_dnspython()
        self.timeout = timeout
        given = endpoints(resolvers, 53, "propagation: resolvers")
        try:
            self._resolver = dns.resolver.Resolver(configure=not given)
        except (dns.exception.DNSException, OSError) as error:
            raise SolverFailed(f"this machine has no resolver: {error}", where="/etc/resolv.conf", way_out=_WAY_OUT) from None
        if given:
            self._resolver.nameservers = [address for address, _port in given]
            self._resolver.nameserver_ports = dict(given)
        self._resolver.timeout, self._resolver.lifetime = timeout, 3 * timeout

    def _ask(self, name: str, kind: str):
        """The records of a name, CNAMEs followed; empty where there are none. Raises SolverFailed where nobody knows."""
        try:
            return self._resolver.resolve(f"{name}.", kind, raise_on_no_answer=False, search=False).rrset or ()
        except dns.resolver.NXDOMAIN:
            return ()
        except Exception as error:  # the library raises more than its own at hostile bytes
            raise SolverFailed(f"{kind} of {name} cannot be looked up: {told(error)}", where="resolver", way_out=_WAY_OUT) from None

    def follow(self, name: str) -> tuple:
        """The name and every target of a CNAME after it; a DNAME shows as the CNAMEs that come of it. Raises SolverFailed, also for a circle."""
        hops = [name]
        while True:
            target = next((plain(one.target) for one in self._ask(hops[-1], "CNAME")), None)
            if target is None:
                return tuple(hops)
            if target in hops or len(hops) > MOST_HOPS:
                raise SolverFailed(f"its CNAME records lead nowhere: {' -> '.join([*hops, target])[:500]}", where=name, way_out="Correct these records")
            hops.append(target)

    def zone(self, name: str) -> str:
        """The zone that a name lies in, whether the name exists or not. Raises SolverFailed."""
        try:
            return plain(dns.resolver.zone_for_name(f"{name}.", resolver=self._resolver))
        except Exception as error:  # as above
            raise SolverFailed(f"its zone cannot be found: {told(error)}", where=name, way_out=_WAY_OUT) from None

    def servers(self, zone: str) -> tuple:
        """The authoritative Servers of a zone, in the order of their names. Raises SolverFailed, also where there are none."""
        names = sorted(plain(one.target) for one in self._ask(zone, "NS"))
        if not names:
            raise SolverFailed("it has no name servers", where=zone, way_out=_WAY_OUT)
        return tuple(Server(name, tuple(one.address for kind in ("A", "AAAA") for one in self._ask(name, kind))) for name in names)

    def followed(self, records: Iterable) -> tuple:
        """The Places of Records, without zone and servers. A name that was given as an alias is taken as it is. Raises SolverFailed."""
        return tuple(at_once(lambda record: Place(record, (record.name,) if record.alias else self.follow(record.name)), records))

    def served(self, places: Iterable) -> tuple:
        """The Places with their zones and servers. Raises SolverFailed."""
        places = tuple(places)
        zones = at_once(lambda place: self.zone(place.name), places)
        names = sorted(set(zones))
        servers = dict(zip(names, at_once(self.servers, names)))
        return tuple(place._replace(zone=zone, servers=servers[zone]) for place, zone in zip(places, zones))

    def texts(self, address: str, port: int, name: str, recursive: bool = False) -> Shown:
        """What one server shows. recursive: whether it may ask others, as a resolver does. Never raises for what a server does."""
        query = dns.message.make_query(f"{name}.", "TXT")
        if not recursive:
            query.flags &= ~dns.flags.RD
        try:
            answer = dns.query.udp_with_fallback(query, address, self.timeout, port)[0]
        except Exception as error:  # as above
            return Shown(frozenset(), told(error))
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return Shown(frozenset(), dns.rcode.to_text(answer.rcode()))
        found = [row for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for row in rrset]
        return Shown(frozenset(b"".join(row.strings).decode("utf-8", "replace") for row in found))

    def caa(self, domain: str) -> tuple:
        """(where they were found or '', ((flags, tag, value), …)): the CAA records that count for a domain (RFC 8659, 3). Raises SolverFailed."""
        for name in parents(domain):
            found = tuple((row.flags, row.tag.decode("ascii", "replace").lower(), row.value.decode("utf-8", "replace")) for row in self._ask(name, "CAA"))
            if found:
                return name, found
        return "", ()


def delegation(look: Look, record: Record, asked: str) -> dict:
    """For a plan: where a record will be made, and whether what the CA asks for leads there. asked: the name without an alias. Raises nothing."""
    facts = {"record": record.name, "asked": asked, "leads_to": None, "zone": None, "name_servers": [], "problem": None}
    try:
        facts["leads_to"] = look.follow(asked)[-1]
        place = look.served(look.followed([record]))[0]
        facts.update(zone=place.zone, name_servers=[server.name for server in place.servers])
        if place.name != facts["leads_to"]:
            facts["problem"] = f"there is no CNAME from {asked} to {place.name}"
    except EvergreenError as error:
        facts["problem"] = str(error)
    return facts


def at_once(ask, items) -> list:
    """The results in order, several questions under way. Raises what the first that failed raised."""
    items = list(items)
    if len(items) < 2:
        return [ask(item) for item in items]
    with ThreadPoolExecutor(min(AT_ONCE, len(items))) as pool:
        return list(pool.map(ask, items))


def plain(name) -> str:
    """A dnspython name in the house's form: lower case, no dot at its end; what no host name holds is escaped."""
    return name.to_text(omit_final_dot=True).lower()


def told(error: BaseException) -> str:
    """Short words for what dnspython and the system raise."""
    if isinstance(error, dns.exception.Timeout):
        return "no answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable(f"{error}" or type(error).__name__)[:300]
