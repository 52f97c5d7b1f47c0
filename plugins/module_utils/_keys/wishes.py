# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call asks of one key, and what the options may not contradict. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from .._core.errors import InputError
from . import key_config, sync_keys
from .words import MAKING

_HEX = re.compile("[0-9a-f]{64}")


class Wish(NamedTuple):
    """What is asked. kdf: the form of what is written, None where nothing may be. proven: the long form of a fingerprint."""

    id: str
    state: str
    kdf: str | None = None
    passphrase: bytes | None = None
    new_passphrase: bytes | None = None
    hint: str | None = None
    rewrap: bool = False
    fail_on_archived: bool = False
    return_secret: bool = False
    digest: str | None = None
    escrow: dict | None = None
    proven: str | None = None

    def __repr__(self) -> str:
        """No passphrase comes into a traceback or a log."""
        return f"Wish(id={self.id!r}, state={self.state!r}, kdf={self.kdf!r}, rewrap={self.rewrap})"

    @property
    def wrapping(self) -> bytes | None:
        """The passphrase of what is written; None where it is written without one."""
        if self.kdf in (None, "none"):
            return None
        return self.passphrase if self.new_passphrase is None else self.new_passphrase


def wish_of(options: dict, hidden: bool) -> Wish:
    """The options of encryption_key as a Wish. hidden: whether the task has no_log. Raises InputError with the option."""
    sync_keys.check_id(options["id"])
    wish = Wish(options["id"], options["state"], None, _bytes(options["passphrase"]), _bytes(options["new_passphrase"]), options["hint"],
                options["rewrap"], options["fail_on_archived"], options["return_secret"], _digest(options["digest"]), options["escrow"],
                _fingerprint(options["escrow_proven"]))
    wish = wish._replace(kdf=_kdf(wish, options["kdf"]))
    _check_given(options)
    _check_rewrap(wish)
    _check_form(wish)
    _check_secret(wish, hidden)
    _check_escrow(wish)
    return wish


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _digest(text: str | None) -> str | None:
    if text is None or _HEX.fullmatch(text.lower()):
        return text and text.lower()
    raise InputError("is no SHA-256 in hexadecimal", where="digest", way_out="Give the digest that an earlier call returned")


def _fingerprint(text: str | None) -> str | None:
    if text is None:
        return None
    bare = text.replace(":", "").lower()
    if not _HEX.fullmatch(bare):
        raise InputError("is no whole fingerprint", where="escrow_proven", way_out="Give the fingerprint that the proof returned, 32 pairs")
    return ":".join(bare[at:at + 2] for at in range(0, 64, 2))


def _kdf(wish: Wish, asked: str | None) -> str | None:
    """The product's server opens no key that has a passphrase, so a key is kept without one unless a passphrase is given."""
    if not (wish.rewrap or wish.state in MAKING):
        return None
    given = wish.new_passphrase if wish.rewrap else wish.passphrase
    return asked or ("none" if given is None else "scrypt")


def _check_given(options: dict) -> None:
    given = options["key"] is not None or options["key_src"] is not None
    if given and options["state"] not in MAKING:
        raise InputError("a key is only taken with state present, active or prepared", where="key", way_out="Leave it out, or choose another state")
    if given and options["rewrap"]:
        raise InputError("a key is either imported or wrapped anew", where="rewrap", way_out="Leave out one of key and rewrap")
    if options["key_passphrase"] is not None and not given:
        raise InputError("there is no key that it could open", where="key_passphrase",
                         way_out="Give key or key_src; to open what is in the store use passphrase")


def _check_rewrap(wish: Wish) -> None:
    if wish.rewrap and wish.state != "present":
        raise InputError("a key is wrapped anew with state present only", where="rewrap", way_out="Use a task for each")
    if wish.new_passphrase is not None and not wish.rewrap:
        raise InputError("is only used with rewrap", where="new_passphrase", way_out="Set rewrap: true, or leave it out")


def _check_form(wish: Wish) -> None:
    """The form that is to be written, where one may be."""
    if wish.kdf is None:
        if wish.hint is not None:
            raise InputError("nothing is written that could carry a hint", where="hint", way_out="Leave it out, or use it with state present")
        return
    key_config.check_hint(wish.hint, None if wish.kdf == "none" else wish.kdf)
    if wish.kdf == "none":
        useless = "new_passphrase" if wish.new_passphrase is not None else "passphrase" if wish.passphrase is not None and not wish.rewrap else None
        if useless:
            raise InputError("kdf none keeps the key without a passphrase", where=useless, way_out="Choose kdf scrypt, or leave the passphrase out")
    else:
        where = "new_passphrase" if wish.new_passphrase is not None else "passphrase"
        if wish.wrapping is None:
            raise InputError(f"kdf {wish.kdf} needs one", where=where, way_out="Give a passphrase, or choose kdf none")
        if len(wish.wrapping) < key_config.MIN_PASSPHRASE:
            raise InputError(f"has fewer than {key_config.MIN_PASSPHRASE} bytes", where=where, way_out="Choose a longer one")


def _check_secret(wish: Wish, hidden: bool) -> None:
    if wish.return_secret and wish.state != "loadable":
        raise InputError("the secret is returned with state loadable only", where="return_secret", way_out="Use a task of its own")
    if wish.return_secret and not hidden:
        raise InputError("the secret is returned only where Ansible shows and logs nothing of the result", where="return_secret",
                         way_out="Set no_log: true on the task")
    if wish.fail_on_archived and wish.state != "loadable":
        raise InputError("is only used with state loadable", where="fail_on_archived", way_out="Leave it out")


def _check_escrow(wish: Wish) -> None:
    if wish.escrow is not None and wish.state not in (*MAKING, "loadable"):
        raise InputError(f"nothing is wrapped for anybody with state {wish.state}", where="escrow", way_out="Leave it out")
    if wish.proven is not None and wish.state not in ("present", "active"):
        raise InputError("a proof is only used with state present or active", where="escrow_proven", way_out="Leave it out")
