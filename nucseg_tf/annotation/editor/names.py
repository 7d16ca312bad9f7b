"""Names: of files and folders that come from a page, and of who is at work."""

from __future__ import annotations

import os
import unicodedata

from nucseg_tf.annotation.editor.message import EditError

MAX_NAME = 40  # letters of a user's name
MOST_BYTES = 150  # leaves room for the endings of results, and for names of temporary files
_ODD = '<>:"|?*'  # Windows has no such names, and a folder may move there
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}


def plain_name(name: str) -> str:
    """A name that means a file in the folder at hand, on every system, and nothing else.

    Args:
        name: as the page sent it.

    Returns:
        It, with "_" for letters that some systems do not take.

    Raises:
        EditError: it is empty, a path, hidden, a device, too long, or no text.
    """
    plain = unicodedata.normalize("NFC", name)
    plain = "".join("_" if letter in _ODD else letter for letter in plain).rstrip(". ")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Cf", "Zl", "Zp") for letter in plain):
        raise EditError(f"this name has letters that are no text. Received: {name[:100]!a}")
    device = plain.partition(".")[0].strip().casefold() in _DEVICES
    path = "/" in plain or "\\" in plain
    if path or device or not plain or plain != plain.lstrip(". "):
        raise EditError(f"expected a plain name without folders. Received: {name[:100]!r}")
    if len(plain.encode()) > MOST_BYTES:
        raise EditError(f"expected a name of {MOST_BYTES} bytes at most. Received: {name[:100]!r}")
    return plain


def is_text(name: str) -> bool:
    """Whether a name can be sent; names of files may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def user_name() -> str:
    """Who is logged in."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return f"user-{os.getuid()}" if hasattr(os, "getuid") else "annotator"
