# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the API of a Proxmox Backup Server is, who asks, and what cannot be asked of it (proxmox-formats 2.4). Pure."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from .._core.errors import InputError

# As an option of a module, a dictionary with these keys.
API = {"type": "dict", "mutually_exclusive": [("fingerprint", "ca_path")], "options": {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 8007},
    # A name and no secret; without this, Ansible guesses that it is one.
    "token_id": {"type": "str", "required": True, "no_log": False},
    "token": {"type": "str", "required": True, "no_log": True},
    "fingerprint": {"type": "str"},
    "ca_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
}}
_NAME = re.compile(r"(?=.{1,253}\.?\Z)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?")
# user@realm!name; what a user is called is free but for these signs, and only visible ASCII passes in a header.
_TOKEN_ID = re.compile(r"[!-.0-9;-~]{1,64}@[A-Za-z0-9_][A-Za-z0-9._-]{0,63}![A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_NO_SUCH_KEY = "The server's API takes and shows no such thing: run on the server itself, without api"


class Address(NamedTuple):
    """A server and the token that asks it. host: a name or an address without brackets; fingerprint: 32 lower-case pairs with colons, or None.

    ca_path: PEM file of the authorities to trust, None for the system's where there is no fingerprint. timeout: seconds for one answer.
    """

    host: str
    port: int
    token_id: str
    token: str
    fingerprint: str | None
    ca_path: str | None
    timeout: float

    def __repr__(self) -> str:
        """The token must not come into a log by a traceback or a message."""
        return f"Address({self.where!r}, token_id={self.token_id!r}, token=hidden)"

    @property
    def where(self) -> str:
        """The server for messages."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def authorization(self) -> str:
        """The header of that name. The server decodes what is percent-encoded in the secret."""
        return f"PBSAPIToken={self.token_id}:{quote(self.token, safe='')}"


def address_of(api: dict) -> Address:
    """The option `api` as an Address. Raises InputError with the key."""
    if not 1 <= api["port"] <= 65535:
        raise InputError(f"{api['port']} is no port", where="api.port", way_out="Give 1 to 65535; Proxmox Backup Server has 8007")
    if not 0 < api["timeout"] <= 3600:
        raise InputError("is not between 0 and 3600 seconds", where="api.timeout", way_out="Give a number of seconds")
    if not _TOKEN_ID.fullmatch(api["token_id"]):
        raise InputError("is no user@realm!name", where="api.token_id", way_out="Give the id of an API token as Proxmox Backup Server shows it")
    if not re.fullmatch("[!-~]{1,1024}", api["token"]):
        raise InputError("is empty, or has blanks or line ends", where="api.token", way_out="Give the secret of the API token alone, without its id")
    return Address(_host(api["host"]), api["port"], api["token_id"], api["token"], _fingerprint(api["fingerprint"]), api["ca_path"], api["timeout"])


def _host(text: str) -> str:
    # Few calls name a server, and all load this room.
    import ipaddress
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        # Behind a percent sign Python takes anything for the name of an interface.
        if "%" not in bare:
            return str(ipaddress.ip_address(bare))
    except ValueError:
        # What has only digits and dots is an address that is none.
        if _NAME.fullmatch(text) and not re.fullmatch("[0-9.]+", text):
            return text
    raise InputError(f"{text!r} is no host name and no address", where="api.host", way_out="Give the server's name alone, without https:// and port")


def _fingerprint(text: str | None) -> str | None:
    if text is None:
        return None
    bare = text.replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(bare):
        raise InputError("is no SHA-256 fingerprint", where="api.fingerprint",
                         way_out="Give the 32 pairs that `proxmox-backup-manager cert info` shows on the server")
    return bytes.fromhex(bare).hex(":")


def check_fits(options: dict) -> None:
    """Raises InputError, with the option, for what files can do and the API cannot: it gives no key away, and takes none with a passphrase."""
    if options.get("state") == "loadable":
        raise InputError("the API gives no key away, so it cannot be opened", where="state", way_out=_NO_SUCH_KEY)
    if options.get("rewrap"):
        raise InputError("the API gives no key away, so it cannot be wrapped anew", where="rewrap", way_out=_NO_SUCH_KEY)
    if options.get("verify_files"):
        raise InputError("the API shows no key file", where="verify_files", way_out=_NO_SUCH_KEY)
    if options.get("kdf") not in (None, "none"):
        raise InputError("the API takes keys without a passphrase only", where="kdf", way_out="Leave it out: the server keeps the key readable for itself only")
    for option in ("passphrase", "hint"):
        if options.get(option) is not None:
            raise InputError("the API takes keys without a passphrase only", where=option,
                             way_out="Leave it out; what opens a key that is to be imported is key_passphrase")
