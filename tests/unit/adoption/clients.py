# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders as clients leave them: the texts are those that certbot 5.8.0, acme.sh 3.1.5, lego 4.35.2 and dehydrated 0.7.2 wrote at Pebble 2.10.

Only the CA's address, dates of acme.sh and the folder are replaced; certificates and keys are made for each test.
"""

from __future__ import annotations

import os
import pathlib

from ansible_collections.evergreen.pki.tests.unit.helpers import a_key, certificate_pem, key_pem

DIRECTORY = "https://ca.example:14000/dir"
ACCOUNT = "https://ca.example:14000/my-account/5622c85a023ae099"
NAMES = ("DNS:localhost", "DNS:b.localhost")
IDENTITY = "fad8c9ee175daa78026a4dfbb5f32f29"

CERTBOT = """version = 5.8.0
archive_dir = {root}/letsencrypt/archive/localhost
cert = {root}/letsencrypt/live/localhost/cert.pem
privkey = {root}/letsencrypt/live/localhost/privkey.pem
chain = {root}/letsencrypt/live/localhost/chain.pem
fullchain = {root}/letsencrypt/live/localhost/fullchain.pem
[renewalparams]
account = fad8c9ee175daa78026a4dfbb5f32f29
config_dir = {root}/letsencrypt
work_dir = {root}/w1
logs_dir = {root}/l1
server = https://ca.example:14000/dir
authenticator = webroot
webroot_path = {root}/www,
key_type = ecdsa
renew_hook = systemctl reload nginx
[[webroot_map]]
localhost = {root}/www
b.localhost = {root}/www
"""
CERTBOT_STANDALONE = """version = 5.8.0
archive_dir = {root}/letsencrypt/archive/c.localhost
cert = {root}/letsencrypt/live/c.localhost/cert.pem
privkey = {root}/letsencrypt/live/c.localhost/privkey.pem
chain = {root}/letsencrypt/live/c.localhost/chain.pem
fullchain = {root}/letsencrypt/live/c.localhost/fullchain.pem
[renewalparams]
account = fad8c9ee175daa78026a4dfbb5f32f29
http01_port = 52537
key_type = rsa
preferred_profile = shortlived
config_dir = {root}/letsencrypt
work_dir = {root}/w1
logs_dir = {root}/l1
server = https://ca.example:14000/dir
authenticator = standalone
"""
REGR = '{"body": {}, "uri": "https://ca.example:14000/my-account/5622c85a023ae099"}'

ACMESH = """Le_Domain='localhost'
Le_Alt='b.localhost'
Le_Webroot='{root}/www'
Le_PreHook=''
Le_PostHook=''
Le_RenewHook='__ACME_BASE64__START_ZWNobyAnYSBiJw==__ACME_BASE64__END_'
Le_API='https://ca.example:14000/dir'
Le_Keylength='ec-256'
Le_OrderFinalize='https://ca.example:14000/finalize-order/d5gRjRo5Moi0lTfrl0CxYgacIThTtQEgZSrCWqonq-w'
Le_LinkOrder='https://ca.example:14000/my-order/d5gRjRo5Moi0lTfrl0CxYgacIThTtQEgZSrCWqonq-w'
Le_LinkCert='https://ca.example:14000/certZ/0f4d73782be27780'
Le_CertCreateTime='1795897270'
Le_CertCreateTimeStr='2026-11-28T20:21:10Z'
Le_NextRenewTimeStr='2027-01-28T16:42:15Z'
Le_NextRenewTime='1801154535'
Le_RealCertPath=''
Le_RealCACertPath=''
Le_RealKeyPath='{root}/tls/web.key'
Le_ReloadCmd='__ACME_BASE64__START_dHJ1ZQ==__ACME_BASE64__END_'
Le_RealFullChainPath='{root}/tls/web.pem'
Le_InstallCertSuccessTime='1795897273'
Le_InstallCertSuccessTimeStr='2026-11-28T20:21:13Z'
"""
ACMESH_STANDALONE = """Le_Domain='c.localhost'
Le_Alt='no'
Le_Webroot='no'
Le_PreHook=''
Le_PostHook=''
Le_RenewHook=''
Le_API='https://ca.example:14000/dir'
Le_HTTPPort='52537'
Le_Keylength='2048'
Le_OrderFinalize='https://ca.example:14000/finalize-order/9PHuANSbdTHNZbvQ8fkSWUoVpoD6j618uSsnYYydWzw'
Le_LinkOrder='https://ca.example:14000/my-order/9PHuANSbdTHNZbvQ8fkSWUoVpoD6j618uSsnYYydWzw'
Le_LinkCert='https://ca.example:14000/certZ/191a29944ed001b5'
Le_CertCreateTime='1795897296'
Le_CertCreateTimeStr='2026-11-28T20:21:36Z'
Le_NextRenewTimeStr='2027-01-28T16:43:07Z'
Le_NextRenewTime='1801154587'
"""
CA_CONF = """CA_BUNDLE='{root}/peb/authority.pem'
ACCOUNT_URL='https://ca.example:14000/my-account/5622c85a023ae099'
CA_KEY_HASH='Ix6XP/QEgGIINEAE2OnUnIeOtU6gxJDj73W3wabG2bI='
"""

LEGO = """{
\t"domain": "localhost",
\t"certUrl": "https://ca.example:14000/certZ/1e77359595205aad",
\t"certStableUrl": "https://ca.example:14000/certZ/1e77359595205aad"
}"""
LEGO_ACCOUNT = """{
\t"email": "a@example.org",
\t"registration": {
\t\t"body": {
\t\t\t"status": "valid",
\t\t\t"contact": [
\t\t\t\t"mailto:a@example.org"
\t\t\t],
\t\t\t"orders": "https://ca.example:14000/list-orderz/2f3e63a6a3ecc456"
\t\t},
\t\t"uri": "https://ca.example:14000/my-account/5622c85a023ae099"
\t}
}"""

DEHYDRATED = 'CA="https://ca.example:14000/dir"\nBASEDIR="{root}/dehydrated"\nWELLKNOWN="{root}/www/.well-known/acme-challenge"\n'
DOMAINS = "# of the lab\nlocalhost b.localhost\nc.localhost > other\n"
# What dehydrated makes of https://ca.example:14000/dir: `echo URL | urlbase64`.
DEHYDRATED_ID = "aHR0cHM6Ly9jYS5leGFtcGxlOjE0MDAwL2Rpcgo"


def put(path, text, mode: int = 0o644):
    """A file with its folders."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def pair(names=NAMES, number: int = 0) -> tuple:
    """(certificate, key), PEM."""
    key = a_key(number)
    return certificate_pem(names=names, key=key), key_pem(key)


def linked(folder: pathlib.Path, archive: pathlib.Path, number: str, names=NAMES) -> None:
    """The four links of a lineage, to files with this ending of their stems."""
    certificate, key = pair(names)
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in (("cert", certificate), ("chain", certificate_pem(names=(), subject=(("CN", "CA"),))), ("fullchain", certificate + certificate),
                          ("privkey", key)):
        put(archive / f"{stem}{number}.pem", content, 0o600 if stem == "privkey" else 0o644)
        (folder / f"{stem}.pem").symlink_to(os.path.relpath(archive / f"{stem}{number}.pem", folder))


def certbot(root: pathlib.Path) -> str:
    home = root / "letsencrypt"
    put(home / "renewal" / "localhost.conf", CERTBOT.format(root=root))
    put(home / "renewal" / "c.localhost.conf", CERTBOT_STANDALONE.format(root=root))
    linked(home / "live" / "localhost", home / "archive" / "localhost", "1")
    linked(home / "live" / "c.localhost", home / "archive" / "c.localhost", "1", ("DNS:c.localhost",))
    account = home / "accounts" / "ca.example:14000" / "dir" / IDENTITY
    put(account / "private_key.json", "{}", 0o400)
    put(account / "regr.json", REGR)
    return str(home)


def acmesh(root: pathlib.Path) -> str:
    home = root / "acmesh"
    certificate, key = pair()
    put(home / "localhost_ecc" / "localhost.conf", ACMESH.format(root=root), 0o600)
    for path in (home / "localhost_ecc" / "fullchain.cer", root / "tls" / "web.pem"):
        put(path, certificate)
    for path in (home / "localhost_ecc" / "localhost.key", root / "tls" / "web.key"):
        put(path, key, 0o600)
    certificate, key = pair(("DNS:c.localhost",), 1)
    put(home / "c.localhost" / "c.localhost.conf", ACMESH_STANDALONE, 0o600)
    put(home / "c.localhost" / "fullchain.cer", certificate)
    put(home / "c.localhost" / "c.localhost.key", key, 0o600)
    put(home / "ca" / "ca.example" / "dir" / "account.key", key_pem(), 0o600)
    put(home / "ca" / "ca.example" / "dir" / "ca.conf", CA_CONF.format(root=root), 0o600)
    put(home / "account.conf", "SAVED_OVH_AS='no secret of anybody'\n", 0o600)
    return str(home)


def lego(root: pathlib.Path) -> str:
    home = root / "lego"
    certificate, key = pair()
    for ending, content in (("crt", certificate), ("key", key), ("json", LEGO), ("issuer.crt", certificate)):
        put(home / "certificates" / f"localhost.{ending}", content, 0o600)
    account = home / "accounts" / "ca.example_14000" / "a@example.org"
    put(account / "account.json", LEGO_ACCOUNT, 0o600)
    put(account / "keys" / "a@example.org.key", key_pem(), 0o600)
    return str(home)


def dehydrated(root: pathlib.Path) -> str:
    home = root / "dehydrated"
    put(home / "config", DEHYDRATED.format(root=root))
    put(home / "domains.txt", DOMAINS)
    linked(home / "certs" / "localhost", home / "certs" / "localhost", "-1795897335")
    linked(home / "certs" / "other", home / "certs" / "other", "-1795897350", ("DNS:c.localhost",))
    put(home / "accounts" / DEHYDRATED_ID / "account_key.pem", key_pem(), 0o600)
    put(home / "accounts" / DEHYDRATED_ID / "account_id.json", '{"url":"https://ca.example:14000/my-account/5622c85a023ae099"}', 0o600)
    return str(home)


MAKERS = {"acmesh": acmesh, "certbot": certbot, "dehydrated": dehydrated, "lego": lego}
