"""Clients that are slow, or many."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nucseg_tf.annotation.editor import connections, security
from nucseg_tf.annotation.editor.app import read_body, with_refusals
from nucseg_tf.annotation.editor.server import listen

SOON = 0.3


@pytest.fixture
def port(monkeypatch):
    """A server behind the gate, whose patience is short; its port."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", SOON)
    monkeypatch.setattr(connections, "MOST", 5)
    monkeypatch.setattr(security, "BODY_SECONDS", SOON)

    async def echo(request: Request) -> Response:
        return PlainTextResponse(await read_body(request))

    def hello(request: Request) -> Response:
        return PlainTextResponse("hello")

    app = with_refusals([Route("/", hello), Route("/api/echo", echo, methods=["POST"])])
    assert isinstance(app, Starlette)
    listener = listen("127.0.0.1", 0)
    number = listener.getsockname()[1]
    gate = security.Gate(app, "token", "127.0.0.1", number)
    config = uvicorn.Config(gate, http=connections.Patient, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join()


def _ask(port: int, head: str, body: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(f"{head} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode() + body)
    return client


@pytest.mark.parametrize("before", [False, True])
def test_who_keeps_the_server_waiting_is_cut_off(port, before):
    began = time.monotonic()
    with contextlib.closing(_ask(port, "GET /", b"\r\n" if before else b"")) as client:
        if before:
            assert client.recv(9999).startswith(b"HTTP/1.1 200")
            client.sendall(b"GET / HT")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(9999) in (b"", b"hello")
            assert client.recv(9999) == b""
    assert SOON / 2 < time.monotonic() - began < 10 * SOON


def test_who_takes_time_between_requests_is_not(port):
    with contextlib.closing(_ask(port, "GET /", b"\r\n")) as client:
        first = b""
        while b"hello" not in first:  # head and body may come apart
            part = client.recv(9999)
            assert part
            first += part
        assert first.startswith(b"HTTP/1.1 200")
        time.sleep(2 * SOON)
        client.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert b"200" in client.recv(9999)


def test_a_body_that_stops_is_cut_off(port):
    body = b"Authorization: Bearer token\r\nContent-Length: 100\r\n\r\nabc"
    with contextlib.closing(_ask(port, "POST /api/echo", body)) as client:
        assert client.recv(9999).startswith(b"HTTP/1.1 422")


def test_an_address_has_so_many_connections(port):
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(9)]
    served = 0
    for client in clients:
        with contextlib.suppress(ConnectionError):
            client.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            served += b"200" in client.recv(9999)
    assert served == 5
    for client in clients:
        client.close()
    time.sleep(0.1)
    with contextlib.closing(_ask(port, "GET /", b"\r\n")) as client:
        assert b"200" in client.recv(9999)
