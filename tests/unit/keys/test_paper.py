# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paper keys: the pages, read by a browser's eyes and scanned by zxing, a reader of codes that shares nothing with segno."""

from __future__ import annotations

import base64
import html.parser
import json
import re

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused
from ansible_collections.evergreen.pki.plugins.module_utils._keys import key_config, paper
from ansible_collections.evergreen.pki.plugins.module_utils._keys.given import given_key
from ansible_collections.evergreen.pki.tests.unit.helpers import NOW, a_key, key_pem
from ansible_collections.evergreen.pki.tests.unit.keys import independent
from ansible_collections.evergreen.pki.tests.unit.keys.masters import PASSPHRASE, private

pytest.importorskip("segno", reason="segno, which draws the codes, is not installed")

KEY = bytes(range(32))
PLAIN = independent.written(KEY, 1_700_000_000, 1_700_000_000)
SEALED = independent.written(KEY, 1_700_000_000, 1_700_000_000, kdf=("PBKDF2", 100), salt=bytes(32), iv=bytes(16), passphrase=b"12345",
                             hint='<b>"Grün" & 漢字</b>')
MASTER = private(size=4096)
HOSTILE = "</p><script>alert(1)</script>\n\x1b[31m{{ 7 * 7 }} & \"quotes\" ' \u202e"


class Page(html.parser.HTMLParser):
    """What a browser would show: text of paragraphs, sources of images, tags."""

    def __init__(self, text: str):
        super().__init__()
        self.texts, self.images, self.tags, self._open = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._open = tag == "p"
        if tag == "p":
            self.texts.append("")
        if tag == "img":
            self.images.append(dict(attrs)["src"])

    def handle_endtag(self, tag):
        self._open = False if tag == "p" else self._open

    def handle_data(self, data):
        if self._open:
            self.texts[-1] += data


def dark_of_svg(source: str) -> list:
    """The modules of the image, rows of 0 and 1, drawn from its path by its own commands (SVG 1.1, 8.3): M and m move, h draws a row one unit high."""
    prefix = "data:image/svg+xml;base64,"
    assert source.startswith(prefix)
    svg = base64.b64decode(source[len(prefix):]).decode()
    side = int(re.search(r'<svg[^>]* viewBox="0 0 ([0-9]+) \1"', svg).group(1))
    strokes = re.search(r'<path(?=[^>]* stroke="#000")[^>]* d="([^"]+)"', svg).group(1)
    rows, x, y = [[0] * side for row in range(side)], 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", strokes):
        values = [float(number) for number in re.findall(r"-?[0-9.]+", numbers)]
        if command == "h":
            rows[int(y)][int(x):int(x + values[0])] = [1] * int(values[0])
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return rows


def dark_of_text(lines: list) -> list:
    """The same of half blocks."""
    uppers, lowers = {"▀": 1, "▄": 0, "█": 1, " ": 0}, {"▀": 0, "▄": 1, "█": 1, " ": 0}
    return [[half[char] for char in line] for line in lines for half in (uppers, lowers)]


def scanned(rows: list) -> str:
    """What zxing reads, four pixels a module, black on white."""
    zxing = pytest.importorskip("zxingcpp", reason="zxing-cpp, the reader, has no wheel for this Python")
    width = len(rows[0])
    assert all(len(row) == width for row in rows)
    pixels = b"".join(bytes(0 if dark else 255 for dark in row for _pixel in range(4)) for row in rows for _line in range(4))
    found = zxing.read_barcodes(memoryview(pixels).cast("B", (4 * len(rows), 4 * width)), formats=zxing.BarcodeFormat.QRCode)
    assert len(found) == 1, "there is not exactly one code in the picture"
    assert found[0].ec_level == "M"
    return found[0].bytes.decode("utf-8")


def blocks_of_text(page: str) -> list:
    """The codes of a text page, by the lines that are made of blocks."""
    groups, current = [], []
    for line in [*page.replace("\f", "").splitlines(), "end"]:
        if line and set(line) <= set("▀▄█ "):
            current.append(line)
        elif current:
            groups.append(current)
            current = []
    return groups


def opened(text: bytes) -> bytes:
    """The key that the other implementation finds."""
    return independent.opened(text, b"12345")["key"]


# Pages of encryption keys.

@pytest.mark.parametrize("data", [PLAIN, SEALED, PLAIN + b"\n"], ids=["without a passphrase", "with one, and a hint in other letters", "with a line end"])
def test_a_page_scans_back_to_the_same_key(data):
    """HTML and text hold the same pretty JSON in their code; it opens to the same key."""
    page = Page(paper.page(data, "x", None, "html"))
    text = paper.page(data, "x", None, "text")
    (lines,) = blocks_of_text(text)
    found = {scanned(dark_of_svg(page.images[0])), scanned(dark_of_text(lines))}
    assert len(found) == len(page.images) == 1
    (held,) = found
    assert opened(held.encode()) == KEY
    assert json.loads(held) == json.loads(data) and list(json.loads(held)) == list(json.loads(data))


@pytest.mark.parametrize("form", ["html", "text"])
def test_the_text_to_be_typed_is_the_key_file_in_pretty_json(form):
    """Between the two lines, two blanks a level, as the client prints it (proxmox-formats 2.5); imported with its frame it is the same key."""
    made = paper.page(SEALED, "x", None, form)
    shown = Page(made).texts[-1] if form == "html" else made
    match = re.search("-----BEGIN PROXMOX BACKUP KEY-----\n(.*\n)-----END PROXMOX BACKUP KEY-----\n", shown, re.DOTALL)
    assert json.loads(match.group(1)) == json.loads(SEALED) and match.group(1).startswith('{\n  "kdf": {\n    "PBKDF2": {\n      "iter": 100,\n')
    config = given_key(paper.unframed(match.group(0).encode()), "x", b"12345", NOW).config
    assert key_config.render(config) == SEALED


def test_a_hint_in_html_is_text():
    """What stands in a key file reaches the page escaped."""
    page = Page(paper.page(SEALED, "x", None, "html"))
    assert '<b>\\"Grün\\" & 漢字</b>' in page.texts[-1] and "b" not in page.tags


@pytest.mark.parametrize("form", ["html", "text"])
def test_a_hostile_subject_stays_a_line_of_text(form):
    """No tag, no control character, no line of its own; the rest of the page is that of any other."""
    made, bare = paper.page(PLAIN, "x", HOSTILE, form), paper.page(PLAIN, "x", None, form)
    subject = "Subject: </p><script>alert(1)</script>\\n\\x1b[31m{{ 7 * 7 }} & \"quotes\" ' \\u202e"
    if form == "html":
        page = Page(made)
        assert page.texts[0] == subject and "script" not in page.tags and page.images == Page(bare).images
        assert page.tags == [*Page(bare).tags[:Page(bare).tags.index("body") + 1], "p", *Page(bare).tags[Page(bare).tags.index("body") + 1:]]
    else:
        assert made == f"{subject}\n\n{bare}"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", made)


def test_a_page_asks_nobody():
    """No address and no script in it: a key must not leave with a picture that is fetched."""
    made = paper.page(PLAIN, "x", "s", "html")
    assert not re.search(r"(?:https?:|//|@import|url\()", re.sub(r'src="data:[^"]*"', "", made)) and set(Page(made).tags) <= {
        "html", "head", "meta", "title", "style", "body", "p", "div", "center", "img"}
    inner = base64.b64decode(Page(made).images[0].partition(",")[2]).decode()
    assert re.findall(r"https?://[^\"]+", inner) == ["http://www.w3.org/2000/svg"] and "<script" not in inner


def test_the_same_key_gives_the_same_page():
    """So that a second run changes nothing."""
    assert all(paper.page(SEALED, "x", "s", form) == paper.page(SEALED, "x", "s", form) for form in paper.FORMATS)


# Pages of master keys.

@pytest.mark.parametrize(("form", "step"), [("html", 20), ("text", 5)])
def test_a_master_key_is_numbered_lines_and_a_code_for_each_few(form, step):
    """20 lines a code in HTML, 5 in text, as the client does it; all codes together are the PEM text."""
    made = paper.page(MASTER, "x", None, form)
    lines = MASTER.decode().splitlines()
    if form == "html":
        codes, shown = [scanned(dark_of_svg(image)) for image in Page(made).images], "".join(Page(made).texts)
    else:
        codes, shown = [scanned(dark_of_text(block)) for block in blocks_of_text(made)], made
        assert made.count("\f") == len(codes)
    assert codes == ["\n".join(lines[at:at + step]) for at in range(0, len(lines), step)]
    assert re.findall("^([0-9]{2}): (.*)$", shown, re.MULTILINE) == [(f"{number:02}", line) for number, line in enumerate(lines)]
    assert PASSPHRASE not in made


@pytest.mark.parametrize(("data", "says"), [
    pytest.param(b"", "no key file", id="nothing"), pytest.param(PLAIN[:-30], "no key file", id="half a key file"),
    pytest.param(b"{}", "no key file", id="another JSON"),
    pytest.param(key_pem(a_key(), b"12345"), "neither a key file nor", id="a key that is not RSA"),
    pytest.param(MASTER[:-40], "neither a key file nor", id="half a master key"), pytest.param(MASTER + b"more", "neither a key file nor", id="more behind it"),
    pytest.param(private(passphrase=None), "neither a key file nor", id="a master key without a passphrase, which the client does not print"),
    pytest.param(MASTER.replace(b"\n", b"\n\xff", 3), "neither a key file nor", id="bytes in it"),
    pytest.param(b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "neither a key file nor", id="its first line"),
    pytest.param(b"-----BEGIN ", "neither a key file nor", id="a beginning"), pytest.param(b"\xff\xfe", "no key file", id="bytes"),
])
def test_what_is_no_key_is_refused(data, says):
    """With its place, and nothing of its content."""
    with pytest.raises(FileRefused, match=says) as caught:
        paper.page(data, "/the/file", None, "html")
    assert str(caught.value).startswith("/the/file: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(("given", "left"), [
    (b"x", b"x"), (b"-----BEGIN PROXMOX BACKUP KEY-----\n{}\n-----END PROXMOX BACKUP KEY-----\n", b"\n{}\n"),
    (b"-----END PROXMOX BACKUP KEY-----{}-----BEGIN PROXMOX BACKUP KEY-----", b"-----END PROXMOX BACKUP KEY-----{}-----BEGIN PROXMOX BACKUP KEY-----"),
    (b"-----BEGIN PROXMOX BACKUP KEY-----{}", b"-----BEGIN PROXMOX BACKUP KEY-----{}"),
])
def test_only_a_whole_frame_is_taken_off(given, left):
    """Anything else goes on as it is, and is refused where it is read."""
    assert paper.unframed(given) == left
