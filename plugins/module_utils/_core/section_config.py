# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Section configurations as Proxmox's Rust products read and write them (proxmox-formats 1.10). Pure.

One fault makes the whole file unreadable to the product, so one fault refuses it here. Nothing is read that the product would not read.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from .errors import FileRefused, InputError

# White space as Unicode and Rust see it; Python's own methods also take U+001C to U+001F, which are no white space to the product.
_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
_PROPERTY = re.compile(f"[{_SPACE}]+([^{_SPACE}]+)[{_SPACE}](.*)")
_TYPE = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_KEY = re.compile("[A-Za-z0-9][A-Za-z0-9_-]*")
_PLAIN = re.compile("[ -~]*")
_WAY_OUT = "Correct or remove the line, or restore the file; nothing has been touched"


class Section(NamedTuple):
    """One section. properties: ((key, value), …) in the file's order; the items of an array are as many pairs with one key."""

    type: str
    id: str
    properties: tuple


def decoded(data: bytes, where: str) -> str:
    """The file's text. Raises FileRefused where it is no UTF-8, which the product does not read either."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(f"byte {error.start + 1} is no UTF-8: Proxmox Backup Server would refuse the whole file", where=where,
                          way_out="Restore the file; nothing has been touched") from error


def parse(text: str, where: str) -> list[Section]:
    """The sections, in order. Raises FileRefused with the number of the line and the reason.

    The product ends a line at LF or CR LF and a section at a line of nothing but white space, and takes any white space in front of a
    property. Of two sections with one id it silently keeps the second: such a file is refused here.
    """
    found: list[Section] = []
    head, properties, known = None, [], set()
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip(_SPACE)
        try:
            if not bare:
                if head:
                    found.append(Section(*head, tuple(properties)))
                head, properties = None, []
            elif head is None:
                head = _header(line, known)
            else:
                properties.append(_property(line))
        except ValueError as error:
            fact = "is a comment" if bare.startswith(("#", ";", "//")) else str(error)
            raise FileRefused(f"line {number} {fact}: Proxmox Backup Server would refuse the whole file", where=where, way_out=_WAY_OUT) from None
    return [*found, Section(*head, tuple(properties))] if head else found


def _header(line: str, known: set) -> tuple:
    """(type, id) of a section's first line. Raises ValueError with what the line is instead."""
    word, colon, rest = line.partition(":")
    word, identity = word.rstrip(_SPACE), rest.strip(_SPACE)
    if not colon or not _TYPE.fullmatch(word):
        raise ValueError("stands where a section begins, but is no `type: id`")
    if not identity or not _writable(identity):
        raise ValueError("names no id" if not identity else "has a control character in its id")
    if identity in known:
        raise ValueError(f"begins a second section {identity[:40]!r}, of which only one can be meant")
    known.add(identity)
    return word, identity


def _property(line: str) -> tuple:
    """(key, value) of a property's line. Raises ValueError with what the line is instead."""
    match = _PROPERTY.fullmatch(line)
    if not match:
        raise ValueError("has no blank behind its property" if line[0] in _SPACE
                         else "stands in a section, but does not begin with a blank, as properties do; an empty line ends a section")
    key, value = match.group(1), match.group(2).strip(_SPACE)
    if not _KEY.fullmatch(key):
        raise ValueError(f"has the unknown property {key[:40]!r}")
    if not _writable(value):
        raise ValueError(f"has a control character in {key}")
    return key, value


def _writable(text: str) -> bool:
    """Whether the product would write it: no control characters, nor halves of a character."""
    return bool(_PLAIN.fullmatch(text)) or not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def render(sections: list[Section]) -> str:
    """The text, byte for byte as the product writes it: keys in alphabetical order, an empty line between sections, none at the end.

    Raises InputError, with the section as its place, for what the product would not write or not read again.
    """
    times = Counter(section.id for section in sections)
    return "\n".join(_section_text(section, times[section.id]) for section in sections)


def _section_text(section: Section, times: int) -> str:
    place = f"section {section.id}"
    if not _TYPE.fullmatch(section.type) or not section.id or section.id != section.id.strip(_SPACE) or not _writable(section.id):
        raise InputError(f"`{section.type}: {section.id}` cannot begin a section", where=place, way_out="Choose another id")
    if times > 1:
        raise InputError("there are two sections with this id", where=place, way_out="Choose another id")
    for key, value in section.properties:
        if not _KEY.fullmatch(key) or not _writable(value):
            raise InputError(f"the property {key} cannot be written: no control characters are allowed", where=place, way_out="Choose another value")
    # Sorted by the key alone: the items of an array keep their order.
    return f"{section.type}: {section.id}\n" + "".join(f"\t{key} {value}\n" for key, value in sorted(section.properties, key=lambda pair: pair[0]))


def digest(data: bytes) -> str:
    """SHA-256 of the raw file, hexadecimal; of b"" for a missing one."""
    return hashlib.sha256(data).hexdigest()
