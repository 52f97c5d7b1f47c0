# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One plain text mail through a real SMTP server. Subjects and addresses are hostile until checked."""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from .errors import HostError, InputError, printable

# Words of RFC 5322 with dots between them, in ASCII; quoted users and address literals are what no administrator writes.
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(rf"{_WORD}(?:\.{_WORD})*@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def message(options: dict) -> EmailMessage:
    """The mail of the options. Raises InputError for what is no bare address."""
    mail = EmailMessage()
    mail["From"] = address(options["sender"], "sender")
    mail["To"] = ", ".join(address(one, "to") for one in options["to"])
    # The library decodes `=?utf-8?q?…?=` in what it is given, line ends included, and older Pythons then write these out.
    mail["Subject"] = printable(options["subject"]).replace("=?", "= ?")
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain=options["sender"].rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(printable(line.expandtabs()) for line in options["body"].replace("\r\n", "\n").split("\n")))
    return mail


def address(text: str, where: str) -> str:
    """A bare mail address. Raises InputError for anything else."""
    if not _ADDRESS.fullmatch(text) or "=?" in text:
        raise InputError(f"{text!r} is not a bare mail address", where=where, way_out="Write user@example.org")
    return text


def send(options: dict, check: bool) -> dict:
    """`message_id` and `refused`. Raises InputError, and HostError with the server's own words. check: nothing is sent."""
    if not options["to"]:
        raise InputError("names no recipient", where="to", way_out="Give at least one address")
    if options["username"] and options["secure"] == "none":
        raise InputError("a login would travel in clear", where="secure", way_out="Use starttls or tls")
    if not 0 < options["timeout"] <= 3600:
        raise InputError("is not between 0 and 3600 seconds", where="timeout", way_out="Give a number of seconds")
    if options["port"] is not None and not 0 < options["port"] < 65536:
        raise InputError("is not between 1 and 65535", where="port", way_out="Leave it out for the usual one")
    mail = message(options)
    if check:
        return {"message_id": None, "refused": {}}
    port = options["port"] or (465 if options["secure"] == "tls" else 587 if options["username"] else 25)
    try:
        server = _connected(options, port)
        try:
            refused = server.send_message(mail)
        finally:
            # What the server makes of the goodbye says nothing of the mail.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        raise HostError(f"the mail could not be sent: {_said(error)}", where=f"{options['host']}:{port}",
                        way_out="Check host, port, secure, and the login") from error
    return {"message_id": mail["Message-ID"], "refused": {who: _words(answer) for who, answer in refused.items()}}


def _connected(options: dict, port: int) -> smtplib.SMTP:
    host, timeout = options["host"], options["timeout"]
    context = None if options["secure"] == "none" else _context(options["ca_path"])
    kind, extra = (smtplib.SMTP_SSL, {"context": context}) if options["secure"] == "tls" else (smtplib.SMTP, {})
    server = kind(host, port, timeout=timeout, **extra)
    try:
        if options["secure"] == "starttls":
            server.starttls(context=context)
        if options["username"]:
            _login(server, options)
    except Exception:
        server.close()
        raise
    return server


def _login(server: smtplib.SMTP, options: dict) -> None:
    try:
        server.login(options["username"], options["password"])
    except UnicodeError:
        # Without its cause, which would show a character of the password.
        raise InputError("username and password can only be sent in ASCII", where="password", way_out="Give the account another password") from None


def _context(ca_path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_path)
    except OSError as error:
        raise InputError(f"the authorities cannot be read: {error}", where="ca_path", way_out="Name a PEM file of certificates") from error


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{who}: {_words(answer)}" for who, answer in error.recipients.items())
    if isinstance(error, smtplib.SMTPResponseException):
        return _words((error.smtp_code, error.smtp_error))
    return printable(str(error))


def _words(answer: tuple) -> str:
    code, text = answer
    return printable(f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}")
