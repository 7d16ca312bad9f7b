"""`nucseg annotate`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nucseg_tf.commands.options import Channel, Invert, Plane
from nucseg_tf.errors import UsageError


def annotate(
    folder: Path | None = None,
    *,
    port: int | None = None,
    host: str = "127.0.0.1",
    users: str = "",
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    train_on: Literal["here", "slurm"] = "here",
    t: int | None = None,
    root: Path | None = None,
    max_upload: float = 2.0,
) -> None:
    """Correct labels by hand, in a browser.

    Prints the page's address as its first line, and serves the page until Ctrl-C. Every edit is on
    disk before the page says so; accepted fields go to FOLDER/masks, for `nucseg train`.

    Args:
        folder: of images, or of images/ and prelabels/; without it the page asks for one
        port: to listen on; 0 for any that is free; 8765 or the next free one otherwise
        host: address to listen on; anything but 127.0.0.1 opens the page to the network
        train_on: here, or slurm: the button Train submits a job to this cluster
        users: NAME,NAME,... to choose from; edits are noted by name
        t: time, index from 0, where images have several
        root: folder below which the page may open others; your home by default
        max_upload: GB of an image that is dropped on the page, at most
    """
    from nucseg_tf.annotation.editor.names import MAX_NAME
    from nucseg_tf.annotation.editor.planes import PlaneChoice
    from nucseg_tf.annotation.editor.server import serve
    from nucseg_tf.annotation.editor.uploads import GIGABYTE

    names = [name.strip() for name in users.split(",") if name.strip()]
    if long := [name for name in names if len(name) > MAX_NAME]:
        raise UsageError(
            f"--users: expected up to {MAX_NAME} letters a name. Received: {long[0]!r}"
        )
    if not 0 <= max_upload <= 1000:
        raise UsageError(f"--max-upload: expected 0 to 1000 GB. Received: {max_upload:g}")
    options = PlaneChoice(channel, z, None if t is None else str(t), invert)
    options.parsed()
    serve(folder, host, port, names, options, root, int(max_upload * GIGABYTE), train_on)
