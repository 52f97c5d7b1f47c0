# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of object identifiers as OpenSSL has them; community.crypto prints the same. Pure.

What is not here is printed as its numbers. A test compares every row with `openssl list -objects`.
"""

from __future__ import annotations

# Attributes of names: long name, and the short one that stands in `dirName:` where it is another.
_ATTRIBUTES = """
2.5.4.3 commonName CN|2.5.4.4 surname SN|2.5.4.5 serialNumber|2.5.4.6 countryName C|2.5.4.7 localityName L
2.5.4.8 stateOrProvinceName ST|2.5.4.9 streetAddress street|2.5.4.10 organizationName O|2.5.4.11 organizationalUnitName OU
2.5.4.12 title|2.5.4.13 description|2.5.4.15 businessCategory|2.5.4.16 postalAddress|2.5.4.17 postalCode|2.5.4.18 postOfficeBox
2.5.4.20 telephoneNumber|2.5.4.41 name|2.5.4.42 givenName GN|2.5.4.43 initials|2.5.4.44 generationQualifier|2.5.4.45 x500UniqueIdentifier
2.5.4.46 dnQualifier|2.5.4.49 distinguishedName|2.5.4.65 pseudonym|2.5.4.72 role|2.5.4.97 organizationIdentifier
0.9.2342.19200300.100.1.1 userId UID|0.9.2342.19200300.100.1.3 rfc822Mailbox mail|0.9.2342.19200300.100.1.25 domainComponent DC
1.2.840.113549.1.9.1 emailAddress|1.2.840.113549.1.9.2 unstructuredName|1.2.840.113549.1.9.8 unstructuredAddress
1.3.6.1.4.1.311.60.2.1.1 jurisdictionLocalityName jurisdictionL|1.3.6.1.4.1.311.60.2.1.2 jurisdictionStateOrProvinceName jurisdictionST
1.3.6.1.4.1.311.60.2.1.3 jurisdictionCountryName jurisdictionC|1.2.643.3.131.1.1 INN|1.2.643.100.1 OGRN|1.2.643.100.3 SNILS|1.2.643.100.5 OGRNIP
"""

USAGES = {
    "1.3.6.1.5.5.7.3.1": "TLS Web Server Authentication",
    "1.3.6.1.5.5.7.3.2": "TLS Web Client Authentication",
    "1.3.6.1.5.5.7.3.3": "Code Signing",
    "1.3.6.1.5.5.7.3.4": "E-mail Protection",
    "1.3.6.1.5.5.7.3.5": "IPSec End System",
    "1.3.6.1.5.5.7.3.6": "IPSec Tunnel",
    "1.3.6.1.5.5.7.3.7": "IPSec User",
    "1.3.6.1.5.5.7.3.8": "Time Stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP Signing",
    "1.3.6.1.5.5.7.3.10": "dvcs",
    "1.3.6.1.5.5.7.3.17": "ipsec Internet Key Exchange",
    "1.3.6.1.5.5.7.3.21": "SSH Client",
    "1.3.6.1.5.5.7.3.22": "SSH Server",
    "1.3.6.1.5.2.3.4": "PKINIT Client Auth",
    "1.3.6.1.5.2.3.5": "Signing KDC Response",
    "1.3.6.1.4.1.311.2.1.21": "Microsoft Individual Code Signing",
    "1.3.6.1.4.1.311.2.1.22": "Microsoft Commercial Code Signing",
    "1.3.6.1.4.1.311.10.3.1": "Microsoft Trust List Signing",
    "1.3.6.1.4.1.311.10.3.3": "Microsoft Server Gated Crypto",
    "1.3.6.1.4.1.311.10.3.4": "Microsoft Encrypted File System",
    "1.3.6.1.4.1.311.20.2.2": "Microsoft Smartcard Login",
    "1.3.6.1.4.1.11129.2.4.4": "CT Precertificate Signer",
    "2.16.840.1.113730.4.1": "Netscape Server Gated Crypto",
    "2.5.29.37.0": "Any Extended Key Usage",
}

SIGNATURES = {
    "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
    "1.2.840.113549.1.1.3": "md4WithRSAEncryption",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "rsassaPss",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.29": "sha1WithRSA",
    "1.2.840.10040.4.3": "dsaWithSHA1",
    "2.16.840.1.101.3.4.3.1": "dsa_with_SHA224",
    "2.16.840.1.101.3.4.3.2": "dsa_with_SHA256",
    "2.16.840.1.101.3.4.3.3": "dsa_with_SHA384",
    "2.16.840.1.101.3.4.3.4": "dsa_with_SHA512",
    "1.2.840.10045.4.1": "ecdsa-with-SHA1",
    "1.2.840.10045.4.3.1": "ecdsa-with-SHA224",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "2.16.840.1.101.3.4.3.9": "ecdsa_with_SHA3-224",
    "2.16.840.1.101.3.4.3.10": "ecdsa_with_SHA3-256",
    "2.16.840.1.101.3.4.3.11": "ecdsa_with_SHA3-384",
    "2.16.840.1.101.3.4.3.12": "ecdsa_with_SHA3-512",
    "2.16.840.1.101.3.4.3.13": "RSA-SHA3-224",
    "2.16.840.1.101.3.4.3.14": "RSA-SHA3-256",
    "2.16.840.1.101.3.4.3.15": "RSA-SHA3-384",
    "2.16.840.1.101.3.4.3.16": "RSA-SHA3-512",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
    "1.3.101.112": "ED25519",
    "1.3.101.113": "ED448",
    "1.2.643.2.2.3": "GOST R 34.11-94 with GOST R 34.10-2001",
    "1.2.643.7.1.1.3.2": "GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)",
    "1.2.643.7.1.1.3.3": "GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)",
}

# Algorithms of public keys, in community.crypto's words for their types.
KEYS = {
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.113549.1.1.10": "RSA",
    "1.2.840.10040.4.1": "DSA",
    "1.2.840.10045.2.1": "ECC",
    "1.3.101.110": "X25519",
    "1.3.101.111": "X448",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.16.840.1.101.3.4.3.17": "ML-DSA-44",
    "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
    "2.16.840.1.101.3.4.3.19": "ML-DSA-87",
}


def _rows(text: str) -> dict:
    rows = (row.split() for row in text.replace("\n", "|").split("|") if row)
    return {row[0]: (row[1], row[-1]) for row in rows}


ATTRIBUTES = _rows(_ATTRIBUTES)


def attribute(dotted: str, short: bool = False) -> str:
    """The name of an attribute of a name."""
    return ATTRIBUTES[dotted][short] if dotted in ATTRIBUTES else dotted
