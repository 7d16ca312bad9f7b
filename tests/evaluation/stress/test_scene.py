from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from reference.drawn import draw

from nucseg_tf.data.regions import write_regions
from nucseg_tf.errors import DataError
from nucseg_tf.evaluation.stress.scene import (
    Scene,
    choose,
    drop_ignored,
    known,
    load_scenes,
    middle,
    spread,
)


def scene_of(labels: np.ndarray, pixels: np.ndarray | None = None) -> Scene:
    pixels = np.zeros(labels.shape, np.uint8) if pixels is None else pixels
    return Scene("a", pixels, labels, np.zeros(labels.shape, bool))


def test_diameter_is_that_of_whole_nuclei():
    labels = draw("....33333\n.11.33333\n.11.33333\n....33333")
    assert scene_of(labels).diameter == pytest.approx(np.sqrt(4 * 4 / np.pi))
    assert scene_of(labels[:, 4:]).diameter == pytest.approx(np.sqrt(20 * 4 / np.pi))
    assert np.isnan(scene_of(0 * labels).diameter)


def test_levels_of_background_and_nuclei():
    labels = draw("..11\n..11")
    assert scene_of(labels, (10 + 50 * labels).astype(np.uint8)).levels == (10, 60)
    assert scene_of(labels).levels == (0, 1)
    assert scene_of(0 * labels, np.full((2, 4), 7, np.uint8)).levels == (7, 8)


def test_small_nuclei_are_ignored_and_the_rest_numbered():
    labels = np.kron(draw("2..5\n2...\n...."), np.ones((3, 3), int)).astype(np.int32)
    found = known("a", labels.astype(np.uint8), labels, np.zeros(labels.shape, bool))
    assert np.array_equal(found.labels, (labels == 2).astype(int))
    assert np.array_equal(found.ignored, labels == 5)


def test_redrawn_pixels_keep_sixteenths():
    scene = scene_of(draw("..11"))
    assert scene.redraw(np.array([[-3, 0.5, 1.25, 9000]])).pixels.tolist() == [[0, 8, 20, 65535]]
    wide = replace(scene, pixels=scene.pixels.astype(np.uint16))
    assert wide.redraw(np.array([[-3, 0.6, 1, 90000]])).pixels.tolist() == [[0, 1, 1, 65535]]


def test_the_middle_is_taken():
    labels = np.zeros((9, 5), np.int32)
    pixels = np.arange(45, dtype=np.uint8).reshape(9, 5)
    assert np.array_equal(middle(scene_of(labels, pixels), 5).pixels, pixels[2:7])


def test_nuclei_that_lie_mostly_in_the_unknown_do_not_count():
    prediction = draw("111.22.3333")
    ignored = draw("11....1..11") > 0
    assert np.array_equal(drop_ignored(prediction, ignored), draw("....22.3333"))


def test_fields_are_evenly_chosen():
    assert spread(list("abcdefghi"), 3) == ["a", "e", "i"]
    assert spread(["a"], 3) == ["a"]


def test_fields_without_nuclei_in_the_middle_are_not_chosen(scene):
    assert [s.name for s in choose([scene_of(0 * scene.labels), scene], 5)] == ["a"]


def write(folder, name: str, pixels: np.ndarray, labels: np.ndarray) -> None:
    for kind, array in (("images", pixels), ("masks", labels.astype(np.uint16))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / kind / f"{name}.tif", array)


def test_validation_fields_are_loaded(tmp_path, scene):
    for split, name in (("train", "x"), ("val", "z"), ("val", "y")):
        write(tmp_path / split, name, scene.pixels, scene.labels)
    loaded = load_scenes(tmp_path)
    assert [part.name for part in loaded] == ["y", "z"]
    assert loaded[0].labels.max() == scene.labels.max()
    assert not loaded[0].ignored.any()
    write_regions(tmp_path / "val" / "masks" / "y.tif", [(0, 0, *scene.labels.shape)])
    assert not load_scenes(tmp_path)[0].ignored.any()
    half = scene.labels.shape[0] // 2
    write_regions(tmp_path / "val" / "masks" / "y.tif", [(0, 0, half, scene.labels.shape[1])])
    part = load_scenes(tmp_path)[0]
    assert part.labels.min() == 0 < part.labels.max()
    assert part.ignored[half:].mean() > 0.8
    assert not part.labels[part.ignored].any()


def test_data_that_cannot_be_altered_is_refused(tmp_path, scene):
    write(tmp_path / "val", "x", scene.pixels.astype(np.float32), scene.labels)
    with pytest.raises(DataError, match=r"expected uint8 or uint16\. Received: float32"):
        load_scenes(tmp_path)
    write(tmp_path / "other" / "train", "x", scene.pixels, scene.labels)
    with pytest.raises(DataError, match="no validation fields"):
        load_scenes(tmp_path / "other")
