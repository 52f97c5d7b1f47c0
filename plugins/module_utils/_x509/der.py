# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few steps of DER, for what the library gives only whole or not at all. Pure.

One malformed extension makes it refuse all of them: taken apart here, it reads the others one by one. One malformed
letter makes it refuse a name: names are read here, the same with every version. Nothing here decides anything.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

_SEQUENCE, _EXTENSIONS = 0x30, 0xA3
# How the string types are read; the old 8-bit ones are UTF-8 in practice, as the library takes them (X.690, 8.23).
_CODECS = dict.fromkeys((0x0C, 0x12, 0x13, 0x14, 0x16, 0x1A, 0x1B), "utf-8")
_CODECS.update({0x1C: "utf-32-be", 0x1E: "utf-16-be"})


class Parts(NamedTuple):
    """The bytes of a certificate's parts, each a whole element. extensions: of each, in order."""

    issuer: bytes
    subject: bytes
    key: bytes
    extensions: tuple


def head(data: bytes, start: int, end: int) -> tuple:
    """(start of the content, end) of the element at `start`. Raises ValueError where none fits before `end`."""
    body = start + 2
    if body > end or data[start] & 0x1F == 0x1F:
        raise ValueError("an element of DER is cut off, or of a kind that certificates have not")
    length = data[start + 1]
    if length & 0x80:
        size = length & 0x7F
        body += size
        length = int.from_bytes(data[start + 2:body], "big")
    if body + length > end:
        raise ValueError("an element of DER is cut off")
    return body, body + length


def elements(data: bytes, start: int, end: int) -> list:
    """(start, start of the content, end) of each element in this range. Raises ValueError where they do not fill it."""
    found = []
    while start < end:
        body, stop = head(data, start, end)
        found.append((start, body, stop))
        start = stop
    return found


def element(tag: int, body: bytes) -> bytes:
    """An element with this content."""
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def split(certificate: bytes) -> Parts:
    """A certificate's parts (RFC 5280, 4.1). Raises ValueError for what is none."""
    body, end = head(certificate, *head(certificate, 0, len(certificate)))
    fields = elements(certificate, body, end)
    at = 1 if fields and certificate[fields[0][0]] == 0xA0 else 0
    if len(fields) < at + 6:
        raise ValueError("a part of the certificate is missing")
    issuer, subject, key = (certificate[fields[at + step][0]:fields[at + step][2]] for step in (2, 4, 5))
    start, body, end = fields[-1]
    if certificate[start] != _EXTENSIONS:
        return Parts(issuer, subject, key, ())
    inner = elements(certificate, *head(certificate, body, end))
    return Parts(issuer, subject, key, tuple(certificate[one[0]:one[2]] for one in inner))


def with_one_extension(certificate: bytes, extension: bytes) -> bytes:
    """The certificate with only this extension, its signature as it was: for the library to read the extension by itself."""
    body, end = head(certificate, 0, len(certificate))
    start, stop = head(certificate, body, end)
    last = elements(certificate, start, stop)[-1]
    signed = certificate[start:last[0]] + element(_EXTENSIONS, element(_SEQUENCE, extension))
    return element(_SEQUENCE, element(_SEQUENCE, signed) + certificate[stop:end])


@functools.lru_cache(maxsize=1024)
def extension(raw: bytes) -> tuple:
    """(identifier in numbers, whether critical, content) of an extension (RFC 5280, 4.2)."""
    body, end = head(raw, 0, len(raw))
    start, stop = head(raw, body, end)
    flag, after = head(raw, stop, end)
    if raw[stop] != 0x01:
        return dotted(raw[start:stop]), False, raw[flag:after]
    content, last = head(raw, after, end)
    return dotted(raw[start:stop]), raw[flag] != 0, raw[content:last]


def key_algorithm(key: bytes) -> str:
    """The identifier of a SubjectPublicKeyInfo's algorithm, in numbers."""
    body, end = head(key, *head(key, 0, len(key)))
    start, stop = head(key, body, end)
    return dotted(key[start:stop])


@functools.lru_cache(maxsize=1024)
def dotted(identifier: bytes) -> str:
    """The numbers of an object identifier's content (X.690, 8.19)."""
    numbers, value = [], 0
    for byte in identifier:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    if not numbers or value:
        raise ValueError("an object identifier is cut off")
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


@functools.lru_cache(maxsize=1024)
def name(raw: bytes) -> tuple:
    """((identifier, text), …) of a Name's attributes, and whether every text is what its type says.

    Malformed text is read as Latin-1, what is no text as `#` and hexadecimal digits (RFC 4514, 2.4).
    Raises ValueError where even the structure is malformed.
    """
    pairs, sound = [], True
    for _set, body, end in elements(raw, *head(raw, 0, len(raw))):
        for _pair, first, last in elements(raw, body, end):
            (_kind, identifier, stop), (tag, value, after) = elements(raw, first, last)
            text, fits = _text(raw[tag], raw[value:after])
            pairs.append((dotted(raw[identifier:stop]), text))
            sound = sound and fits
    return tuple(pairs), sound


def _text(tag: int, content: bytes) -> tuple:
    if tag not in _CODECS:
        return f"#{content.hex()}", tag & 0xC0 == 0
    try:
        return content.decode(_CODECS[tag]), True
    except UnicodeDecodeError:
        return content.decode("latin-1"), False
