# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Missing issuers, fetched from where a certificate says they are (RFC 5280, 4.2.2.1: authorityInfoAccess, caIssuers).

Only http, as the standard has it: what comes is believed for its signature alone. The URL stands in a certificate, so it is hostile: no address
of the host itself is asked, no redirect followed, nothing waited for, and few bytes read.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from urllib.parse import urlsplit

from .._core.errors import FileRefused, printable
from .._core.http1 import Stream, authority, left, request, target_of
from .._x509 import given, parse, path
from .._x509.chain import signed

SECONDS, LIMIT, MOST = 10, 1 << 16, 4
_URL = re.compile(r"http://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*)?")
_CA_ISSUERS = "1.3.6.1.5.5.7.48.2"


def is_public(address: str) -> bool:
    """Whether an address may be asked: not the host itself, nor what answers only to its neighbours (the metadata of clouds)."""
    one = ipaddress.ip_address(address.partition("%")[0])
    one = getattr(one, "ipv4_mapped", None) or one
    return not (one.is_loopback or one.is_link_local or one.is_multicast or one.is_unspecified)


def issuers(certificate, may_ask=is_public, seconds: float = SECONDS) -> tuple:
    """(the issuers above a certificate, in order, up to the root where it is told; why there are no more, or None).

    may_ask(address): whether a server at this address is asked. seconds: for one answer, whole.
    """
    found: list = []
    while len(found) < MOST:
        top = found[-1] if found else certificate
        if path.is_own_issuer(top):
            return tuple(found), None
        urls = _urls(top)
        if not urls:
            return tuple(found), "the certificate does not tell where its issuer is"
        try:
            found.append(_issuer(top, urls[0], may_ask, seconds))
        except (OSError, ValueError, FileRefused) as error:
            return tuple(found), f"{urls[0]} did not help: {printable(getattr(error, 'fact', None) or str(error) or type(error).__name__)[:200]}"
    return tuple(found), f"{MOST} issuers were fetched and none of them is a root"


def _urls(certificate) -> list:
    try:
        access = certificate.extensions.get_extension_for_class(parse.x509.AuthorityInformationAccess).value
    except Exception:  # not there, or malformed
        return []
    places = [one.access_location for one in access if one.access_method.dotted_string == _CA_ISSUERS]
    urls = [place.value for place in places if isinstance(place, parse.x509.UniformResourceIdentifier)]
    return [url for url in urls if len(url) <= 2048 and _URL.fullmatch(url)]


def _issuer(child, url: str, may_ask, seconds: float):
    """The certificate behind a URL, DER, PEM or PKCS#7, that has signed the child."""
    for one in given.opened(_fetch(url, may_ask, time.monotonic() + seconds), url).certificates:
        if path.is_issuer(one, child) and signed(child, one):
            return one
    raise ValueError("what is there has not signed the certificate")


def _fetch(url: str, may_ask, deadline: float) -> bytes:
    parts = urlsplit(url)
    place = parts.hostname, parts.port or 80
    family, _kind, _protocol, _name, address = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0]
    if not may_ask(address[0]):
        raise ValueError(f"its address {address[0]} is not asked")
    with socket.socket(family, socket.SOCK_STREAM) as there:
        # The address that was judged is the one that is asked: a name may lead elsewhere a moment later.
        there.settimeout(left(deadline))
        there.connect(address)
        asked = request("GET", target_of(parts), authority(parts.hostname, parts.port), {"Accept": "application/pkix-cert, */*"})
        reply = Stream(there).ask(asked, deadline, LIMIT)
    if reply.status != 200:
        raise ValueError(f"its server answered {reply.status}")
    return reply.body
