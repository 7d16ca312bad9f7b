"""What changes nothing: the order of files, other images of the run, the format of labels."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reference.drawn import drawn_discs

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.prelabel.folder import find_images
from nucseg_tf.data.manifest import scan
from nucseg_tf.evaluation.pairs import pair_labels
from nucseg_tf.io.images import list_images
from nucseg_tf.io.labels import read_labels
from nucseg_tf.io.omezarr.write_image import write_image
from nucseg_tf.io.plates.open import open_plate

COUNT = 3


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[Path]:
    """Images of several sizes."""
    folder = tmp_path_factory.mktemp("images")
    for seed in range(COUNT):
        tifffile.imwrite(folder / f"{seed}.tif", drawn_discs(seed)[: 128 - 20 * seed])
    return sorted(folder.iterdir())


def predicted(out: Path, *arguments: object) -> tuple[list[bytes], dict[str, list[str]]]:
    """The label images, and the rows of each image."""
    assert main(["predict", *map(str, arguments), "--out", str(out), "--workers", "2"]) == 0
    rows: dict[str, list[str]] = {}
    with (out / "objects.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(Path(row.pop("image")).stem, []).append(",".join(row.values()))
    return [path.read_bytes() for path in sorted(out.glob("*_labels.tif"))], rows


@pytest.fixture(scope="module")
def together(images, tmp_path_factory):
    found = predicted(tmp_path_factory.mktemp("out"), *images)
    assert len(found[0]) == len(found[1]) == COUNT
    return found


def test_the_order_of_files_changes_nothing(images, together, tmp_path):
    assert predicted(tmp_path, *images[::-1]) == together


def test_an_image_alone_is_as_among_others(images, together, tmp_path):
    labels, rows = predicted(tmp_path, images[1])
    assert labels == [together[0][1]]
    assert rows == {"1": together[1]["1"]}


def test_labels_in_ome_zarr_are_those_in_tiff(images, together, tmp_path):
    zarr = pytest.importorskip("zarr")
    write_image(tmp_path / "1.zarr", tifffile.imread(images[1]))
    _, rows = predicted(tmp_path / "out", tmp_path / "1.zarr")
    found = zarr.open_array(tmp_path / "1.zarr" / "labels" / "nuclei" / "0", mode="r")[:]
    (tmp_path / "1_labels.tif").write_bytes(together[0][1])
    np.testing.assert_array_equal(found, read_labels(tmp_path / "1_labels.tif"))
    assert rows == {"1": together[1]["1"]}


# --- the order in which a file system lists its files ------------------------------------------


def flat(folder: Path) -> None:
    for name in ("b.tif", "a.tif", "b_masks.tif", "a_masks.png", "c.tif", "c.geojson"):
        (folder / name).touch()


def groups(folder: Path) -> None:
    for kind in ("images", "masks"):
        for group in ("y", "x"):
            (folder / kind / group).mkdir(parents=True)
            for name in ("b.tif", "a.tif"):
                (folder / kind / group / name).touch()


def bowl(folder: Path) -> None:
    for name in ("b", "a"):
        for kind, files in (("images", (name,)), ("masks", ("2", "1"))):
            (folder / name / kind).mkdir(parents=True)
            for file in files:
                (folder / name / kind / f"{file}.png").touch()


def plate(folder: Path) -> None:
    for well in ("B02", "A01", "A02"):
        for field in (2, 1):
            (folder / f"P_{well}_T0001F00{field}L01A01Z01C01.tif").touch()


def wells(folder: Path) -> list:
    return [(field.well, field.number, field.files) for field in open_plate(folder).fields]


def pairs(folder: Path) -> list:
    return [*pair_labels(folder / "masks" / "x", folder / "images" / "x").items()]


@pytest.mark.parametrize(
    ("make", "read"),
    [
        *((flat, scan), (groups, scan), (bowl, scan), (groups, find_images), (groups, pairs)),
        *((flat, lambda folder: list_images([folder])), (plate, wells)),
    ],
)
def test_the_order_of_a_file_system_changes_nothing(make, read, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    orders = []
    listed, scanned = Path.iterdir, os.walk

    def walked(*args, **options):
        for root, folders, files in scanned(*args, **options):
            yield root, folders, order(files)

    for order in (sorted, lambda names: sorted(names, reverse=True)):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "iterdir", lambda path: iter(order(listed(path))))  # noqa: B023
            patch.setattr(os, "walk", walked)
            orders.append(read(folder))
    assert orders[0] == orders[1]
    assert orders[0]
    shutil.rmtree(folder)
