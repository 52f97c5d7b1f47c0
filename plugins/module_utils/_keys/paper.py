# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paper keys: a key file, or a master key's private part, as a page to be printed, with QR codes to scan it back (proxmox-formats 2.5). Pure.

Content and layout are those of `proxmox-backup-client key paperkey`. It makes the codes with the program qrencode; here segno does, the one library of
Debian and PyPI that needs nothing else and draws SVG by itself.
"""

from __future__ import annotations

import base64
import html
import io
import json

from .._core.errors import FileRefused, LibraryMissing, printable
from . import key_config

try:
    import segno
    MISSING = None
except ImportError as _error:
    MISSING = _error

BEGIN, END = "-----BEGIN PROXMOX BACKUP KEY-----", "-----END PROXMOX BACKUP KEY-----"
FORMATS = ("html", "text")
_MASTER = ("ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY")
_LINES = {"html": 20, "text": 5}        # of a master key in one code, as the client does it
_SIZE = 500                             # points of a code on paper
_QUIET = 4                              # modules around a code (ISO/IEC 18004)
_STYLE = "  p {\n    font-size: 12pt;\n    font-family: monospace;\n    white-space: pre-wrap;\n    line-break: anywhere;\n  }"


def require_segno() -> None:
    """Raises LibraryMissing, with the names of the packages, where segno cannot be imported."""
    if MISSING is not None:
        raise LibraryMissing(f"the Python library segno cannot be imported ({MISSING})", where="host",
                             way_out="Install Debian's python3-segno, or `pip install segno` for Ansible's Python") from MISSING


def page(data: bytes, where: str, subject: str | None, form: str) -> str:
    """The page for a key file, or for a master key's private part in PEM. Raises FileRefused for anything else."""
    blocks = _blocks(data, where, form)
    return (_html if form == "html" else _text)(blocks, None if subject is None else printable(subject))


def _blocks(data: bytes, where: str, form: str) -> list:
    """((lines to be read, what its code holds), …)."""
    if data.lstrip().startswith(b"-----BEGIN "):
        lines, step = _master_lines(data, where), _LINES[form]
        numbered = [f"{number:02}: {line}" for number, line in enumerate(lines)]
        return [(numbered[at:at + step], "\n".join(lines[at:at + step])) for at in range(0, len(lines), step)]
    pretty = json.dumps(json.loads(key_config.render(key_config.parse(data, where))), indent=2, ensure_ascii=False)
    return [([BEGIN, *pretty.splitlines(), END], pretty)]


def _master_lines(data: bytes, where: str) -> list:
    lines = [line.strip() for line in data.decode("ascii", "replace").splitlines() if line.strip()]
    for label in _MASTER:
        # Shorter ones are not RSA keys; the client demands as much.
        if (lines[0], lines[-1]) == (f"-----BEGIN {label}-----", f"-----END {label}-----") and len(lines) >= 20 and all(map(str.isascii, lines)):
            return lines
    raise FileRefused("is neither a key file nor a master key's private part in PEM", where=where, way_out="Name a file that proxmox-backup-client has made")


def _html(blocks: list, subject: str | None) -> str:
    head = ["<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1.0">', "<title>Proxmox Backup Paperkey</title>",
            '<style type="text/css">', _STYLE, "</style>", "</head>", "<body>"]
    if subject is not None:
        head.append(f"<p>Subject: {html.escape(subject)}</p>")
    return "\n".join([*head, *(line for block in blocks for line in _div(*block, after=len(blocks) > 1)), "</body>", "</html>", ""])


def _div(lines: list, held: str, after: bool) -> list:
    image = io.BytesIO()
    _code(held).save(image, kind="svg", border=_QUIET, light="white", omitsize=True, xmldecl=False)
    encoded = base64.b64encode(image.getvalue()).decode("ascii")
    breaks = "page-break-inside: avoid;page-break-after: always" if after else "page-break-inside: avoid"
    return [f'<div style="{breaks}">', "<p>", *map(html.escape, lines), "</p>", "<center>",
            f'<img alt="The same as a QR code" width="{_SIZE}pt" height="{_SIZE}pt" src="data:image/svg+xml;base64,{encoded}"/>', "</center>", "</div>"]


def _text(blocks: list, subject: str | None) -> str:
    head = [] if subject is None else [f"Subject: {subject}", ""]
    feed = ["\f"] if len(blocks) > 1 else []
    return "\n".join([*head, *(line for lines, held in blocks for line in (*lines, *_drawn(held), *feed)), ""])


def _drawn(held: str) -> list:
    """The code in half blocks, dark on light as paper is, a line of text for two of its rows."""
    rows = [list(row) for row in _code(held).matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return ["".join(" ▀▄█"[upper + 2 * lower] for upper, lower in zip(*pair)) for pair in zip(rows[::2], rows[1::2])]


def _code(held: str):
    """Error correction of level M, as the client asks for. UTF-8: scanners read bytes so, a hint may be in any language."""
    return segno.make(held, error="m", boost_error=False, micro=False, mode="byte", encoding="utf-8")


def unframed(data: bytes) -> bytes:
    """What stands between the lines of a paper key; anything else as it is. So the text of a page, or of its code, can be imported again."""
    begin, end = BEGIN.encode("ascii"), END.encode("ascii")
    start, stop = data.find(begin), data.find(end)
    return data[start + len(begin):stop] if 0 <= start < stop else data
