# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server that keeps what it is sent: STARTTLS is required, and a login where --user is given. Needs aiosmtpd.

One or more listeners, each `FD:CERT:KEY` with an inherited listening socket; SIGHUP reads all pairs again. Each message
becomes a file N.eml in --folder, with headers of ours that say how it came. The server ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import pathlib
import signal
import socket
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Pair:
    """The pair of one listener; one that cannot be loaded leaves the old one in service, as Postfix's would."""

    def __init__(self, cert: str, key: str):
        self.cert, self.key = cert, key
        self.context = self.load()

    def load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context

    def reload(self) -> None:
        try:
            self.context = self.load()
        except (OSError, ValueError) as error:
            print(f"reload: {self.cert}: {error}", file=sys.stderr, flush=True)


class Folder:
    """aiosmtpd's handler: every message is a file."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope) -> str:      # aiosmtpd looks for this name
        self.count += 1
        head = f"X-Lab-TLS: {session.ssl is not None}\r\nX-Lab-Login: {session.authenticated}\r\nX-Lab-To: {', '.join(envelope.rcpt_tos)}\r\n"
        part = self.folder / f"{self.count}.part"
        part.write_bytes(head.encode() + envelope.original_content)
        part.rename(self.folder / f"{self.count}.eml")
        return "250 kept"


def authenticator(user: str, password: str):
    expected = LoginPassword(user.encode(), password.encode())

    def check(_server, _session, _envelope, _mechanism, login) -> AuthResult:
        # handled=False lets the server answer 535; otherwise the client would wait for ever.
        return AuthResult(success=login == expected, handled=False)

    return check


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    folder = Folder(options.folder)
    login = {"auth_required": True, "authenticator": authenticator(options.user, options.password)} if options.user else {}
    pairs = []
    for listener in options.listen:
        descriptor, cert, key = listener.split(":")
        pairs.append(Pair(cert, key))

        def protocol(pair=pairs[-1]) -> SMTP:
            return SMTP(folder, hostname="mail1.fleet.test", tls_context=pair.context, require_starttls=True, timeout=30, loop=loop, **login)

        await loop.create_server(protocol, sock=socket.socket(fileno=int(descriptor)))
    loop.add_signal_handler(signal.SIGHUP, lambda: [pair.reload() for pair in pairs])
    options.pid_file.write_text(f"{os.getpid()}\n")
    await loop.run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", action="append", required=True, metavar="FD:CERT:KEY")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--pid-file", type=pathlib.Path, required=True)
    parser.add_argument("--user")
    parser.add_argument("--password")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
