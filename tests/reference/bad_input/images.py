"""Image files, each beside a good one: `nucseg predict in --out out`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import tifffile
from PIL import Image as Pillow
from reference.bad_input.case import Case
from reference.microscopes import write_lif, write_nd2

from nucseg_tf.io.omezarr.write_image import write_image

Write = Callable[[Path], None]
COPY = "Copy or export the file again."


def grey() -> np.ndarray:
    """(40, 56) uint8: two nuclei."""
    rows, columns = np.indices((40, 56))
    discs = sum(
        255.0 * ((rows - y) ** 2 + (columns - x) ** 2 < 60) for y, x in ((14, 16), (25, 40))
    )
    noise = np.random.default_rng(0).normal(20, 3, (40, 56))
    return (cv2.GaussianBlur(discs, (0, 0), 1.0) * 0.7 + noise).clip(0, 255).astype(np.uint8)


def image(
    file: str, what: str, write: Write, says: tuple[str, ...], options: str = "", code: int = 3
) -> Case:
    """A case of one bad file, in a folder beside a good one."""

    def draw(folder: Path) -> None:
        (folder / "in").mkdir()
        cv2.imwrite(str(folder / "in" / "good.png"), grey())
        write(folder / "in" / file)

    named = says if code == 0 else (file, *says)
    return Case(what, f"predict in --out out {options}".strip(), code, named, draw)


def tiff(data: np.ndarray, **options) -> Write:
    """A TIFF of an array."""
    return lambda path: tifffile.imwrite(path, data, **options)


def content(data: bytes) -> Write:
    """A file of bytes."""
    return lambda path: path.write_bytes(data) and None


def part(write: Write, share: float = 0.5) -> Write:
    """The first part of a file."""

    def cut(path: Path) -> None:
        write(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return cut


def png(path: Path) -> None:
    """A good picture in the format that its name says."""
    Pillow.fromarray(grey()).save(path)


def _flipped(write: Write, share: float = 0.6, count: int = 40) -> Write:
    """A file with some bytes that are others."""

    def spoil(path: Path) -> None:
        write(path)
        data = bytearray(path.read_bytes())
        begin = int(len(data) * share)
        data[begin : begin + count] = bytes(255 - byte for byte in data[begin : begin + count])
        path.write_bytes(bytes(data))

    return spoil


def _floats(value: float) -> np.ndarray:
    data = grey().astype(np.float32)
    data[3, 4] = value
    return data


def _animated(path: Path) -> None:
    frames = [Pillow.fromarray(np.roll(grey(), n, 0)) for n in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _series(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(grey(), metadata={"axes": "YX"})
        writer.write(grey()[:20], metadata={"axes": "YX"})


def _planes_missing(path: Path) -> None:
    stack = np.stack([grey()] * 3)
    text = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="56" '
        'SizeY="40" SizeZ="5" SizeC="1" SizeT="1"><Channel ID="C:0" SamplesPerPixel="1"/>'
        "<TiffData/></Pixels></Image></OME>"
    )
    tifffile.imwrite(path, stack, description=text, metadata=None, photometric="minisblack")


def _page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")


TIFFS = (
    image(
        "a.tif", "TIFF of 0 bytes", content(b""), ("the file is empty (0 bytes). Copy it again",)
    ),
    image("a.tif", "TIFF cut in half", part(tiff(grey())), (COPY,)),
    image("a.tif", "TIFF of its first 6 bytes", content(b"II*\0\x08\0"), (COPY,)),
    image(
        "a.tif",
        "TIFF whose first page is said to be behind the end",
        content(b"II*\0\xff\xff\xff\x7f"),
        (COPY,),
    ),
    image(
        "a.tif",
        "TIFF whose compressed pixels are damaged",
        _flipped(tiff(grey(), compression="zlib"), 0.5),
        (COPY,),
    ),
    image("a.tif", "text named .tif", content(b"not an image\n" * 9), (COPY,)),
    image("a.tif", "an HTML page (404) named .tif", _page, (COPY,)),
    image(
        "a.tif",
        "NaN in it",
        tiff(_floats(np.nan)),
        ("1 of 2,240 pixels are not finite", "Replace them"),
    ),
    image(
        "a.tif",
        "infinity in it",
        tiff(_floats(np.inf)),
        ("1 of 2,240 pixels are not finite", "Replace them"),
    ),
    image(
        "a.tif",
        "NaN alone",
        tiff(np.full((40, 56), np.nan, np.float32)),
        ("2,240 of 2,240 pixels are not finite",),
    ),
    image(
        "a.tif",
        "complex numbers",
        tiff(grey().astype(np.complex64)),
        ("pixels are complex64; expected whole numbers or floating point",),
    ),
    image(
        "a.tif",
        "(H, W, 3) colours that differ",
        tiff(np.stack([grey(), grey()[::-1], grey()[:, ::-1]], -1), photometric="rgb"),
        ("Choose with --channel",),
    ),
    image(
        "a.tif",
        "images of two sizes (series)",
        _series,
        ("which image? It holds 2 images", "Choose with --scene"),
    ),
    image(
        "a.tif",
        "OME that says 5 planes, with 3 there",
        _planes_missing,
        ("planes are missing", "Copy it again."),
    ),
    image(
        "a.tif",
        "six axes",
        tiff(np.zeros((2, 2, 2, 2, 40, 56), np.uint8)),
        ("has more axes than can be chosen from", "Save the position or plane wanted"),
    ),
    image(
        "a.tif",
        "an ImageJ stack cut short",
        part(tiff(np.stack([grey()] * 9), imagej=True, metadata={"axes": "ZYX"}), 0.5),
        ("planes are missing", "Copy it again."),
    ),
    image(
        "a.tif",
        "one line of pixels",
        tiff(np.zeros(7, np.uint8)),
        ("is no image: expected rows and columns", "Export the image again."),
    ),
)
ODD_BUT_READ = (
    image(
        "a.tif",
        "the same value everywhere",
        tiff(np.full((40, 56), 7, np.uint16)),
        ("a.tif: no nucleus found",),
        code=0,
    ),
    image(
        "a.tif",
        "one pixel",
        tiff(np.full((1, 1), 7, np.uint16)),
        ("a.tif: no nucleus found",),
        code=0,
    ),
    image("a.tif", "one row of pixels", tiff(grey()[14:15]), (), code=0),
    image("a.tif", "black and white (bool)", tiff(grey() > 99), (), code=0),
    image("a.tif", "negative values", tiff(grey().astype(np.int16) - 300), (), code=0),
    image("a.tif", "values up to 2^32", tiff(grey().astype(np.uint32) << 24), (), code=0),
    image("a.tif", "values up to 2^63", tiff(grey().astype(np.uint64) << 55), (), code=0),
    image("a.tif", "floating point up to 1e30", tiff(grey().astype(np.float32) * 1e28), (), code=0),
    image(
        "a.tif", "floating point below 1e-12", tiff(grey().astype(np.float32) * 1e-15), (), code=0
    ),
    image(
        "a.tif",
        "64 bits of floating point up to 1e300",
        tiff(grey().astype(np.float64) * 1e297),
        ("pixels are beyond 3.4e+38", "Divide all of them"),
    ),
    image(
        "a.png",
        "grey as RGBA",
        lambda path: Pillow.fromarray(grey()).convert("RGBA").save(path),
        (),
        code=0,
    ),
)
PLAIN = (
    *(
        image(f"a.{kind}", f"{kind.upper()} of 0 bytes", content(b""), ("0 bytes",))
        for kind in ("png", "jpg", "bmp", "gif")
    ),
    *(
        image(f"a.{kind}", f"{kind.upper()} cut in half", part(png), (COPY,))
        for kind in ("png", "jpg", "bmp", "gif")
    ),
    *(
        image(f"a.{kind}", f"text named .{kind}", content(b"no image\n" * 9), (COPY,))
        for kind in ("png", "jpg", "bmp", "gif")
    ),
    image("a.png", "PNG whose pixels are damaged", _flipped(png, 0.5), (COPY,)),
    image("a.jpg", "JPEG without its end", part(png, 0.97), (COPY,)),
    image("a.gif", "a GIF of three pictures", _animated, ("Choose with",)),
    image(
        "a.jpg",
        "a JPEG of colours",
        lambda path: Pillow.fromarray(np.stack([grey(), grey()[::-1], grey()[:, ::-1]], -1)).save(
            path
        ),
        ("Choose with --channel",),
    ),
)


def _hdf5(**datasets: object) -> Write:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            for name, data in datasets.items():
                file[name] = data

    return write


def _axistags(text: str) -> Write:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file["a"] = np.stack([grey()] * 2)
            file["a"].attrs["axistags"] = text

    return write


def _lif(path: Path) -> None:
    pixels = grey().astype(np.uint16)
    write_lif(path, {"one": ("YX", pixels), "two": ("YX", pixels)}, 0.5)


def _one_lif(path: Path) -> None:
    write_lif(path, {"one": ("YX", grey().astype(np.uint16))}, 0.5)


def _nd2(path: Path) -> None:
    frames = np.stack([grey().astype(np.uint16)] * 3)[..., None]
    write_nd2(path, frames, {"Z": 3}, ["DAPI"], [], 0.5, 1.0)


MICROSCOPES = (
    image("a.h5", "HDF5 cut in half", part(_hdf5(a=grey()), 0.5), (COPY,)),
    image("a.h5", "text named .h5", content(b"no image\n" * 99), (COPY,)),
    image(
        "a.h5",
        "HDF5 without an image",
        _hdf5(a=np.arange(9)),
        ("holds no dataset of numbers with two axes or more",),
    ),
    image(
        "a.h5",
        "HDF5 of two images",
        _hdf5(a=grey(), b=grey()),
        ("which image?", "Choose with --scene"),
    ),
    image(
        "a.h5",
        "HDF5 of two images, and --scene of neither",
        _hdf5(a=grey(), b=grey()),
        ("has no scene 'c'", "0 a, 1 b", "All 2 images are like that."),
        "--scene c",
        2,
    ),
    image(
        "a.h5",
        "HDF5 whose axistags are no JSON",
        _axistags("{no"),
        ("its attribute `axistags` is damaged",),
    ),
    image("a.nd2", "ND2 cut in half", part(_nd2), (COPY,)),
    image("a.nd2", "text named .nd2", content(b"no image\n" * 99), (COPY,)),
    image("a.nd2", "ND2 that is a stack", _nd2, ("Choose with --z 0..2",)),
    image("a.lif", "LIF cut in half", part(_one_lif), (COPY,)),
    image("a.lif", "text named .lif", content(b"no image\n" * 99), (COPY,)),
    image(
        "a.lif", "LIF of two images", _lif, ("which image?", "0 one, 1 two", "Choose with --scene")
    ),
    image("a.czi", "text named .czi", content(b"no image\n" * 99), (COPY,)),
    image("a.czi", "CZI of 0 bytes", content(b""), ("0 bytes",)),
    Case(
        "a NumPy array",
        "predict a.npy --out out",
        3,
        ("a.npy: unsupported format", "Export the image as TIFF"),
        lambda folder: np.save(folder / "a.npy", grey()),
    ),
)


def zarr(version: str, change: Callable[[Path], object] = lambda path: None) -> Write:
    """An OME-Zarr image with something done to it.

    Args:
        version: 0.4 or 0.5, which are version 2 and 3 of Zarr.
        change: of the folder.
    """

    def write(path: Path) -> None:
        write_image(
            path,
            np.stack([grey(), grey()[::-1]]).astype(np.uint16),
            "CYX",
            ["DAPI", "GFP"],
            0.5,
            None,
            version,
            levels=1,
        )
        change(path)

    return write


def _metadata(path: Path) -> Path:
    return path / ".zattrs" if (path / ".zattrs").is_file() else path / "zarr.json"


def _array(path: Path) -> Path:
    return path / "0" / (".zarray" if (path / ".zattrs").is_file() else "zarr.json")


def _chunks(path: Path) -> list[Path]:
    return sorted(
        f
        for f in (path / "0").rglob("*")
        if f.is_file() and f.name not in (".zarray", "zarr.json", ".zattrs")
    )


def _said(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        file = _metadata(path)
        said = json.loads(file.read_text())
        change(said["attributes"]["ome"] if "attributes" in said else said)
        file.write_text(json.dumps(said))

    return edit


def _short(path: Path) -> None:
    for chunk in _chunks(path):
        chunk.write_bytes(chunk.read_bytes()[:9])


def _garbage(path: Path) -> None:
    for chunk in _chunks(path):
        chunk.write_bytes(b"\x07" * 300)


NO_IMAGE = "is a Zarr without `multiscales`: no OME-Zarr image. Export it as OME-Zarr 0.4 or 0.5."
DAMAGED = ("its metadata are damaged", "Copy it again.")
ZARR = tuple(
    image("a.zarr", f"OME-Zarr {version}: {what}", zarr(version, change), says, options, code)
    for version in ("0.4", "0.5")
    for what, change, says, options, code in (
        (
            "metadata missing",
            lambda path: _metadata(path).unlink(),
            (NO_IMAGE if version == "0.4" else "is no Zarr",),
            "--channel 0",
            3,
        ),
        (
            "metadata no JSON",
            lambda path: _metadata(path).write_text("{no"),
            DAMAGED,
            "--channel 0",
            3,
        ),
        (
            "metadata without the image",
            _said(lambda ome: ome.pop("multiscales")),
            (NO_IMAGE,),
            "--channel 0",
            3,
        ),
        (
            "axes of another number",
            _said(lambda ome: ome["multiscales"][0]["axes"].pop()),
            ("its metadata do not describe an image", "Export it again."),
            "--channel 0",
            3,
        ),
        (
            "its array missing",
            lambda path: shutil.rmtree(path / "0"),
            ("a.zarr/0: is missing, though the metadata", "Copy it again."),
            "--channel 0",
            3,
        ),
        (
            "metadata of the array no JSON",
            lambda path: _array(path).write_text("{no"),
            DAMAGED,
            "--channel 0",
            3,
        ),
        (
            "all chunks missing",
            lambda path: [c.unlink() for c in _chunks(path)],
            ("holds metadata alone, no pixels. Copy it again, with chunks.",),
            "--channel 0",
            3,
        ),
        (
            "the chunk of a channel missing, which is background by the standard",
            lambda path: _chunks(path)[0].unlink(),
            ("a.zarr: no nucleus found",),
            "--channel 0",
            0,
        ),
        ("chunks cut short", _short, ("this chunk is", "Copy it again."), "--channel 0", 3),
        ("chunks of other bytes", _garbage, ("this chunk is", "Copy it again."), "--channel 0", 3),
        (
            "two channels, and none chosen",
            lambda path: None,
            ("Choose with --channel 0..1 (or DAPI, GFP, max)",),
            "",
            3,
        ),
        (
            "two channels, and --channel of neither",
            lambda path: None,
            ("--channel 'daip' is unknown; this file has 0..1 (DAPI, GFP); did you mean 'DAPI'?",),
            "--channel daip",
            2,
        ),
    )
)
GROUPS = {
    "TIFF": TIFFS,
    "Values that are odd": ODD_BUT_READ,
    "PNG, JPEG, BMP and GIF": PLAIN,
    "HDF5, ND2, LIF, CZI and others": MICROSCOPES,
    "OME-Zarr": ZARR,
}
