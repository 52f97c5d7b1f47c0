# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done with one key file outside the store, and what may not be, as proxmox-backup-client knows it (proxmox-formats 2.5). Pure."""

from __future__ import annotations

from typing import NamedTuple

from .._core.errors import HostError, InputError, KeyRefused
from . import key_config
from .given import Given, in_form, key_of, made, sealed
from .key_config import KeyConfig

NONE, CREATE, IMPORT, REWRAP, RESTRICT = ACTIONS = ("none", "create", "import", "rewrap", "restrict")


class Wish(NamedTuple):
    """What is asked of a key file. kdf: the form of what is written. The names are those of the store's keys, so that its rooms can write it."""

    kdf: str
    passphrase: bytes | None = None
    new_passphrase: bytes | None = None
    hint: str | None = None
    rewrap: bool = False
    return_secret: bool = False

    def __repr__(self) -> str:
        """No passphrase comes into a traceback or a log."""
        return f"Wish(kdf={self.kdf!r}, rewrap={self.rewrap})"

    @property
    def wrapping(self) -> bytes | None:
        """The passphrase of what is written; None where it is written without one."""
        return None if self.kdf == "none" else self.passphrase if self.new_passphrase is None else self.new_passphrase


class Decision(NamedTuple):
    """action: a word of ACTIONS. config: the key file as it is to be, in check mode None for a new key. key: the key itself, where it had to be opened."""

    action: str
    config: KeyConfig | None
    key: bytes | None = None

    def __repr__(self) -> str:
        return f"Decision(action={self.action!r})"


def wish_of(options: dict, product: str, hidden: bool) -> Wish:
    """The options of client_key as a Wish. hidden: whether the task has no_log. Raises InputError with the option."""
    kdf = options["kdf"] or ("scrypt" if product == "client" else "none")
    wish = Wish(kdf, _bytes(options["passphrase"]), _bytes(options["new_passphrase"]), options["hint"], options["rewrap"], options["return_secret"])
    if product != "client" and kdf != "none":
        raise InputError("the product opens a key without a passphrase only", where="kdf", way_out="Leave it out, or choose none")
    if wish.return_secret and not hidden:
        raise InputError("the secret is returned only where Ansible shows and logs nothing of the result", where="return_secret",
                         way_out="Set no_log: true on the task")
    _check_sources(options, wish)
    _check_form(wish)
    return wish


def _check_sources(options: dict, wish: Wish) -> None:
    """What would open or wrap nothing is a mistake, not a wish."""
    own, wrapped = ("key", "key_src"), ("encrypted_key", "encrypted_key_src")
    there = {name for name in (*own, *wrapped, "master_key", "master_key_src") if options[name] is not None}
    if wish.new_passphrase is not None and not wish.rewrap:
        raise InputError("is only used with rewrap", where="new_passphrase", way_out="Set rewrap: true, or leave it out")
    if wish.rewrap and there:
        raise InputError("a key is either imported or wrapped anew", where="rewrap", way_out="Use a task for each")
    if options["key_passphrase"] is not None and not there & set(own):
        raise InputError("there is no key that it could open", where="key_passphrase", way_out="Give key or key_src")
    if there & set(wrapped) and not there & {"master_key", "master_key_src"}:
        raise InputError("is missing", where="master_key", way_out="Give the private part of the master key that the key is wrapped for")
    if not there & set(wrapped) and (there & {"master_key", "master_key_src"} or options["master_passphrase"] is not None):
        raise InputError("there is no key that it could open", where="master_key", way_out="Give encrypted_key or encrypted_key_src")


def _check_form(wish: Wish) -> None:
    key_config.check_hint(wish.hint, None if wish.kdf == "none" else wish.kdf)
    useless = "new_passphrase" if wish.new_passphrase is not None else "passphrase" if wish.passphrase is not None and not wish.rewrap else None
    if wish.kdf == "none" and useless:
        raise InputError("kdf none keeps the key without a passphrase", where=useless, way_out="Choose kdf scrypt, or leave it out")
    if wish.wrapping is not None and len(wish.wrapping) < key_config.MIN_PASSPHRASE:
        raise InputError(f"has fewer than {key_config.MIN_PASSPHRASE} bytes", where="passphrase" if wish.new_passphrase is None else "new_passphrase",
                         way_out="Choose a longer one")


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogatepass")


def decide(wish: Wish, there: KeyConfig | None, mode: int | None, given: Given | None, where: str, tools: tuple, foresee: bool = False) -> Decision:
    """What is to be done; at most three derivations, none where a key is there and no rewrap is asked for.

    there, mode: the present file and its permission bits, None where there is none (mode also where it does not matter).
    tools: the time, and chance as `random(n) -> bytes`. foresee: in check mode no new key is made.
    Raises KeyRefused, InputError, HostError.
    """
    if there is None:
        if wish.rewrap:
            raise HostError("there is no key that could be wrapped anew", where=where, way_out="Correct the path, or make the key without rewrap")
        return _new(wish, given, tools, foresee)
    if given is not None:
        _check_same(there, given, where)
    decision = _rewrapped(wish, there, where, tools) if wish.rewrap else Decision(NONE, there)
    too_open = decision.action == NONE and mode is not None and mode & 0o077
    return decision._replace(action=RESTRICT) if too_open else decision


def _new(wish: Wish, given: Given | None, tools: tuple, foresee: bool) -> Decision:
    if wish.kdf != "none" and wish.wrapping is None:
        raise InputError(f"kdf {wish.kdf} needs one", where="passphrase", way_out="Give a passphrase, or choose kdf none")
    if given is None and foresee:
        return Decision(CREATE, None)
    key = key_of(given, tools[1])
    return Decision(CREATE if given is None else IMPORT, made(wish, given, key, *tools), key)


def _check_same(there: KeyConfig, given: Given, where: str) -> None:
    """A key is never exchanged for another one: what was encrypted with it would be lost. What a file says of itself counts; opening it checks that."""
    present = there.fingerprint if there.kdf is not None else key_config.fingerprint(key_config.unwrap(there, None, where))
    other = given.fingerprint or key_config.fingerprint(key_config.unwrap(given.config, given.passphrase, given.where))
    if present is None:
        raise KeyRefused("does not say which key it holds, so it cannot be compared with the given one", where=where,
                         way_out="Wrap it anew first, with rewrap")
    if present != other:
        raise KeyRefused(f"holds another key ({present}) than the given one ({other})", where=where,
                         way_out="Move it to a safe place first: the backups made with it need it")


def _rewrapped(wish: Wish, there: KeyConfig, where: str, tools: tuple) -> Decision:
    """The same key in the form that is asked for, unless it has it already: known by opening it with the new passphrase."""
    if wish.kdf != "none" and wish.wrapping is None:
        raise InputError(f"kdf {wish.kdf} needs one", where="new_passphrase", way_out="Give the new passphrase, or choose kdf none")
    key = _opens(there, wish.wrapping, where)
    if key is not None and in_form(there, wish.kdf) and wish.hint in (None, there.hint) and there.fingerprint is not None:
        return Decision(NONE, there, key)
    if key is None:
        key = key_config.unwrap(there, wish.passphrase, where)
    return Decision(REWRAP, sealed(wish, key, *tools, there.created), key)


def _opens(there: KeyConfig, passphrase: bytes | None, where: str) -> bytes | None:
    """The key, where it needs no passphrase or this one; a file that lies about its key is refused by whoever opens it then."""
    if there.kdf is not None and passphrase is None:
        return None
    try:
        return key_config.unwrap(there, passphrase, where)
    except KeyRefused:
        return None
