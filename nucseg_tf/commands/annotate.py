"""`nucseg annotate`."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.commands.options import Channel, Invert, Plane
from nucseg_tf.errors import UsageError


def annotate(
    folder: Path,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    users: str = "",
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
) -> None:
    """Correct labels by hand, in a browser.

    Prints the page's address as its first line, and serves the page until Ctrl-C. Every edit is on
    disk before the page says so; accepted fields go to FOLDER/masks, for `nucseg train`.

    Args:
        folder: of images/, and prelabels/ from `nucseg prelabel`
        port: to listen on; 0 for any that is free; 8765 or the next free one otherwise
        host: address to listen on; anything but 127.0.0.1 opens the page to the network
        users: NAME,NAME,... to choose from; edits are noted by name
    """
    from nucseg_tf.annotation.editor.project import MAX_NAME, open_project
    from nucseg_tf.annotation.editor.server import serve

    names = [name.strip() for name in users.split(",") if name.strip()]
    if long := [name for name in names if len(name) > MAX_NAME]:
        raise UsageError(
            f"--users: expected up to {MAX_NAME} letters a name. Received: {long[0]!r}"
        )
    serve(open_project(folder), host, port, names, channel, z, invert)
