"""What a request must fulfil before it reaches the annotation server.

- Its Host is one that the server was started for, so a foreign name that was made to point to
  this computer (DNS rebinding) gets nothing.
- Its Origin, if it has one, is the server itself; browsers send it with all that other sites do.
- Below /api it carries the token, in the header Authorization, which other sites cannot set. The
  token stands in the fragment of the address: browsers send that to nobody.
- Its body is small, but for that of an image, which goes to the disk as it comes.

Answers forbid the browser to load, run or frame anything from elsewhere.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UPLOAD = "/api/upload"
BODY_SECONDS = 60.0  # between two pieces of a body
MAX_BODY = 1_000_000  # 20,000 points are half of it
ANSWER_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Gate:
    """Refuses requests (see the module docstring); an ASGI middleware."""

    def __init__(self, app: ASGIApp, token: str, host: str, port: int, upload: int = 0):
        """Stand before an application.

        Args:
            app: it.
            token: expected below /api.
            host: that the server listens on.
            port: the same.
            upload: bytes of an image that a page sends, at most.
        """
        self._upload = upload
        self.app = app
        self._token = token.encode()
        self._port = port
        self._names = {host.lower(), "localhost", "127.0.0.1", "::1"}
        if not is_loopback(host):
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._any_address = host in ("0.0.0.0", "::")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no WebSockets here
        refusal = self._refusal(scope)
        if refusal:
            code, text = refusal
            await JSONResponse({"error": text}, code)(scope, receive, _guarded(send))
            return
        await self.app(scope, _hurried(receive), _guarded(send))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_here(host):
            return 403, f"this server is not known by that name. Received: Host {host[:100]!r}"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, f"requests from other sites are refused. Received: {origin[:100]!r}"
        if scope["path"].startswith("/api/"):
            site = headers.get("sec-fetch-site", "none")
            if site not in ("none", "same-origin"):
                return 403, f"requests from other sites are refused. Received: {site[:20]!r}"
            given = headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, b"Bearer " + self._token):
                return (
                    401,
                    "the token is missing or wrong: open the address that the server printed",
                )
            length = headers.get("content-length", "0")
            is_image = scope["path"] == UPLOAD and scope["method"] == "POST"
            most = self._upload if is_image else MAX_BODY
            if not length.isdecimal() or int(length) > most:
                return 413, f"expected {most:,} bytes at most. Received: {length[:20]}"
        return None

    def _is_here(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name, colon, port = host.rpartition(":")
        if not colon or port.endswith("]"):  # browsers leave out the port of http
            name, port = host, "80"
        if port != str(self._port):
            return False
        name = name.strip("[]").lower()  # rebinding needs a name, so any address will do
        return name in self._names or (self._any_address and _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether a host is this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _hurried(receive: Receive) -> Receive:
    """Bodies whose next piece does not come for long are taken for cut off."""

    async def hurried() -> Message:
        try:
            return await asyncio.wait_for(receive(), BODY_SECONDS)
        except TimeoutError:
            return {"type": "http.disconnect"}

    return hurried


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in ANSWER_HEADERS.items():
                headers[name] = value
        await send(message)

    return guarded
