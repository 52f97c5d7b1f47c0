# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import InputError
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.errors import Refused
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.messages import Answer, Signer
from ansible_collections.evergreen.pki.plugins.module_utils._protocol.revocation import reason_number, revoke
from ansible_collections.evergreen.pki.tests.unit.protocol.talk import CA, URLS, a_directory, ec_key, refused, talk

DER = b"\x30\x03\x02\x01\xff"


def revoked(given, reason=None, kid=f"{CA}/acct/1"):
    expected = {"certificate": "MAMCAf8", **({} if reason is None else {"reason": reason})}
    return talk(revoke(a_directory(), Signer(ec_key(), kid), DER, reason), (URLS["revokeCert"], expected, kid, given))


@pytest.mark.parametrize("reason", [None, 0, 4])
def test_revoked(reason):
    """RFC 8555, 7.6: the certificate in base64url, the reason where there is one; the answer is empty."""
    assert revoked(Answer(CA, 200, {}), reason) is True


def test_by_its_own_key():
    """Without an account."""
    assert revoked(Answer(CA, 200, {}), 1, kid=None) is True


def test_revoked_already():
    """That is what was wanted."""
    assert revoked(refused("alreadyRevoked")) is False


@pytest.mark.parametrize("word", ["badRevocationReason", "unauthorized", "malformed"])
def test_refused(word):
    """With the CA's reason."""
    with pytest.raises(Refused, match=word):
        revoked(refused(word, 403))


@pytest.mark.parametrize(("given", "number"), [
    (None, None), ("unspecified", 0), ("keyCompromise", 1), ("key_compromise", 1), ("KEYCOMPROMISE", 1), ("cACompromise", 2), ("affiliationChanged", 3),
    ("superseded", 4), ("cessationOfOperation", 5), ("cessation_of_operation", 5), ("certificateHold", 6), ("removeFromCRL", 8), ("privilegeWithdrawn", 9),
    ("aACompromise", 10), ("0", 0), ("10", 10), ("04", 4),
])
def test_reasons(given, number):
    """RFC 5280, 5.3.1, by name in any case, or by number."""
    assert reason_number(given) == number


@pytest.mark.parametrize("given", ["7", "11", "-1", "", "lost", "٣", "1.0", "100000000000"])
def test_no_reasons(given):
    """7 is not used; the error lists the names."""
    with pytest.raises(InputError, match="^reason: .*superseded"):
        reason_number(given)
