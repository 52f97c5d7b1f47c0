# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import AnswerRefused, Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.renewal_info import ask, certificate_id, info_of, instant
from ansible_collections.evergreen.pki.plugins.module_utils._x509.parse import leaf
from ansible_collections.evergreen.pki.tests.unit.helpers import DAY, NOW, certificate, lawful
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, a_directory, answer, refused, talk

HOUR = timedelta(hours=1)
ID = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
WINDOW = {"suggestedWindow": {"start": "2026-12-02T00:00:00Z", "end": "2026-12-04T00:00:00Z"}}
START, END = datetime(2026, 12, 2, tzinfo=timezone.utc), datetime(2026, 12, 4, tzinfo=timezone.utc)

# RFC 9773, appendix A.
OF_THE_RFC = b"""-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
"""


def issued(serial, issuer=b"\x01\x02"):
    extensions = [x509.AuthorityKeyIdentifier(issuer, None, None)] if issuer is not None else []
    return certificate(serial=serial, extensions=extensions)


def test_the_certificate_of_the_rfc():
    """RFC 9773, 4.1: this certificate has this identifier."""
    assert certificate_id(leaf(OF_THE_RFC, "rfc"), "rfc") == ID


@pytest.mark.parametrize(("serial", "text"), [(1, "AQ"), (127, "fw"), (128, "AIA"), (255, "AP8"), (256, "AQA"), (2**159 - 1, "f" + "_" * 25 + "8")])
def test_serial_numbers(serial, text):
    """As few bytes as hold it with its sign: a leading zero only where the first bit is set."""
    assert certificate_id(issued(serial), "x") == f"AQI.{text}"


@pytest.mark.parametrize("one", [pytest.param(issued(1, None), id="no extension"), pytest.param(
    certificate(extensions=[x509.AuthorityKeyIdentifier(None, [x509.DNSName("ca.example")], 5)]), id="without a key")])
def test_a_certificate_that_names_no_issuer(one):
    """No CA can be asked about it."""
    with pytest.raises(FileRefused, match="^/c.pem: names no key of its issuer"):
        certificate_id(one, "/c.pem")


def test_the_window_is_asked_for():
    """An unsigned GET below the directory's URL."""
    for base in (f"{CA}/renewalInfo", f"{CA}/renewalInfo/"):
        directory = a_directory(urls={"renewalInfo": base})
        found = talk(ask(directory, ID), (f"{CA}/renewalInfo/{ID}", None, None, answer(200, WINDOW, retry_after="21600")))
        assert (found.start, found.end, found.poll_at) == (START, END, NOW + 6 * HOUR) and START <= found.instant < END
    assert found.facts()["window"] == {"start": "2026-12-02T00:00:00Z", "end": "2026-12-04T00:00:00Z"} and found.facts()["certificate_id"] == ID


def test_a_ca_without_renewal_information():
    """It is told; the rule decides then."""
    with pytest.raises(AnswerRefused, match="offers no renewalInfo"):
        ask(a_directory(urls={}), ID)
    with pytest.raises(Refused):
        info_of(refused("malformed", 404), ID, NOW)


@pytest.mark.parametrize(("date", "expected"), [
    ("2026-12-02T00:00:00Z", START), ("2026-12-02t00:00:00z", START), ("2026-12-02T00:00:00.123456789Z", START), ("2026-12-02T01:30:00+01:30", START),
    ("2026-12-01T19:00:00-05:00", START), ("2026-12-02T00:00:00+00:00", START),
])
def test_dates(date, expected):
    """All of RFC 3339, 5.6; in whole seconds."""
    found = info_of(answer(200, {"suggestedWindow": {"start": date, "end": "2026-12-04T00:00:00Z"}}), ID, NOW)
    assert found.start == expected


@pytest.mark.parametrize("content", [
    {}, {"suggestedWindow": None}, {"suggestedWindow": {}}, {"suggestedWindow": {"start": "2026-12-02T00:00:00Z"}},
    *({"suggestedWindow": {"start": start, "end": end}} for start, end in (
        ("2026-12-02T00:00:00Z", "2026-12-02T00:00:00Z"), ("2026-12-04T00:00:00Z", "2026-12-02T00:00:00Z"), ("2026-12-02", "2026-12-04T00:00:00Z"),
        ("2026-13-02T00:00:00Z", "2026-12-04T00:00:00Z"), ("0001-01-01T00:00:00+01:00", "2026-12-04T00:00:00Z"), (5, []))),
])
def test_what_is_no_window(content):
    """RFC 9773, 4.2: it is as good as none."""
    with pytest.raises(AnswerRefused, match="window it suggests is none"):
        info_of(answer(200, content), ID, NOW)


@pytest.mark.parametrize(("retry_after", "poll"), [
    (None, 6 * HOUR), ("21600", 6 * HOUR), ("1", timedelta(minutes=1)), ("0", timedelta(minutes=1)), ("86401", DAY), ("never", 6 * HOUR),
    ("Tue, 24 Nov 2026 00:00:00 GMT", 23 * HOUR),
])
def test_when_to_ask_again(retry_after, poll):
    """RFC 9773, 4.3: as the CA says, between a minute and a day."""
    headers = {} if retry_after is None else {"retry_after": retry_after}
    assert info_of(answer(200, WINDOW, **headers), ID, NOW).poll_at == NOW + poll


def test_why():
    """The CA may say why; to people, so it is harmless."""
    assert info_of(answer(200, {**WINDOW, "explanationURL": "https://ca.example/why\x1b"}), ID, NOW).explanation == "https://ca.example/why\\x1b"
    assert info_of(answer(200, {**WINDOW, "explanationURL": 5}), ID, NOW).explanation is None


def test_the_instant_stays_while_the_window_stands():
    """And moves with it, or with the certificate."""
    drawn = instant(ID, START, END)
    assert drawn == instant(ID, START, END) and drawn.tzinfo is timezone.utc
    assert len({drawn, instant(ID + "x", START, END), instant(ID, START, END + HOUR), instant(ID, START - HOUR, END)}) == 4


@given(st.text(max_size=20), st.integers(1, 10**9))
@lawful
def test_the_instant_is_in_the_window(identifier, seconds):
    """Never before its start, never at or after its end."""
    assert START <= instant(identifier, START, START + timedelta(seconds=seconds)) < START + timedelta(seconds=seconds)


def test_a_fleet_is_spread():
    """Of ten thousand certificates in one window, each tenth of it gets its share."""
    drawn = [(instant(f"AQI.{number}", START, END) - START) / (END - START) for number in range(10_000)]
    shares = [sum(1 for one in drawn if tenth / 10 <= one < (tenth + 1) / 10) for tenth in range(10)]
    assert sum(shares) == 10_000 and min(shares) > 850 and max(shares) < 1150
