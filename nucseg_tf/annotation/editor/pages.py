"""The files of the page, all known beforehand: no path is made from a request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STATIC = Path(__file__).parent / "static"
MEDIA = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


def page_routes() -> list[Route]:
    """A route for each."""

    def serve(path: Path) -> Callable[[Request], Response]:
        content = path.read_bytes()
        return lambda request: Response(content, media_type=MEDIA[path.suffix])

    files = [path for path in sorted(STATIC.iterdir()) if path.suffix in MEDIA]
    routes = [Route(f"/{path.name}", serve(path), methods=["GET"]) for path in files]
    return [Route("/", serve(STATIC / "index.html"), methods=["GET"]), *routes]
