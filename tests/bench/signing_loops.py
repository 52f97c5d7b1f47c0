# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that sign many requests: a bare loop of cryptography, and the rooms of authority_sign without Ansible's frame.

    python signing_loops.py bare|rooms FOLDER

FOLDER has `requests.json`, a list of CSRs in PEM, and `ca`, an authority's folder.
"""

from __future__ import annotations

import json
import os
import pathlib
import sys

PASSPHRASE = "correct horse"


def prepare(folder: pathlib.Path, count: int) -> None:
    """Makes the authority and the requests, P-256, two names each."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority
    from ansible_collections.evergreen.pki.plugins.module_utils._x509 import csr
    options = dict.fromkeys(("key_type", "key_size", "lifetime", "excluded", "crl_url", "generation", "trust_hosts", "trusted_by", "revoke"))
    authority.ensure({**options, "store": str(folder / "ca"), "passphrase": PASSPHRASE, "unencrypted": False, "subject": {"CN": "Example"},
                      "permitted": ["example.org"], "crl_lifetime": "7d", "cross_sign": False, "phase": "made", "trusted": False}, now(), check=False)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [(f"DNS:w{number}.example.org", f"DNS:www.w{number}.example.org") for number in range(count)]
    texts = [csr.new_csr(csr.Asked((("CN", pair[0][4:]),), pair, ("digitalSignature",), ("serverAuth",)), key).decode() for pair in names]
    (folder / "requests.json").write_text(json.dumps(texts))


def bare(folder: str) -> None:
    """Loads each request, tests its signature, signs, writes all certificates to one file and to standard output."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    with open(f"{folder}/requests.json", encoding="utf-8") as file:
        texts = json.load(file)
    with open(f"{folder}/ca/intermediate-1.pem", "rb") as file:
        issuer = x509.load_pem_x509_certificate(file.read())
    with open(f"{folder}/ca/intermediate-1.key", "rb") as file:
        key = serialization.load_pem_private_key(file.read(), PASSPHRASE.encode())
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    made = []
    for text in texts:
        request = x509.load_pem_x509_csr(text.encode())
        if not request.is_signature_valid:
            raise SystemExit("a request is not its own")
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        leaf = (x509.CertificateBuilder().subject_name(request.subject).issuer_name(issuer.subject).public_key(request.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(start + datetime.timedelta(days=30))
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True).add_extension(usage, critical=True)
                .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False).add_extension(names, critical=False)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(request.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False).sign(key, hashes.SHA256()))
        made.append(leaf.public_bytes(serialization.Encoding.PEM).decode())
    with open(f"{folder}/bare.pem", "w", encoding="utf-8") as file:
        file.write("".join(made))
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps(made))


def rooms(folder: str) -> None:
    """Signs as authority_sign does, in a store that has signed nothing yet, and writes its answer."""
    from ansible_collections.evergreen.pki.plugins.module_utils._core.host import now
    from ansible_collections.evergreen.pki.plugins.module_utils._issuers import authority_sign, authority_told
    with open(f"{folder}/requests.json", encoding="utf-8") as file:
        texts = json.load(file)
    with open(f"{folder}/ca/issued.jsonl", "w", encoding="utf-8"):
        pass
    rows = [{"name": None, "csr_content": text, "names": None, "profile": None, "lifetime": None, "renew_before": None} for text in texts]
    options = {"store": f"{folder}/ca", "passphrase": PASSPHRASE, "unencrypted": False, "csr_content": None, "requests": rows, "names": None,
               "profile": "server", "lifetime": "30d", "renew_before": None, "force": False}
    print(json.dumps(authority_told.signing(authority_sign.sign(options, now(), check=False), options["store"])))


if __name__ == "__main__":
    {"bare": bare, "rooms": rooms}[sys.argv[1]](sys.argv[2])
