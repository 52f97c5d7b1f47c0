# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._core.section_config import Section, decoded, digest, parse, render
from ansible_collections.evergreen.pki.tests.unit.helpers import lawful

PATH = "/etc/proxmox-backup/encryption-keys.cfg"
thorough = settings(lawful, max_examples=500)


# The product's reading a second time, from proxmox-formats 1.10, character by character.

def blank(char: str) -> bool:
    """White space as Unicode has it, which is what Rust trims by."""
    return char in "\t\n\x0b\x0c\r\x85" or unicodedata.category(char) in ("Zs", "Zl", "Zp")


def trimmed(text: str) -> str:
    while text and blank(text[0]):
        text = text[1:]
    while text and blank(text[-1]):
        text = text[:-1]
    return text


def second_reading(text: str):
    """[(type, id, [(key, value), …]), …] as the product reads it, schemas left out; None where it refuses."""
    found, inside = [], False
    for line in text.split("\n"):
        if not trimmed(line):
            inside = False
        elif inside:
            split = next((at for at, char in enumerate(line) if blank(char) and trimmed(line[:at])), None)
            if not blank(line[0]) or split is None:
                return None
            found[-1][2].append((trimmed(line[:split]), trimmed(line[split:])))
        else:
            word, colon, identity = line.partition(":")
            if not line[0].isalpha() or not colon:
                return None
            found.append((trimmed(word), trimmed(identity), []))
            inside = True
    return found


def readable(found: list) -> bool:
    """Whether the schemas of any product could take it, and nothing of it is lost on the way back."""
    signs = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    words = all(set(word) <= signs | {"-", "_"} for word, _identity, _pairs in found)
    keys = [key for _word, _identity, pairs in found for key, _value in pairs]
    texts = [identity for _word, identity, _pairs in found] + [value for _word, _identity, pairs in found for _key, value in pairs]
    return (words and all(set(key) <= signs | {"-", "_"} and key[0] in signs for key in keys)
            and not any(unicodedata.category(char) in ("Cc", "Cs") for text in texts for char in text)
            and all(identity for _word, identity, _pairs in found) and len({identity for _word, identity, _pairs in found}) == len(found))


words = st.text("abz09-", min_size=1, max_size=6).map("k{}".format)
inner = st.text(st.characters(blacklist_categories=("Cc", "Cs")), max_size=20).map(trimmed)
section = st.builds(Section, words, inner.filter(bool), st.lists(st.tuples(words, inner), max_size=3).map(tuple))
sections = st.lists(section, max_size=4, unique_by=lambda one: one.id)
pieces = st.sampled_from([
    "sync-key: abc", "sync-key: def", "sync: abc", "sync-key : abc ", "\tkdf none", "\thint ", "\thint", " kdf  none ", "\tpath /a b", "# no", "\t# no",
    "", " ", "\t", "kdf none", "sync-key", ": abc", "sync-key:", "é: abc", "\u00a0kdf\u2003none", "\x1ckdf none", "\tkdf\x1cnone", "\tkdf \x85",
    "\tkdf none\x1c", "\x1c",
])
alphabet = st.text("ab:#\t\n\r \x1c\x85\u00a0\u2028\u200b-_é/.0\0", max_size=30)
lines = st.lists(pieces | alphabet, max_size=12).flatmap(lambda some: st.sampled_from(["\n", "\r\n", "\n\n"]).map(lambda end: end.join(some)))
# A sound text with something put into it.
spoils = st.sampled_from(["\x1c", "\x85", "\u00a0", "\n", "\n\n", " ", ":", "#", "\0", "é", "\t", "\r"])
spoilt = st.builds(lambda text, at, what: text[:at] + what + text[at:], sections.map(render), st.integers(0, 100), spoils)


@thorough
@given(lines | alphabet | st.text() | spoilt)
def test_any_text_is_read_as_the_product_would_or_refused(text):
    """The second reading decides which; nothing but FileRefused is raised."""
    expected = second_reading(text)
    if expected is not None and readable(expected):
        assert parse(text, PATH) == [Section(word, identity, tuple(pairs)) for word, identity, pairs in expected]
    else:
        with pytest.raises(FileRefused, match="Proxmox Backup Server would refuse the whole file"):
            parse(text, PATH)


@lawful
@given(sections)
def test_what_is_written_is_read_again(some):
    """With the keys in order; and written again, it is the same text."""
    text = render(some)
    assert parse(text, PATH) == [one._replace(properties=tuple(sorted(one.properties, key=lambda pair: pair[0]))) for one in some]
    assert render(parse(text, PATH)) == text
    assert second_reading(text) == [(*one[:2], sorted(one.properties, key=lambda pair: pair[0])) for one in some]


@pytest.mark.parametrize(("given_sections", "text"), [
    pytest.param([], "", id="nothing"),
    pytest.param([Section("sync-key", "abc", ())], "sync-key: abc\n", id="no property"),
    pytest.param([Section("dns", "a", (("data", "x"), ("api", "ovh")))], "dns: a\n\tapi ovh\n\tdata x\n", id="alphabetical"),
    pytest.param([Section("sync", "a", (("b", "2"), ("ns", "z"), ("b", "1")))], "sync: a\n\tb 2\n\tb 1\n\tns z\n", id="an array keeps its order"),
    pytest.param([Section("dns", "a", (("disable", "true"),)), Section("standalone", "b", ())], "dns: a\n\tdisable true\n\nstandalone: b\n",
                 id="an empty line between, none at the end"),
    pytest.param([Section("remote", "a", (("comment", ""),))], "remote: a\n\tcomment \n", id="an empty text keeps its blank"),
    pytest.param([Section("remote", "a", (("b-a", "1"), ("b", "2"), ("B", "3")))], "remote: a\n\tB 3\n\tb 2\n\tb-a 1\n", id="by bytes, capitals first"),
])
def test_what_is_written(given_sections, text):
    """Byte for byte as the product writes it (proxmox-formats 1.10)."""
    assert render(given_sections) == text and parse(text, PATH) == [
        one._replace(properties=tuple(sorted(one.properties, key=lambda pair: pair[0]))) for one in given_sections]


@pytest.mark.parametrize("text", [
    pytest.param("\n \nsync-key: abc\n        kdf none\n", id="empty lines before, blanks in front"),
    pytest.param("sync-key:abc\r\n\tkdf none\r\n", id="line ends of another system"),
    pytest.param("sync-key :  abc  \n \t kdf\t\tnone  \n\n\n", id="blanks everywhere"),
    pytest.param("sync-key: abc\n\tkdf none", id="no line end at the end"),
])
def test_what_else_is_read(text):
    """Any blanks are taken on reading."""
    assert parse(text, PATH) == [Section("sync-key", "abc", (("kdf", "none"),))]


@pytest.mark.parametrize(("text", "says"), [
    pytest.param("# kept by Puppet\nsync-key: abc\n", "line 1 is a comment", id="a comment first"),
    pytest.param("sync-key: abc\n\tkdf none\n# mine\n", "line 3 is a comment", id="a comment in a section"),
    pytest.param("sync-key: abc\n\t# mine\n", "line 2 is a comment", id="an indented comment"),
    pytest.param("sync-key: abc\n\n  # mine\n", "line 3 is a comment", id="a comment between sections"),
    pytest.param("sync-key: abc\n\n; mine\n", "line 3 is a comment", id="another sign"),
    pytest.param("sync-key: abc\n\thint\n", "line 2 has no blank behind its property", id="a property without its blank"),
    pytest.param("sync-key: abc\n\n\tkdf none\n", "line 3 stands where a section begins, but is no `type: id`", id="a property behind an empty line"),
    pytest.param("\tkdf none\n", "line 1 stands where a section begins", id="a property first"),
    pytest.param("sync-key: abc\nsync-key: def\n", "line 2 stands in a section, but does not begin with a blank", id="no empty line between sections"),
    pytest.param("sync-key: abc\nkdf none\n", "line 2 stands in a section", id="a property without a blank in front"),
    pytest.param("sync-key abc\n", "line 1 stands where a section begins", id="no colon"),
    pytest.param("sync-key:\n", "line 1 names no id", id="no id"),
    pytest.param("[sync-key]\n", "line 1 stands where a section begins", id="the other kind of file"),
    pytest.param("\ufeffsync-key: abc\n", "line 1 stands where a section begins", id="a byte order mark"),
    pytest.param("sync-key: abc\n\nsync-key: abc\n", "line 3 begins a second section 'abc'", id="an id twice"),
    pytest.param("sync-key: abc\n\nsync: abc\n", "line 3 begins a second section 'abc'", id="an id twice, of two types"),
    pytest.param("sync-key: abc\n\thint a\x1b[2J\n", "line 2 has a control character in hint", id="a control character"),
    pytest.param("sync-key: abc\n\thint a\tb\n", "line 2 has a control character in hint", id="a tab in a value"),
    pytest.param("sync-key: abc\n\tkdf none\x1c\n", "line 2 has a control character in kdf", id="one that Python takes for a blank, behind a value"),
    pytest.param("sync-key: abc\x1c\n", "line 1 has a control character in its id", id="behind an id"),
    pytest.param("sync-key: abc\n\x1ckdf none\n", "line 2 stands in a section", id="in front of a property"),
    pytest.param("sync-key: abc\n\x1c\n", "line 2 stands in a section", id="on an empty line"),
    pytest.param("sync-key: abc\n\tkdf\x1cnone\n", "line 2 has no blank behind its property", id="behind a property"),
    pytest.param("sync-key: a\0c\n", "line 1 has a control character in its id", id="a NUL in an id"),
    pytest.param("sync-key: abc\n\tkdf: none\n", "line 2 has the unknown property 'kdf:'", id="YAML"),
    pytest.param("sync-key: abc\n\t-kdf none\n", "line 2 has the unknown property '-kdf'", id="a dash in front"),
    pytest.param("sync-key: abc\n\t" + "k" * 500 + "! none\n", "line 2 has the unknown property 'kkkk", id="a long one"),
])
def test_what_the_product_refuses_is_refused(text, says):
    """With the file, the line, the reason, whose file it is and that nothing has been touched; on one line, whatever stands in it."""
    with pytest.raises(FileRefused) as caught:
        parse(text, PATH)
    message = str(caught.value)
    assert message.startswith(f"{PATH}: {says}") and ": Proxmox Backup Server would refuse the whole file. " in message
    assert message.endswith("; nothing has been touched") and message.isprintable() and len(message) < 400


@pytest.mark.parametrize(("some", "place"), [
    pytest.param([Section("sync-key", "abc", (("hint", "a\nsync-key: evil"),))], "section abc", id="a line end in a value"),
    pytest.param([Section("sync-key", "abc", (("hint", "a\x85"),))], "section abc", id="a control character"),
    pytest.param([Section("sync-key", "abc", (("hint", "\ud800"),))], "section abc", id="half a character"),
    pytest.param([Section("sync-key", "abc", (("hi nt", "a"),))], "section abc", id="a blank in a key"),
    pytest.param([Section("sync-key", "abc", (("", "a"),))], "section abc", id="an empty key"),
    pytest.param([Section("sync-key", "a\nb", ())], "section a\nb", id="a line end in an id"),
    pytest.param([Section("sync-key", " abc", ())], "section  abc", id="a blank in front of an id"),
    pytest.param([Section("sync-key", "", ())], "section ", id="no id"),
    pytest.param([Section("sync:key", "abc", ())], "section abc", id="a colon in a type"),
    pytest.param([Section("a", "abc", ()), Section("b", "abc", ())], "section abc", id="an id twice"),
])
def test_what_could_not_be_read_again_is_not_written(some, place):
    """No value makes a line of its own, and no file is written that the product would refuse."""
    with pytest.raises(InputError) as caught:
        render(some)
    assert caught.value.where == place and caught.value.way_out


@pytest.mark.parametrize(("data", "byte"), [(b"sync-key: \xff\n", 11), (b"\xff\xfes\0", 1), (b"abc\xc3", 4), (b"\xed\xa0\x80", 1)])
def test_what_is_no_utf_8_is_refused(data, byte):
    """The product reads nothing else either."""
    with pytest.raises(FileRefused, match=f"{PATH}: byte {byte} is no UTF-8: Proxmox Backup Server would refuse"):
        decoded(data, PATH)
    assert decoded("sync-key: é\r\n".encode(), PATH) == "sync-key: é\r\n"


def test_a_long_line_takes_no_long_time():
    """1 MiB of anything is read or refused in one pass: more than that would hang here."""
    for text in (" " * 2**20, "a: b\n" + " " * 2**20 + "\x1c", "a" * 2**20, "a: b\n\t" + "k" * 2**20, "a: b\n" + "\tk v\n" * 150_000):
        try:
            assert all(one.id == "b" for one in parse(text, PATH))
        except FileRefused as error:
            assert len(str(error)) < 400


@given(st.binary(max_size=200))
@lawful
def test_the_digest_is_of_the_raw_file(data):
    """SHA-256 in small hexadecimal digits."""
    assert digest(data) == hashlib.sha256(data).hexdigest()
