# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that order many certificates: a bare loop of the standard library and cryptography, and the rooms of acme_order without Ansible's frame.

    python acme_loops.py bare|rooms FOLDER DIRECTORY COUNT IN_FLIGHT

FOLDER has `authority.pem`, which signed the CA's TLS certificate, `account.pem`, the key of an account that exists, and `out`, an empty folder. The CA finds
every challenge valid. The bare loop has one in flight.
"""

from __future__ import annotations

import base64
import gc
import json
import pathlib
import sys
import time
from urllib.parse import urlsplit


def prepare(folder: pathlib.Path, directory: str) -> None:
    """Makes the account and its key."""
    from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers import acme_account
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import ca_options, spec
    options = {**{key: row.get("default") for key, row in spec().items()}, **task(str(folder), directory), "account_key_create": True}
    wanted = {"state": "present", **dict.fromkeys(("older_than", "new_account_key_path", "new_account_key_content"))}
    acme_account.apply({**ca_options(options, directory), **wanted}, now(), False)


def bare(folder: str, directory: str, count: int) -> None:
    """What is least: one connection, each nonce from the answer before, the order polled after 10 ms, then half as long again. No file is synced."""
    account = _Account(folder, directory)
    for number in range(count):
        key, chain = account.certificate(f"w{number}.example")
        pathlib.Path(folder, "out", f"w{number}.key").write_bytes(key)
        pathlib.Path(folder, "out", f"w{number}.pem").write_bytes(chain)


class _Account:
    def __init__(self, folder: str, directory: str) -> None:
        # Here, as the rooms need none of it.
        import http.client
        import ssl

        from cryptography.hazmat.primitives import serialization
        parts = urlsplit(directory)
        self._way = http.client.HTTPSConnection(parts.hostname, parts.port, context=ssl.create_default_context(cafile=f"{folder}/authority.pem"))
        self._key = serialization.load_pem_private_key(pathlib.Path(folder, "account.pem").read_bytes(), None)
        numbers = self._key.public_key().public_numbers()
        self._who = {"jwk": {"crv": "P-256", "kty": "EC", "x": _b64(numbers.x.to_bytes(32, "big")), "y": _b64(numbers.y.to_bytes(32, "big"))}}
        self._urls = json.loads(self._sent("GET", directory)[1])
        self._sent("HEAD", self._urls["newNonce"])
        self._who = {"kid": self._asked(self._urls["newAccount"], {"onlyReturnExisting": True})[0]["Location"]}

    def certificate(self, name: str) -> tuple:
        """(key, chain), both PEM."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        request = (x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256()))
        headers, body = self._asked(self._urls["newOrder"], {"identifiers": [{"type": "dns", "value": name}]})
        url, order = headers["Location"], json.loads(body)
        for authorization in order["authorizations"]:
            found = json.loads(self._asked(authorization)[1])
            # Pebble lets one of a hundred hold for another order, also where it is told to let none.
            if found["status"] == "pending":
                self._asked(found["challenges"][0]["url"], {})
        self._polled(url, "ready")
        self._asked(order["finalize"], {"csr": _b64(request.public_bytes(serialization.Encoding.DER))})
        chain = self._asked(self._polled(url, "valid")["certificate"])[1]
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), chain

    def _polled(self, url: str, wanted: str) -> dict:
        pause = 0.01
        while True:
            time.sleep(pause)
            order = json.loads(self._asked(url)[1])
            if order["status"] == wanted:
                return order
            if order["status"] == "invalid":
                raise SystemExit(f"the order is {order}")
            pause *= 1.5

    def _asked(self, url: str, payload: dict | None = None) -> tuple:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils
        head = _b64(json.dumps({"alg": "ES256", **self._who, "nonce": self._nonce, "url": url}).encode())
        content = "" if payload is None else _b64(json.dumps(payload).encode())
        r, s = utils.decode_dss_signature(self._key.sign(f"{head}.{content}".encode(), ec.ECDSA(hashes.SHA256())))
        signature = _b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return self._sent("POST", url, json.dumps({"protected": head, "payload": content, "signature": signature}).encode())

    def _sent(self, method: str, url: str, body: bytes | None = None) -> tuple:
        headers = {"User-Agent": "bare", **({"Content-Type": "application/jose+json"} if body else {})}
        self._way.request(method, urlsplit(url).path, body, headers)
        answer = self._way.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{url}: {answer.status} {content.decode(errors='replace')}")
        self._nonce = answer.headers.get("Replay-Nonce")
        return answer.headers, content


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def rooms(folder: str, directory: str, count: int, in_flight: int) -> None:
    """Orders and installs as a host does for acme_order with `custody: host`, where it has no certificate yet, and writes its answer."""
    # As the module does, and below.
    gc.disable()
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_order_here import done
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers.acme_wishes import spec
    gc.freeze()
    rows = [declared(folder, f"w{number}") for number in range(count)]
    answer = done({**{key: row.get("default") for key, row in spec().items()}, **task(folder, directory, in_flight), "certificates": rows}, False)
    print(json.dumps(answer))
    if answer.get("failed"):
        raise SystemExit("not all were issued")


def task(folder: str, directory: str, in_flight: int = 10) -> dict:
    """Options of acme_order: challenges answered by files below a web root. No limit but the CA's."""
    return {"directory": directory, "ca_path": f"{folder}/authority.pem", "account_key_path": f"{folder}/account.pem", "terms_agreed": True,
            "challenges": [{"type": "http-01", "solver": "web"}], "solvers": {"web": {"solver": "webroot", "path": f"{folder}/out"}},
            "custody": "host", "state_path": f"{folder}/out/state", "rate": {"nonces": 1_000_000, "orders": 1_000_000}, "in_flight": in_flight}


def declared(folder: str, name: str) -> dict:
    """A declaration with one name."""
    return {"path": f"{folder}/out/{name}.pem", "key_path": f"{folder}/out/{name}.key", "names": [f"{name}.example"]}


if __name__ == "__main__":
    if sys.argv[1] == "bare":
        bare(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        rooms(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
