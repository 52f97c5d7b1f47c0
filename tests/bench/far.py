# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A way to a server of this machine that takes as long as one to another town: a port of loopback that hands on each piece after a while."""

from __future__ import annotations

import asyncio
import contextlib
import threading

# Pieces of one direction that may be under way; a sender that is faster waits.
_PIECES = 64
_SIZE = 1 << 16


class Far:
    """Up for the length of its `with` block. port: the server's, on loopback. delay: seconds each way. `port` is then the one to go to.

    Runs in a thread: whoever measures counts the processor time of child processes only. Opening a connection takes no time, all else does.
    """

    def __init__(self, port: int, delay: float) -> None:
        self._server, self._delay = port, delay
        self._ready, self.port = threading.Event(), 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        if not self._ready.wait(10):
            raise OSError("no port of loopback can be listened on")
        return self

    def __exit__(self, *unused):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()

    async def _connected(self, reader, writer) -> None:
        # Clients that leave are the ordinary case here.
        with contextlib.suppress(OSError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server)
            await asyncio.gather(self._handed_on(reader, far_writer), self._handed_on(far_reader, writer), return_exceptions=True)

    async def _handed_on(self, reader, writer) -> None:
        pieces: asyncio.Queue = asyncio.Queue(_PIECES)
        sending = asyncio.ensure_future(self._late(pieces, writer))
        try:
            while not sending.done():
                piece = await reader.read(_SIZE)
                await pieces.put((self._loop.time() + self._delay, piece))
                if not piece:
                    break
            await sending
        finally:
            sending.cancel()
            writer.close()

    async def _late(self, pieces: asyncio.Queue, writer) -> None:
        while True:
            at, piece = await pieces.get()
            await asyncio.sleep(at - self._loop.time())
            if not piece:
                return
            writer.write(piece)
            await writer.drain()
