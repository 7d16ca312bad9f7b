"""Files and requests that are made to do harm: how each file is drawn, and what happens.

The tables in docs/reliability/untrusted.md are written from these:
python tests/reference/attacks.py
"""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import tifffile

from nucseg_tf.errors import NucsegError
from nucseg_tf.io.archives import open_source
from nucseg_tf.io.cellpose import read_seg
from nucseg_tf.io.images import read_raw
from nucseg_tf.io.shapes import read_shapes
from nucseg_tf.schema import read_yaml

PAGE = Path(__file__).parents[2] / "docs" / "reliability" / "untrusted.md"
BEGIN = "<!-- attacks: written by tests/reference/attacks.py -->"
END = "<!-- end of attacks -->"
PWNED = "PWNED"  # the file that code would make in the working folder, if it ran
HUGE = 10**6  # px
SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
OME = f'<OME xmlns="{SCHEMA}"><Image ID="Image:0">{{}}</Image></OME>'


class Code:
    """What a pickle runs when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {PWNED}",)


@dataclass(frozen=True)
class Attack:
    """A file, or folder.

    Attributes:
        file: its name.
        what: it is.
        told: by the error.
        draw: it, at a path.
        read: it, as the program does.
    """

    file: str
    what: str
    told: str
    draw: Callable[[Path], None]
    read: Callable[[Path], Any] = read_raw


# --- images --------------------------------------------------------------------------------------


def tiff(side: int, tile: int = 0, compression: int = 8) -> Callable[[Path], None]:
    """A TIFF of one strip, or of tiles, of which there are ten bytes."""

    def draw(path: Path) -> None:
        tags = {256: side, 257: side, 258: 8, 259: compression, 262: 1, 277: 1}
        where = {322: tile, 323: tile, 324: 8, 325: 10} if tile else {273: 8, 278: side, 279: 10}
        rows = [
            struct.pack("<HHII", tag, 4, 1, number)
            for tag, number in sorted((tags | where).items())
        ]
        head = b"II*\0" + struct.pack("<I", 18) + 10 * b"x" + struct.pack("<H", len(rows))
        path.write_bytes(head + b"".join(rows) + bytes(4))

    return draw


def png(path: Path, side: int = HUGE, bits: int = 8, colour: int = 0) -> None:
    """A PNG that claims (side, side)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)


def bmp(path: Path) -> None:
    info = struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 8, 0, 0, 0, 0, 256, 0)
    path.write_bytes(b"BM" + struct.pack("<IHHI", 1078, 0, 0, 1078) + info + bytes(1124))


def gif(frames: int) -> Callable[[Path], None]:
    image = b"\x2c" + struct.pack("<HHHH", 0, 0, 30_000, 30_000) + b"\0\x02\x02\x4c\x01\0"
    head = b"GIF89a" + struct.pack("<HH", 30_000, 30_000) + b"\x80\0\0" + bytes(6)
    return lambda path: _write(path, head + image * frames + b"\x3b")


def jpeg(path: Path) -> None:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16), np.uint8))[1].tobytes())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 32_000, 32_000)
    path.write_bytes(data)


def ome(inner: str, before: str = "") -> Callable[[Path], None]:
    """A TIFF with OME metadata of our own."""
    text = (before + OME.format(inner)).encode()

    def draw(path: Path) -> None:
        tifffile.imwrite(path, np.zeros((8, 8), np.uint8), description=text, metadata=None)

    return draw


def pixels(planes: int = 1, data: str = "") -> str:
    return (
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="8" SizeY="8" SizeZ="1" '
        f'SizeC="1" SizeT="{planes}"><Channel ID="Channel:0" SamplesPerPixel="1"/>{data}</Pixels>'
    )


def hdf5(**options: Any) -> Callable[[Path], None]:
    def draw(path: Path) -> None:
        with h5py.File(path, "w") as file:
            file.create_dataset("a", dtype="u2", **options)

    return draw


def zarr(change: dict[str, Any], level: str = "0", chunk: bytes = b"x") -> Callable[[Path], None]:
    """OME-Zarr 0.4 with (8, 8) px, or what is said else."""
    axes = [{"name": name, "type": "space"} for name in "yx"]
    step = [{"type": "scale", "scale": [1, 1]}]
    datasets = [{"path": level, "coordinateTransformations": step}]
    array = {"zarr_format": 2, "shape": [8, 8], "chunks": [8, 8], "dtype": "<u2", "order": "C"}
    array |= {"compressor": None, "fill_value": 0, "filters": None} | change

    def draw(path: Path) -> None:
        (path / "0").mkdir(parents=True)
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        said = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}]}
        (path / ".zattrs").write_text(json.dumps(said))
        (path / "0" / ".zarray").write_text(json.dumps(array))
        (path / "0" / "0.0").write_bytes(chunk)

    return draw


LAUGHS = '<!DOCTYPE OME [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE OME [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
ELSEWHERE = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="{}">urn:uuid:1</UUID></TiffData>'
IMPOSSIBLE = "claims .* which cannot be true"
TOO_MUCH = "would take .* of memory"

IMAGES = (
    Attack("a.tif", "TIFF of 1 kB that claims 10^6 x 10^6 px", IMPOSSIBLE, tiff(HUGE)),
    Attack("a.tif", "the same, not compressed", IMPOSSIBLE, tiff(HUGE, compression=1)),
    Attack("a.tif", "TIFF with a tile of 10^6 x 10^6 px", TOO_MUCH, tiff(10, tile=HUGE)),
    Attack("a.png", "PNG that claims 10^6 x 10^6 px", TOO_MUCH, png),
    Attack("a.png", "PNG of 1 kB that claims 8 GB", IMPOSSIBLE, lambda p: png(p, 32_000, 16, 6)),
    Attack("a.jpg", "JPEG of 335 bytes that claims 10^9 px", IMPOSSIBLE, jpeg),
    Attack("a.bmp", "BMP of 1 kB that claims 9 x 10^8 px", IMPOSSIBLE, bmp),
    Attack("a.gif", "GIF of 35 bytes that claims 9 x 10^8 px", IMPOSSIBLE, gif(1)),
    Attack("a.gif", "GIF whose frames together do not fit into memory", TOO_MUCH, gif(1000)),
    Attack(
        "a.h5",
        "HDF5 of a few bytes that claims 10^6 x 10^6 px",
        IMPOSSIBLE,
        hdf5(shape=(HUGE, HUGE), chunks=(100, 100)),
    ),
    Attack(
        "a.h5",
        "HDF5 whose values lie in another file",
        "lies in other files",
        hdf5(shape=(8, 8), external=[("/etc/passwd", 0, 128)]),
    ),
    Attack(
        "a.zarr",
        "OME-Zarr of a few bytes that claims 10^6 x 10^6 px",
        IMPOSSIBLE,
        zarr({"shape": [HUGE, HUGE]}),
    ),
    Attack(
        "a.zarr",
        "OME-Zarr with a chunk of 10^6 x 10^6 px",
        TOO_MUCH,
        zarr({"shape": [HUGE, HUGE], "chunks": [HUGE, HUGE]}),
    ),
    Attack(
        "a.zarr",
        "OME-Zarr with a chunk of 64 px in 1 MB, to be unpacked",
        "this chunk is too long",
        zarr({"compressor": {"id": "zlib", "level": 1}}, chunk=bytes(2**20)),
    ),
    Attack(
        "a.zarr",
        "OME-Zarr whose chunks are pickles that run code",
        "metadata are damaged",
        zarr({"filters": [{"id": "pickle"}]}, chunk=pickle.dumps(Code())),
    ),
    Attack(
        "a.zarr",
        "the same behind another codec",
        "metadata are damaged",
        zarr(
            {"filters": [{"id": "shuffle", "elementsize": 2}, {"id": "pickle"}]},
            chunk=pickle.dumps(Code()),
        ),
    ),
    Attack(
        "a.zarr",
        "OME-Zarr whose metadata lead out of it (..)",
        "is invalid",
        zarr({}, level="../b.zarr/0"),
    ),
    Attack(
        "a.tif",
        "OME metadata with entities that grow (billion laughs)",
        "declare a document type",
        ome(pixels(), LAUGHS),
    ),
    Attack(
        "a.tif",
        "OME metadata that name a file of the system (XXE)",
        "declare a document type",
        ome(pixels(), OUTSIDE),
    ),
    Attack(
        "a.tif",
        "OME metadata nested 10^5 deep",
        "nested deeper",
        ome("<a>" * 10**5 + "</a>" * 10**5),
    ),
    Attack(
        "a.tif",
        "OME metadata that claim 10^9 times",
        "claim 1,000,000,000 planes",
        ome(pixels(10**9)),
    ),
    Attack(
        "a.tif",
        "OME metadata that claim 10^9 planes of one time",
        "claim 1,000,000,000 planes",
        ome(pixels(1, '<TiffData IFD="0" PlaneCount="1000000000"/>')),
    ),
    Attack(
        "a.tif",
        "OME metadata that take planes from another folder",
        "outside of its folder",
        ome(pixels(1, ELSEWHERE.format("../../secret.tif"))),
    ),
    Attack("a.tif", "a pipe in place of an image", "a pipe or a device", lambda p: os.mkfifo(p)),
)

# --- labels, archives, models ------------------------------------------------------------------


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def seg(data: bytes) -> Callable[[Path], None]:
    """Cellpose's _seg.npy around a pickle."""
    head = io.BytesIO()
    said = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(head, said)
    return lambda path: _write(path, head.getvalue() + data)


def zipped(name: str, data: bytes = b"{}", **fields: Any) -> Callable[[Path], None]:
    def draw(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            for key, value in fields.items():
                setattr(entry, key, value)
            archive.writestr(entry, data)

    return draw


def tarred(size: int | None = None, **fields: Any) -> Callable[[Path], None]:
    def draw(path: Path) -> None:
        entry = tarfile.TarInfo("ann/a.json")
        for key, value in fields.items():
            setattr(entry, key, value)
        if size is not None:
            entry.size = size
        path.write_bytes(entry.tobuf() + bytes(1024))

    return draw


def encrypted(path: Path) -> None:
    zipped("a.json")(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # in the list of files
    path.write_bytes(data)


def long_list(path: Path) -> None:
    """A zip whose last record says that its list of files takes 1 GB."""
    path.write_bytes(b"PK\5\6" + bytes(4) + struct.pack("<HHIIH", 60_000, 60_000, 2**30, 0, 0))


def geojson(ring: str) -> Callable[[Path], None]:
    text = f'[{{"geometry": {{"type": "Polygon", "coordinates": [{ring}]}}}}]'
    return lambda path: _write(path, text.encode())


def many_boxes(path: Path) -> None:
    ring = [[0, 0], [0, 64], [64, 64], [64, 0]]
    one = {"geometry": {"type": "Polygon", "coordinates": [ring]}}
    path.write_text(json.dumps([one] * 100))


def open_zip(path: Path) -> None:
    with open_source(path) as source:
        for name in source.names:
            source.json(name)


def shapes(path: Path) -> None:
    read_shapes(path, (64, 64))


def aliases(path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    path.write_text("\n".join(lines))


NESTED_TUPLES = b"\x80\x02})" + 40 * b"q\x00h\x00\x86" + b"Ns."
LINK = 0o120777 << 16
RUN = f"a: !!python/object/apply:os.system ['touch {PWNED}']"
DEEP = b"[" * 10**6

OTHERS = (
    Attack(
        "a_seg.npy",
        "a pickle that runs code",
        "cannot be read as Cellpose's",
        seg(pickle.dumps(Code())),
        read_seg,
    ),
    Attack(
        "a_seg.npy",
        "a pickle of 9 bytes that fills 32 GB (memo)",
        "cannot be read as Cellpose's",
        seg(b"\x80\x02Nr\xff\xff\xff\x7f."),
        read_seg,
    ),
    Attack(
        "a_seg.npy",
        "a pickle whose key takes 2^40 steps to hash",
        "neither text nor a number",
        seg(NESTED_TUPLES),
        read_seg,
    ),
    Attack("a.zip", "zip bomb", "times its size", zipped("a.json", bytes(2**22)), open_zip),
    Attack("a.zip", "zip whose list of files takes 1 GB", "its list of files", long_list, open_zip),
    Attack(
        "a.zip", "zip with a name that leads out of it", "leads out", zipped("../a.json"), open_zip
    ),
    Attack("a.zip", "zip with an absolute path", "absolute path", zipped("/a.json"), open_zip),
    Attack("a.zip", "zip with a drive of Windows", "absolute path", zipped("C:/a.json"), open_zip),
    Attack("a.zip", "zip with a stream of NTFS", "colon", zipped("ab.json:x"), open_zip),
    Attack(
        "a.zip",
        "zip with a symbolic link",
        "link or a device",
        zipped("a.json", b"/etc/passwd", create_system=3, external_attr=LINK),
        open_zip,
    ),
    Attack("a.zip", "zip with a password", "password", encrypted, open_zip),
    Attack(
        "a.tar",
        "tar with a symbolic link",
        "link or a device",
        tarred(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        open_zip,
    ),
    Attack(
        "a.tar", "tar with a device", "link or a device", tarred(type=tarfile.CHRTYPE), open_zip
    ),
    Attack(
        "a.tar",
        "tar whose header claims 2^40 bytes",
        "cannot be read as tar|GiB",
        tarred(2**40, type=tarfile.XHDTYPE),
        open_zip,
    ),
    Attack("a.zip", "JSON nested 10^6 deep", "is no JSON", zipped("a.json", DEEP), open_zip),
    Attack(
        "a.geojson",
        "GeoJSON with a coordinate of 1e999",
        "lies beyond",
        geojson("[[0, 0], [1e999, 0], [5, 5]]"),
        shapes,
    ),
    Attack(
        "a.geojson",
        "GeoJSON with NaN",
        "lies beyond",
        geojson("[[0, 0], [NaN, 0], [5, 5]]"),
        shapes,
    ),
    Attack(
        "a.geojson",
        "GeoJSON of a box of 10^9 px",
        "lies beyond",
        geojson("[[0, 0], [0, 1e9], [1e9, 1e9], [1e9, 0]]"),
        shapes,
    ),
    Attack(
        "a.geojson",
        "GeoJSON of boxes that cover the image a hundred times",
        "more than 30 times",
        many_boxes,
        shapes,
    ),
    Attack(
        "a.yaml",
        "YAML that runs code (!!python)",
        "cannot be read as YAML",
        lambda p: _write(p, RUN.encode()),
        read_yaml,
    ),
    Attack(
        "a.yaml",
        "YAML of 30 lines that stand for 9^30 values",
        "the alias .* is not read",
        aliases,
        read_yaml,
    ),
    Attack(
        "a.yaml",
        "YAML nested 10^5 deep",
        "nested too deep",
        lambda p: _write(p, b"[" * 10**5),
        read_yaml,
    ),
)

# --- what is tested elsewhere: attack, what happens, test ---------------------------------------

EDITOR = "tests/annotation/editor"
PAGES = (
    (
        "another site's page asks this server (CSRF)",
        "403, by `Origin` and `Sec-Fetch-Site`",
        f"{EDITOR}/test_server.py::test_other_sites_are_refused",
    ),
    (
        "a foreign name that was pointed here (DNS rebinding)",
        "403, by `Host`",
        f"{EDITOR}/test_server.py::test_a_name_that_was_pointed_here_is_refused",
    ),
    (
        "no token, or a wrong one",
        "401, compared in constant time",
        f"{EDITOR}/test_server.py::test_a_wrong_token_is_refused",
    ),
    (
        "paths that lead elsewhere",
        "404: no path is made from a request",
        f"{EDITOR}/test_server.py::test_only_known_files_are_served",
    ),
    (
        "folders outside of `--root`, links to them included",
        "refused",
        f"{EDITOR}/test_chooser.py::test_links_lead_nowhere_else",
    ),
    (
        "names of uploads that are paths, devices, hidden or results",
        "refused",
        f"{EDITOR}/test_uploads.py::test_names_that_are_refused",
    ),
    (
        "an upload that is no image, or claims to be huge",
        "refused, nothing left behind",
        f"{EDITOR}/test_uploads.py::test_nothing_is_decoded_of_what_claims_to_be_huge",
    ),
    (
        "an upload over a file that is there, or a link",
        "never replaced",
        f"{EDITOR}/test_uploads.py::test_a_name_that_is_taken_meanwhile_is_not_replaced",
    ),
    (
        "bodies that are too long, with or without their length",
        "413",
        f"{EDITOR}/test_uploads.py::test_other_bodies_stay_small",
    ),
    (
        "a head that never comes to its end (slow loris)",
        "cut off after 20 s",
        f"{EDITOR}/test_connections.py::test_who_keeps_the_server_waiting_is_cut_off",
    ),
    (
        "a body whose next piece does not come",
        "taken for cut off after 60 s",
        f"{EDITOR}/test_connections.py::test_a_body_that_stops_is_cut_off",
    ),
    (
        "hundreds of connections of one address",
        "64 at most",
        f"{EDITOR}/test_connections.py::test_an_address_has_so_many_connections",
    ),
    (
        "scripts of others in the page",
        "none run: CSP, `nosniff`, no frame",
        f"{EDITOR}/test_server.py::test_the_page_loads_nothing_from_elsewhere",
    ),
    (
        "file names with HTML in reports",
        "escaped",
        "tests/screening/test_report.py::test_hostile_names_are_escaped",
    ),
    (
        "file names that are formulas, in tables",
        "an apostrophe before them, taken off when read",
        "tests/io/test_cells.py::test_our_own_tables_give_names_back",
    ),
    (
        "file names that move a terminal's cursor",
        "shown as \\x1b",
        "tests/test_untrusted.py::test_names_do_not_reach_the_terminal",
    ),
    (
        "paths of 4,096 letters that take a regular expression seconds",
        "milliseconds",
        "tests/test_untrusted.py::test_long_names_take_no_time",
    ),
    (
        "a symbolic link in the place of a file that is written",
        "not followed",
        "tests/test_untrusted.py::test_links_in_the_results_are_not_written_through",
    ),
    (
        "a model folder with a link in the place of its card, exported",
        "refused",
        "tests/test_untrusted.py::test_a_model_with_a_link_is_not_handed_on",
    ),
    (
        "a model that asks for layers of 10^9 units",
        "refused",
        "tests/test_untrusted.py::test_layers_of_absurd_width",
    ),
    (
        "weights that claim 10^12 numbers, or lie in other files",
        "refused",
        "tests/test_untrusted.py::test_weights_that_claim_too_much",
    ),
    (
        "a plate whose metadata lead out of it",
        "refused, before anything is written there",
        "tests/test_untrusted.py::test_a_plate_does_not_lead_out_of_itself",
    ),
    (
        "a module of ours that unpickles, or runs text",
        "does not pass the tests",
        "tests/test_untrusted.py::test_nothing_is_unpickled_or_run",
    ),
)


def strike(attack: Attack, folder: Path) -> str:
    """What is said to a file, which is drawn into a folder; "" if it is read."""
    path = folder / attack.file
    attack.draw(path)
    try:
        found = attack.read(path)
        if attack.read is read_raw:
            found.read_all()
    except NucsegError as error:
        return str(error)
    return ""


def tables() -> str:
    """The tables of the page."""
    lines = ["", "| File | What is said |", "|---|---|"]
    lines += [f"| {each.what} | {_said(each)} |" for each in (*IMAGES, *OTHERS)]
    lines += ["", "| Attack | What happens | Tested by |", "|---|---|---|"]
    lines += [f"| {what} | {right} | `{test}` |" for what, right, test in PAGES]
    return "\n".join([BEGIN, *lines, "", END])


def _said(attack: Attack) -> str:
    text = attack.told.split("|")[0].replace(".*", "…")
    return f'"{text}"'


def with_tables(page: str) -> str:
    """A page with the tables as they should be."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: tables(), page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
