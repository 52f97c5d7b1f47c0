# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the acceptance table on certificates from elsewhere (seeds 001, 002, 004); those of a cluster stand in test_rows_pve."""

from __future__ import annotations

import grp
import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._issuers import external
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.service import service_of
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.state import State
from ansible_collections.evergreen.pki.tests.unit.edges.placing import KEYS, PEMS, Place
from ansible_collections.evergreen.pki.tests.unit.helpers import FQDN, NOW, a_key, key_pem, needs_openssl, needs_root, openssl, own_pem, tree, wanted

OWNERS = {"owner": str(os.geteuid()), "group": str(os.getegid())}
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize("product", ["generic", "pbs", "pdm", "pmg"])
@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, TRADITIONAL], ids=["PKCS8", "traditional"])
def test_row_19_a_key_with_a_passphrase_is_refused_before_anything_is_written(tmp_path, product, form):
    """In either form, for every product, in check mode too; the pair in service is as it was, to the inode."""
    place = Place(tmp_path)
    declared = {"product": product, "issuer": None, **OWNERS}
    place.put(0, declared=declared)
    before = tree(tmp_path)
    for check in (True, False):
        with pytest.raises(FileRefused, match="the private key is encrypted"):
            place.put(1, check=check, declared=declared, key_content=key_pem(a_key(21), b"s3cret", form).decode())
    assert tree(tmp_path) == before and place.pair() == (PEMS[0], KEYS[0])


@needs_root
@needs_openssl
def test_row_36_a_pair_of_the_operators_authority_goes_into_service(tmp_path):
    """An RSA key of 2048 bits and a request, signed by openssl as the authority: the pair is put in place for root:backup, 0640, and the unit restarted."""
    try:
        backup = grp.getgrnam("backup").gr_gid
    except KeyError:
        pytest.skip("this system has no group backup")
    at = {name: str(tmp_path / name) for name in ("ca.key", "ca.pem", "web.key", "web.csr", "web.pem", "proxy.pem", "proxy.key")}
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", at["ca.key"], "-out", at["ca.pem"], "-subj", "/CN=Operator", "-days", "3650")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", at["web.key"], "-out", at["web.csr"], "-subj", f"/CN={FQDN}")
    openssl("x509", "-req", "-in", at["web.csr"], "-CA", at["ca.pem"], "-CAkey", at["ca.key"], "-set_serial", "7", "-days", "365", "-out", at["web.pem"])
    (tmp_path / "proxy.pem").write_bytes(own_pem())
    (tmp_path / "proxy.key").write_bytes(key_pem())
    record = wanted(product="pbs", path=at["proxy.pem"], key_path=at["proxy.key"], activate={"restart": "proxmox-backup-proxy"})
    given = {"content": None, "src": at["web.pem"], "key_content": None, "key_src": at["web.key"], "state": "present", "set_aside": False,
             "allow_invalid_dates": True}
    answer = external.put(given, record, State(str(tmp_path / "state")), NOW, False)
    assert answer.changed and answer.unproven and service_of(record).activate == {"restart": "proxmox-backup-proxy"}
    for path in (at["proxy.pem"], at["proxy.key"]):
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, backup, 0o640)
    assert openssl("x509", "-in", at["proxy.pem"], "-noout", "-pubkey") == openssl("pkey", "-in", at["proxy.key"], "-pubout")
    assert (tmp_path / "proxy.pem").read_text() == (tmp_path / "web.pem").read_text()
