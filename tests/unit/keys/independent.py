# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files and their list a second time, written from proxmox-formats 1.10 and 2 alone: nothing of ours is imported.

AES, GCM, PBKDF2 and the texts are plain Python; of scrypt, which plain Python would compute for minutes, Python's own.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import hmac
import json
import time

RCON = [1, 2, 4, 8, 16, 32, 64]


# AES-256, FIPS 197: bytes in a list, column by column.

def _doubled(byte: int) -> int:
    return (byte << 1) ^ (0x11B if byte & 0x80 else 0)


def _times(one: int, other: int) -> int:
    result = 0
    while other:
        result ^= one if other & 1 else 0
        one, other = _doubled(one), other >> 1
    return result


def _box() -> list:
    found = []
    for byte in range(256):
        inverse = next((other for other in range(256) if _times(byte, other) == 1), 0)
        rotated = [((inverse << by) | (inverse >> (8 - by))) & 0xFF for by in range(5)]
        found.append(rotated[0] ^ rotated[1] ^ rotated[2] ^ rotated[3] ^ rotated[4] ^ 0x63)
    return found


BOX = _box()


def _round_keys(secret: bytes) -> list:
    words = [list(secret[at:at + 4]) for at in range(0, 32, 4)]
    while len(words) < 60:
        word = list(words[-1])
        if len(words) % 8 == 0:
            word = [BOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= RCON[len(words) // 8 - 1]
        elif len(words) % 8 == 4:
            word = [BOX[byte] for byte in word]
        words.append([one ^ other for one, other in zip(words[-8], word)])
    return [sum(words[at:at + 4], []) for at in range(0, 60, 4)]


def _mixed(column: list) -> list:
    total = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [byte ^ total ^ _doubled(byte ^ column[(row + 1) % 4]) for row, byte in enumerate(column)]


def aes(secret: bytes, block: bytes) -> bytes:
    """One block of 16 bytes enciphered."""
    keys = _round_keys(secret)
    state = [one ^ other for one, other in zip(block, keys[0])]
    for number, key in enumerate(keys[1:], 1):
        state = [BOX[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
        if number < 14:
            state = sum((_mixed(state[at:at + 4]) for at in range(0, 16, 4)), [])
        state = [one ^ other for one, other in zip(state, key)]
    return bytes(state)


# GCM, NIST SP 800-38D, with an IV that is not 12 bytes long and no further data.

def _product(one: int, other: int) -> int:
    result = 0
    for bit in range(127, -1, -1):
        result ^= one if other >> bit & 1 else 0
        one = (one >> 1) ^ (0xE1 << 120 if one & 1 else 0)
    return result


def _hash(subkey: int, data: bytes) -> int:
    state = 0
    for at in range(0, len(data), 16):
        state = _product(state ^ int.from_bytes(data[at:at + 16], "big"), subkey)
    return state


def gcm(secret: bytes, iv: bytes, text: bytes, deciphering: bool) -> tuple:
    """(the other text, tag) of a text of whole blocks."""
    subkey = int.from_bytes(aes(secret, bytes(16)), "big")
    first = _hash(subkey, iv + bytes(-len(iv) % 16) + bytes(8) + (8 * len(iv)).to_bytes(8, "big"))
    stream = b""
    for number in range(1, len(text) // 16 + 1):
        counter = (first & ~0xFFFFFFFF) | ((first + number) & 0xFFFFFFFF)
        stream += aes(secret, counter.to_bytes(16, "big"))
    other = bytes(one ^ pad for one, pad in zip(text, stream))
    sealed = text if deciphering else other
    tag = _hash(subkey, sealed + bytes(8) + (8 * len(sealed)).to_bytes(8, "big")) ^ int.from_bytes(aes(secret, first.to_bytes(16, "big")), "big")
    return other, tag.to_bytes(16, "big")


def pbkdf2(secret: bytes, salt: bytes, rounds: int) -> bytes:
    """PBKDF2-HMAC-SHA256, 32 bytes (RFC 8018, 5.2): one block only."""
    ready = hmac.new(secret, digestmod="sha256")
    last, total = salt + b"\0\0\0\1", 0
    for _round in range(rounds):
        one = ready.copy()
        one.update(last)
        last = one.digest()
        total ^= int.from_bytes(last, "big")
    return total.to_bytes(32, "big")


def derived(kdf: tuple, salt: bytes, passphrase: bytes) -> bytes:
    """kdf: ("Scrypt", n, r, p) or ("PBKDF2", rounds)."""
    if kdf[0] == "PBKDF2":
        return pbkdf2(passphrase, salt, kdf[1])
    return hashlib.scrypt(passphrase, salt=salt, n=kdf[1], r=kdf[2], p=kdf[3], maxmem=2**31 - 1, dklen=32)


# The texts.

def fingerprint(key: bytes) -> str:
    """2.2."""
    constant = bytes.fromhex("6ed0ef77471fff4d55c7a8fe4a9db62161407f134c725ddf30992d25ec45ed26")
    digest = hashlib.sha256(constant + pbkdf2(key, b"_id_key", 10)).hexdigest()
    return ":".join(digest[at:at + 2] for at in range(0, 64, 2))


def moment(seconds: int, minutes_east: int = 0) -> str:
    """2.1: local time with its offset."""
    east = abs(minutes_east)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + 60 * minutes_east)) + f"{'-' if minutes_east < 0 else '+'}{east // 60:02d}:{east % 60:02d}"


def seconds_of(text: str) -> int:
    """The reverse of moment, and of the form with Z."""
    seconds = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    if text[19:] == "Z":
        return seconds
    east = 3600 * int(text[20:22]) + 60 * int(text[23:25])
    return seconds + east if text[19] == "-" else seconds - east


def written(key: bytes, created: int, modified: int, *, minutes_east=0, kdf=None, salt=b"", iv=b"", passphrase=b"", hint=None) -> bytes:
    """2.1: the key file."""
    def quoted(value) -> str:
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'

    def braced(**fields) -> str:
        return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"

    data, words = key, "null"
    if kdf:
        sealed, tag = gcm(derived(kdf, salt, passphrase), iv, key, False)
        data = iv + tag + sealed
        names = ("n", "r", "p") if kdf[0] == "Scrypt" else ("iter",)
        words = braced(**{kdf[0]: braced(**dict(zip(names, kdf[1:])), salt=quoted(salt))})
    return braced(kdf=words, created=quoted(moment(created, minutes_east)), modified=quoted(moment(modified, minutes_east)), data=quoted(data),
                  fingerprint=quoted(fingerprint(key)), **({} if hint is None else {"hint": quoted(hint)})).encode()


def opened(text: bytes, passphrase: bytes) -> dict:
    """The key and all else that its file says."""
    record = json.loads(text)
    data, kdf, salt = base64.b64decode(record["data"]), None, b""
    if record["kdf"]:
        ((name, inner),) = record["kdf"].items()
        kdf = (name, *(inner[field] for field in ("n", "r", "p", "iter") if field in inner))
        salt = base64.b64decode(inner["salt"])
        key, tag = gcm(derived(kdf, salt, passphrase), data[:16], data[32:], True)
        assert tag == data[16:32], "wrong passphrase"
        data = key
    assert fingerprint(data) == record["fingerprint"]
    return {"key": data, "created": seconds_of(record["created"]), "modified": seconds_of(record["modified"]), "kdf": kdf, "salt": salt,
            "fingerprint": record["fingerprint"], "hint": record.get("hint")}


def listing(rows: list) -> str:
    """2.3: the list of rows of {"id": …, property: value}; None is left out."""
    texts = [f"sync-key: {row['id']}\n" + "".join(f"\t{key} {row[key]}\n" for key in sorted(set(row) - {"id"}) if row[key] is not None) for row in rows]
    return "\n".join(texts)


def listed(text: str) -> list:
    """The rows of a list as the product writes it."""
    rows = []
    for part in text[:-1].split("\n\n") if text else []:
        head, *lines = part.split("\n")
        rows.append({"id": head[len("sync-key: "):], **dict(line[1:].split(" ", 1) for line in lines)})
    return rows
