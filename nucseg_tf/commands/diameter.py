"""`nucseg diameter`."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.commands.options import Channel, Device, Engine, Invert, Plane
from nucseg_tf.console import printable
from nucseg_tf.errors import NucsegError, SomeImagesFailed


def diameter(
    *paths: Path,
    channel: Channel = None,
    z: Plane = None,
    invert: Invert = False,
    engine: Engine = "auto",
    device: Device = "auto",
) -> None:
    """Say how large the nuclei of images are.

    Prints a line an image: the diameter of the typical nucleus in px, by what factor the estimates
    in the image differ from it, and the file. It is what `nucseg predict --diameter auto` goes by.

    Args:
        paths: image files, or folders of them
    """
    from nucseg_tf.io.choices import refuse_if_no_image_has
    from nucseg_tf.io.images import list_images

    files = list_images(paths)
    from nucseg_tf.imaging.normalise import find_limits
    from nucseg_tf.imaging.raster import Stretched
    from nucseg_tf.inference.options import Options
    from nucseg_tf.inference.stages.read import Read
    from nucseg_tf.scale.finder import load_finder

    find = load_finder(engine, device)
    read, errors = Read(Options(channel, z, invert=invert)), list[Exception]()
    print("diameter  doubt  image")
    for file in files:
        try:
            pixels = read(file).pixels
            found = find(Stretched(pixels, find_limits(pixels)))
        except NucsegError as error:
            print(printable(f"{'-':>8}  {'-':>5}  {error}"))
            errors.append(error)
            continue
        size, doubt = (f"{found.median:.1f}", f"{found.doubt:.2f}") if found else ("none", "-")
        print(printable(f"{size:>8}  {doubt:>5}  {file}"))
    refuse_if_no_image_has(errors, len(files) - len(errors))
    if errors:
        raise SomeImagesFailed(f"{len(errors)} of {len(files)} images failed")
