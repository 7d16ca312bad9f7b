"""Data sets and CSV manifests: `nucseg validate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from reference.bad_input.case import Case
from reference.bad_input.masks import field

GOOD = "image,mask\nimages/a.tif,masks/a.tif\n"


def manifest(what: str, text: str | bytes, says: tuple[str, ...], code: int = 1) -> Case:
    """A manifest beside two good fields."""

    def draw(folder: Path) -> None:
        field(folder, "a")
        field(folder, "b")
        content = text if isinstance(text, bytes) else text.encode()
        (folder / "m.csv").write_bytes(content)

    return Case(what, "validate m.csv", code, says, draw)


MANIFESTS = (
    manifest("no column mask", "image\nimages/a.tif\n", ("m.csv", "image", "mask")),
    manifest(
        "columns of other names",
        "picture,labels\nimages/a.tif,masks/a.tif\n",
        ("m.csv", "image", "mask"),
    ),
    manifest(
        "a column twice",
        "image,mask,mask\nimages/a.tif,masks/a.tif,masks/b.tif\n",
        ("m.csv", "more than once"),
    ),
    manifest("semicolons", GOOD.replace(",", ";"), ("m.csv", "commas")),
    manifest("tabs", GOOD.replace(",", "\t"), ("m.csv", "commas")),
    manifest(
        "a byte order mark", b"\xef\xbb\xbf" + GOOD.encode(), ("1 of 1 fields can be used",), 0
    ),
    manifest("Windows line ends", GOOD.replace("\n", "\r\n"), ("1 of 1 fields can be used",), 0),
    manifest("UTF-16, as Excel writes it", GOOD.encode("utf-16"), ("m.csv", "UTF-8")),
    manifest(
        "Latin-1 with an umlaut",
        "image,mask\nimages/ä.tif,masks/a.tif\n".encode("latin-1"),
        ("m.csv", "UTF-8"),
    ),
    manifest("an empty file", "", ("m.csv: cannot be read as CSV",)),
    manifest("a header alone", "image,mask\n", ("m.csv: no images found; expected",)),
    manifest("bytes of a picture", b"\x89PNG\r\n\x1a\n\0\0\0", ("m.csv: cannot be read as CSV",)),
    manifest(
        "an image that is not there",
        GOOD + "images/c.tif,masks/b.tif\n",
        ("images/c.tif", "m.csv, line 3", "there is no such file"),
    ),
    manifest(
        "a mask that is not there",
        GOOD + "images/b.tif,masks/c.tif\n",
        ("masks/c.tif", "m.csv, line 3", "there is no such file"),
    ),
    manifest("no mask of an image", GOOD + "images/b.tif,\n", ("m.csv, line 3: names no mask",)),
    manifest(
        "an image twice",
        GOOD + "images/a.tif,masks/b.tif\n",
        ("shares its name a with images/a.tif; give it a name of its own",),
    ),
    manifest(
        "a row with a cell too many", GOOD + "images/b.tif,masks/b.tif,x\n", ("m.csv", "line 3")
    ),
    manifest(
        "a split that is none",
        "image,mask,split\nimages/a.tif,masks/a.tif,training\n",
        ("line 2", "train"),
    ),
    manifest(
        "a column misspelt",
        "image,mask,spilt\nimages/a.tif,masks/a.tif,train\n",
        ("m.csv: has a column 'spilt'; did you mean 'split'?",),
    ),
    manifest(
        "an image in two splits",
        "image,mask,split\nimages/a.tif,masks/a.tif,train\nimages/a.tif,masks/a.tif,val\n",
        ("images/a.tif: is in the splits train and val, so scores on it say nothing",),
        0,
    ),
    manifest(
        "columns of other case",
        GOOD.replace("image,mask", "Image,Mask"),
        ("m.csv: a manifest needs the columns image and mask",),
    ),
    manifest("spaces behind names", GOOD.replace(",", " , "), ("1 of 1 fields can be used",), 0),
    manifest(
        "paths of Windows",
        "image,mask\nimages\\a.tif,masks\\a.tif\n",
        ("m.csv, line 2", "there is no such file; write / for \\ in paths"),
    ),
    manifest(
        "regions that are no numbers",
        "image,mask,regions\nimages/a.tif,masks/a.tif,all\n",
        ("line 2", "regions must be"),
    ),
    manifest(
        "regions outside the image",
        "image,mask,regions\nimages/a.tif,masks/a.tif,0:0:999:999\n",
        ("masks/a.tif", "reaches over the edge of (72, 96). Mend its regions"),
    ),
    manifest(
        "an absolute path that is not there",
        GOOD + "/nowhere/b.tif,masks/b.tif\n",
        ("/nowhere/b.tif", "m.csv, line 3", "there is no such file"),
    ),
)


def folder_of(
    what: str, draw: Callable[[Path], object], says: tuple[str, ...], code: int = 1
) -> Case:
    """A data set in a folder."""
    return Case(what, "validate data", code, says, lambda folder: draw(folder / "data") and None)


def _odd_image(data: np.ndarray) -> Callable[[Path], object]:
    def draw(folder: Path) -> None:
        field(folder, "good")
        field(folder, "a")
        tifffile.imwrite(folder / "images" / "a.tif", data)

    return draw


FOLDERS = (
    folder_of("an empty folder", lambda data: data.mkdir(), ("data: no images found; expected",)),
    folder_of("a folder that is not there", lambda data: None, ("data: no such folder",), 2),
    folder_of(
        "a text file",
        lambda data: data.write_text("x"),
        ("data: is neither a folder nor a CSV manifest; expected",),
    ),
    folder_of(
        "images without masks",
        lambda data: (field(data), [m.unlink() for m in (data / "masks").iterdir()]),
        ("a.tif", "has no mask of the same name"),
    ),
    folder_of(
        "masks without images",
        lambda data: (field(data), [m.unlink() for m in (data / "images").iterdir()]),
        ("a.tif", "has no image of the same name"),
    ),
    folder_of(
        "an image in two formats",
        lambda data: (field(data), (data / "images" / "a.png").write_bytes(b"x")),
        ("shares its name",),
    ),
    folder_of(
        "an image of one value",
        _odd_image(np.full((72, 96), 9, np.uint8)),
        ("a.tif: is constant: nothing to see",),
        0,
    ),
    folder_of(
        "an image with NaN",
        _odd_image(np.full((72, 96), np.nan, np.float32)),
        ("a.tif", "not finite"),
    ),
)
GROUPS = {
    "Manifests: `nucseg validate m.csv`": MANIFESTS,
    "Data sets: `nucseg validate data`": FOLDERS,
}
