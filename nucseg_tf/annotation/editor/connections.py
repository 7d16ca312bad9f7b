"""Connections that keep the server waiting, or are too many.

Without these limits, whoever reaches the port, without any token, could open connections and send
nothing, or a letter a minute, until no page gets through.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0  # in which the head of a request must have come
MOST = 64  # connections of an address; a browser has six
_open: Counter[str] = Counter()


class Patient(H11Protocol):
    """HTTP as uvicorn speaks it, but not for those that are slow, or many."""

    _alarm: asyncio.TimerHandle | None = None
    _peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""
        _open[self._peer] += 1
        if _open[self._peer] > MOST:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """A part of a request has come."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:  # the head is there
            self._stop_waiting()
        elif self.conn.trailing_data[0] and self._alarm is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client has gone."""
        self._stop_waiting()
        _open[self._peer] -= 1
        if not _open[self._peer]:
            del _open[self._peer]
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._alarm = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
