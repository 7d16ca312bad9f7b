"""Folders: groups, failures, stops, second runs, and what is never touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from nucseg_tf.annotation.prelabel.folder import check_out, find_images, prelabel_folder
from nucseg_tf.annotation.prelabel.image import Settings
from nucseg_tf.errors import UsageError
from nucseg_tf.io.labels import read_labels


def photograph(nuclei: int, brightness: int = 150) -> np.ndarray:
    """Discs of radius 9 in a row, 30 px apart; 8 bit."""
    rows, columns = np.indices((50, 30 * nuclei + 20))
    bright = np.zeros(rows.shape, bool)
    for index in range(nuclei):
        bright |= np.hypot(rows - 25, columns - 25 - 30 * index) <= 9
    noise = np.random.default_rng(nuclei).normal(0, 2, rows.shape)
    return (20 + brightness * bright + noise).clip(0, 255).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, image)


@pytest.fixture
def folder(tmp_path) -> Path:
    """images/top.tif with 1 nucleus, A/one.tif with 2, B/one.tif with 3; and masks."""
    data = tmp_path / "data"
    write(data / "images" / "top.tif", photograph(1))
    write(data / "images" / "A" / "one.tif", photograph(2))
    write(data / "images" / "B" / "one.tif", photograph(3))
    write(data / "masks" / "A" / "one.tif", np.eye(5, dtype=np.uint16))
    write(data / "annotation" / "A" / "one" / "work.tif", np.eye(5, dtype=np.uint16))
    return data


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def run(folder: Path, out: Path, method="classical", **options):
    return prelabel_folder(folder, out, method, Settings(**options))


def test_groups_become_folders(folder):
    before = contents(folder)
    out = folder / "prelabels"
    outcome = run(folder, out)
    assert {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()} == {
        "top_labels.tif", "A/one_labels.tif", "B/one_labels.tif", "objects.csv",
    }  # fmt: skip
    assert read_labels(out / "B" / "one_labels.tif").max() == 3
    table = pd.read_csv(out / "objects.csv", keep_default_na=False)
    assert list(table.columns[:2]) == ["image", "label"]
    assert list(table.columns[-4:]) == ["confidence", "suspect", "reasons", "rank"]
    assert table["image"].value_counts(sort=False).to_dict() == {
        "top.tif": 1, "A/one.tif": 2, "B/one.tif": 3,
    }  # fmt: skip
    assert sorted(table["rank"]) == [1, 2, 3, 4, 5, 6]
    assert [entry["nuclei"] for entry in outcome.done] == [1, 2, 3]
    assert outcome.suspects == table["suspect"].sum()
    assert {name: data for name, data in contents(folder).items() if name in before} == before


def test_a_flat_folder_leaves_labels_and_overlays_out(tmp_path):
    for name in ("a.tif", "b.tif"):
        write(tmp_path / name, photograph(1))
    for name in ("a_masks.tif", "b_labels.tif", "c_mask.png", "a_overlay.png"):
        write(tmp_path / name, photograph(1))
    run(tmp_path, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "a_labels.tif", "b_labels.tif", "objects.csv",
    ]  # fmt: skip


def test_a_failing_image_is_named_and_its_old_labels_removed(folder):
    out = folder / "prelabels"
    run(folder, out)
    (folder / "images" / "A" / "one.tif").write_bytes(b"")
    outcome = run(folder, out)
    assert not (out / "A" / "one_labels.tif").exists()
    failures = pd.read_csv(out / "failures.csv")
    assert list(failures.columns) == ["image", "reason"]
    assert failures["image"].tolist() == [str(folder / "images" / "A" / "one.tif")]
    assert "empty" in failures.loc[0, "reason"]
    assert set(pd.read_csv(out / "objects.csv")["image"]) == {"top.tif", "B/one.tif"}
    assert len(outcome.failures) == 1
    write(folder / "images" / "A" / "one.tif", photograph(4))
    run(folder, out)
    assert not (out / "failures.csv").exists()
    assert read_labels(out / "A" / "one_labels.tif").max() == 4


def test_a_stop_leaves_the_table_of_what_is_done(folder, tmp_path):
    out = tmp_path / "out"
    stop_at_2 = lambda done, total, name: done < 2  # noqa: E731
    outcome = prelabel_folder(folder, out, "classical", Settings(), stop_at_2)
    assert outcome.left_out == [folder / "images" / "B" / "one.tif"]
    assert set(pd.read_csv(out / "objects.csv")["image"]) == {"top.tif", "A/one.tif"}
    assert not (out / "B").exists()


def test_an_interruption_leaves_it_too(folder, tmp_path):
    def interrupt(done, total, name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prelabel_folder(folder, tmp_path / "out", "classical", Settings(), interrupt)
    assert set(pd.read_csv(tmp_path / "out" / "objects.csv")["image"]) == {"top.tif"}


def test_no_nuclei_at_all_make_an_empty_table(tmp_path):
    write(tmp_path / "a.tif", np.zeros((20, 30), np.uint8))
    run(tmp_path, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "objects.csv")
    assert len(table) == 0
    assert {"image", "label", "confidence", "suspect", "reasons", "rank"} <= set(table.columns)


def test_pixel_size_goes_to_table_and_labels(tmp_path):
    write(tmp_path / "a.tif", photograph(1))
    run(tmp_path, tmp_path / "out", pixel_size=0.5)
    table = pd.read_csv(tmp_path / "out" / "objects.csv")
    np.testing.assert_allclose(table["area_um2"], table["area_px"] * 0.25)


@pytest.mark.parametrize(
    "out", ["data", "data/images/x", "data/masks", "data/annotation/x", "data/prelabels/../masks"]
)
def test_folders_of_others_are_never_written_to(folder, out):
    before = contents(folder)
    with pytest.raises(UsageError, match="--out: expected a folder of its own"):
        run(folder, folder.parent / out)
    assert contents(folder) == before


def test_other_folders_may_be(folder):
    check_out(folder, folder / "prelabels")
    check_out(folder, folder / "masks2")
    check_out(folder, folder.parent / "masks")


def test_same_stem_twice_is_refused(folder):
    write(folder / "images" / "A" / "ONE.tiff", photograph(1))
    with pytest.raises(UsageError, match="same stem"):
        find_images(folder)


@pytest.mark.parametrize("name", ["none", "empty"])
def test_folders_without_images_are_refused(tmp_path, name):
    (tmp_path / "empty" / "images").mkdir(parents=True)
    with pytest.raises(UsageError, match="expected"):
        find_images(tmp_path / name)


def test_tiles_are_of_models(folder):
    with pytest.raises(UsageError, match="--tile is of models"):
        run(folder, folder / "prelabels", tile=512)


def test_what_was_noted_of_labels_goes_with_them(folder):
    out = folder / "prelabels"
    run(folder, out)
    for name in ("top_labels.json", "A/one_labels.json"):
        (out / name).write_text("{}")
    (folder / "images" / "A" / "one.tif").write_bytes(b"no image")
    run(folder, out)
    assert (out / "top_labels.tif").is_file()
    assert not list(out.rglob("*.json"))
