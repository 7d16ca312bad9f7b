"""Puts pip into a virtual environment made without it: `python bootstrap_pip.py .venv/bin/python`.

For a Python whose venv lacks ensurepip (Debian without python3-venv). Uses the standard library
only. The package index is PIP_INDEX_URL, or PyPI.
"""

from __future__ import annotations

import hashlib
import html
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urldefrag, urljoin

INDEX = os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
TIMEOUT = 60  # s
WHEEL = re.compile(r'href="([^"]*/pip-(\d+(?:\.\d+)*)-py3-none-any\.whl(?:#[^"]*)?)"')


def fetch(url: str) -> bytes:
    """Contents of a URL."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        return answer.read()


def newest_wheel(page_url: str) -> str:
    """Address of pip's newest release on an index page."""
    found = WHEEL.findall(fetch(page_url).decode())
    if not found:
        sys.exit(f"{page_url}: lists no wheel of pip; set PIP_INDEX_URL to a package index")
    newest = max(found, key=lambda item: [int(part) for part in item[1].split(".")])
    return urljoin(page_url, html.unescape(newest[0]))


def main(python: str) -> None:
    """Download pip and let it install itself."""
    page = INDEX.rstrip("/") + "/pip/"
    try:
        address, fragment = urldefrag(newest_wheel(page))
        wheel = fetch(address)
    except OSError as error:
        sys.exit(
            f"pip cannot be fetched from {page}: {error}.\n"
            "Install it with the system instead: apt-get install -y python3-venv"
        )
    digest = fragment.removeprefix("sha256=")
    if fragment.startswith("sha256=") and hashlib.sha256(wheel).hexdigest() != digest:
        sys.exit(f"{address}: differs from the hash in the index; try again")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / address.rsplit("/", 1)[-1]
        file.write_bytes(wheel)
        command = [python, f"{file}/pip", "install", "--no-index", "--quiet", str(file)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1])
