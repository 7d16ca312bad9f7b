"""The main job with the shipped model, on drawn nuclei, on bad input and on real images."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile

from nucseg_tf import load_model
from nucseg_tf.__main__ import main
from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.families.dense import HALO
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.write import Write
from nucseg_tf.io.labelme import read_labelme


@pytest.fixture(scope="module")
def segmenter():
    return load_model("fpn2ws-nuclei")


def field(shape=(200, 260), seed=0, count=18) -> tuple[np.ndarray, np.ndarray]:
    """Soft bright ellipses on a noisy background, 16 bit; touching ones are left out."""
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for index in range(1, count + 1):
        mask = np.zeros(shape, np.uint8)
        center = tuple(int(v) for v in rng.uniform(0, shape[::-1]))
        axes = tuple(int(v) for v in rng.uniform(8, 16, 2))
        cv2.ellipse(mask, center, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        if not labels[cv2.dilate(mask, np.ones((5, 5))) > 0].any():
            labels[mask > 0] = index
    image = 900 + 6000 * cv2.GaussianBlur((labels > 0).astype(np.float32), (0, 0), 1.2)
    return (image + rng.normal(0, 150, shape)).clip(0).astype(np.uint16), labels


def test_finds_drawn_nuclei(segmenter):
    image, truth = field()
    found = segmenter.predict(image)
    assert found.shape == image.shape
    assert found.dtype == np.int32
    assert score_image(truth, found, (0.7,)).counts["0.70"].f1 > 0.9


@pytest.mark.parametrize("factor", [0.5, 2.0, 1000.0])
def test_brightness_and_bit_depth_do_not_matter(segmenter, factor):
    image, _ = field()
    plain = segmenter.predict(image)
    scaled = segmenter.predict(image.astype(np.float64) * factor - 3)
    assert score_image(plain, scaled, (0.9,)).counts["0.90"].f1 == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (17, 3), (33, 64)])
def test_small_images(segmenter, shape):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    assert segmenter.predict(image).shape == shape


@pytest.mark.parametrize("value", [0, 7, 65535])
def test_constant_image_has_no_nuclei(segmenter, value):
    instances = segmenter.predict_instances(np.full((80, 90), value, np.uint16))
    assert instances.labels.max() == 0
    assert len(instances.scores) == 0


def test_noise_has_no_nuclei(segmenter):
    rng = np.random.default_rng(0)
    image = rng.poisson(120, (256, 256)).astype(np.uint16)
    assert segmenter.predict(image).max() <= 2


def test_tiled_and_whole_find_the_same_nuclei(segmenter):
    image, _ = field((420, 700), count=60)
    whole = segmenter.predict(image, tile=1536)
    tiled = segmenter.predict(image, tile=2 * HALO + 128)
    assert whole.max() > 20
    assert score_image(whole, tiled, (0.9,)).counts["0.90"].f1 == 1
    assert ((whole > 0) != (tiled > 0)).mean() < 0.002


def test_tiles_that_are_mostly_context_are_warned_of_once(segmenter, caplog):
    for tile in (288, 288, 512):
        segmenter.check(Options(tile=tile))
    (said,) = caplog.messages
    assert "--tile 288: below 512 px" in said


def test_diameter_rescales_to_the_model(segmenter):
    image, truth = field((260, 300), seed=3)
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    large_truth = cv2.resize(truth, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    found = segmenter.predict(large, diameter=4 * 24)
    assert found.shape == large.shape
    assert score_image(large_truth, found, (0.7,)).counts["0.70"].f1 > 0.9


def test_test_time_augmentation_averages_maps_back_in_place(segmenter):
    image, truth = field()
    one, eight = (
        segmenter.predict_raw(image, Options(tta=count, diameter=34)).raw for count in (1, 8)
    )
    assert 0 < np.abs(one - eight).mean() < 0.02
    turned = segmenter.predict_raw(np.rot90(image).copy(), Options(tta=8, diameter=34)).raw
    np.testing.assert_allclose(np.rot90(turned, -1), eight, atol=0.25)
    assert score_image(truth, segmenter.predict(image, tta=2), (0.7,)).counts["0.70"].f1 > 0.9


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"diameter": 0}, UsageError),
        ({"diameter": 1e4}, UsageError),
        ({"pixel_size": float("nan")}, UsageError),
        ({"tile": 100}, UsageError),
        ({"tta": 9}, UsageError),
    ],
)
def test_options_that_make_no_sense(segmenter, options, error):
    with pytest.raises(error, match="--"):
        segmenter.predict(np.eye(50), **options)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 40, 40)), np.zeros((40, 40, 3)), np.zeros(5), np.zeros((0, 4)), np.eye(4) * 1j],
)
def test_arrays_that_are_no_image(segmenter, array):
    with pytest.raises(ImageReadError, match="Received"):
        segmenter.predict(array)


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    image, _ = field()
    tifffile.imwrite(folder / "good.tif", image)
    (folder / "empty.tif").write_bytes(b"")
    data = (folder / "good.tif").read_bytes()
    (folder / "truncated.tif").write_bytes(data[: len(data) // 2])
    (folder / "text.tif").write_text("no image at all")
    nan = image.astype(np.float32)
    nan[3, 5] = np.nan
    tifffile.imwrite(folder / "nan.tif", nan)
    tifffile.imwrite(folder / "constant.tif", np.full((60, 70), 9, np.uint16))
    tifffile.imwrite(folder / "pixel.tif", np.full((1, 1), 9, np.uint16))
    tifffile.imwrite(folder / "stack.tif", np.stack([image + i for i in range(5)]))
    return folder


def test_bad_images_are_named_and_the_others_done(bad_folder, tmp_path):
    out = tmp_path / "out"
    assert run("predict", bad_folder, "--out", out) == 3
    with (out / "failures.csv").open(newline="") as stream:
        reasons = {Path(row["image"]).name: row["reason"] for row in csv.DictReader(stream)}
    assert set(reasons) == {"empty.tif", "truncated.tif", "text.tif", "nan.tif", "stack.tif"}
    assert all(name in reason for name, reason in reasons.items())
    assert "--z" in reasons["stack.tif"]
    assert "finite" in reasons["nan.tif"]
    labels = {file.name for file in out.glob("*_labels.tif")}
    assert labels == {"good_labels.tif", "constant_labels.tif", "pixel_labels.tif"}
    table = pd.read_csv(out / "objects.csv")
    assert set(table["image"]) == {"good.tif"}
    assert len(table) == tifffile.imread(out / "good_labels.tif").max()


def test_all_results_of_one_image(tmp_path):
    image, _ = field()
    tifffile.imwrite(tmp_path / "a.tif", image)
    out = tmp_path / "out"
    command = ("predict", tmp_path / "a.tif", "--out", out, "--pixel-size", 0.5)
    assert run(*command, "--overlay", "--thumbnail", "--rois", "--geojson", "--labelme") == 0
    assert {file.name for file in out.iterdir()} == {
        "a_labels.tif", "a_overlay.png", "a_thumbnail.jpg", "a_rois.zip", "a.geojson",
        "a_labelme.json", "objects.csv", "fields.csv", "run.json",
    }  # fmt: skip
    labels = tifffile.imread(out / "a_labels.tif")
    assert labels.dtype == np.uint16
    table = pd.read_csv(out / "objects.csv")
    areas = np.bincount(labels.ravel())[1:]
    np.testing.assert_array_equal(table["area_px"], areas)
    np.testing.assert_allclose(table["area_um2"], areas * 0.25)
    assert table["score"].between(0.5, 1).all()
    record = json.loads((out / "run.json").read_text())
    assert record["model"]["name"] == "fpn2ws-nuclei"
    assert len(json.loads((out / "a.geojson").read_text())["features"]) >= labels.max()
    drawn = json.loads((out / "a_labelme.json").read_text())
    assert (out / drawn["imagePath"]).samefile(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_labelme(out / "a_labelme.json"), labels)


def test_folder_that_cannot_be_written(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", field()[0])
    (tmp_path / "file").write_text("")
    assert run("predict", tmp_path / "a.tif", "--out", tmp_path / "file" / "out") == 1
    assert "file" in capsys.readouterr().err


def test_a_stopped_run_keeps_what_is_done(tmp_path, monkeypatch):
    for name in ("a.tif", "b.tif", "c.tif"):
        tifffile.imwrite(tmp_path / name, field((64, 64), count=3)[0])
    write = Write.__call__

    def stopped_at_b(stage, measured):
        if measured.image.path.name == "b.tif":
            os.kill(os.getpid(), signal.SIGTERM)
        return write(stage, measured)

    monkeypatch.setattr(Write, "__call__", stopped_at_b)
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path), "--out", str(out), "--workers", "1"]) == 143
    record = json.loads((out / "run.json").read_text())
    assert [entry["image"] for entry in record["images"]] == ["a.tif", "b.tif"]
    assert record["left_out"] == [str(tmp_path / "c.tif")]
    assert {*pd.read_csv(out / "objects.csv")["image"]} == {"a.tif", "b.tif"}


def test_side_by_side_images_come_out_as_one_after_another(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number in range(6):
        shape = (90 + 30 * number, 260 - 20 * number)
        tifffile.imwrite(images / f"{number}.tif", field(shape, seed=number)[0])
    (images / "3.tif").write_bytes(b"II*\0 no image")
    for workers in (1, 3):
        command = ("predict", images, "--out", tmp_path / str(workers), "--workers", workers)
        assert run(*command, "--geojson", "--rois") == 3
    one, three = ({f.name: f for f in (tmp_path / name).iterdir()} for name in ("1", "3"))
    assert one.keys() == three.keys()
    for name in one.keys() - {"run.json"}:
        if not name.endswith(".zip"):  # which carry the time of day
            assert one[name].read_bytes() == three[name].read_bytes(), name
    assert run("predict", images, "--out", tmp_path / "o", "--workers", 0) == 2


def test_a_large_image_comes_out_as_a_small_one(tmp_path, monkeypatch):
    """The same in pieces: mapped to files, blocks of 300 px, tiles of 512 px."""
    image, _ = field((700, 900), count=120)
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(128, 128), compression="zlib")
    command = ("predict", tmp_path / "a.tif", "--tile", 512, "--diameter", 27)
    assert run(*command, "--out", tmp_path / "whole", "--geojson") == 0
    monkeypatch.setattr("nucseg_tf.imaging.scratch.SMALL", 1000)
    monkeypatch.setattr(
        "nucseg_tf.inference.stages.decode.Decode.__init__.__defaults__", (None, 300)
    )
    monkeypatch.setattr("nucseg_tf.imaging.pieces.pieces.__defaults__", (0, 300))
    assert run(*command, "--out", tmp_path / "pieces", "--geojson") == 0
    whole, pieces = (tmp_path / name for name in ("whole", "pieces"))
    labels = tifffile.imread(pieces / "a_labels.tif")
    np.testing.assert_array_equal(labels, tifffile.imread(whole / "a_labels.tif"))
    one, other = (pd.read_csv(folder / "objects.csv") for folder in (whole, pieces))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6)
    with tifffile.TiffFile(pieces / "a_labels.tif") as file:
        assert file.pages[0].is_tiled


def test_same_stem_twice_is_refused(tmp_path, capsys):
    for name in ("a.tif", "a.png"):
        cv2.imwrite(str(tmp_path / name), field()[0])
    assert run("predict", tmp_path, "--out", tmp_path / "out") == 2
    assert "same stem" in capsys.readouterr().err


def test_mask_of_another_shape_is_named_by_validate(tmp_path, capsys):
    for kind, shape in (("images", (40, 50)), ("masks", (40, 40))):
        (tmp_path / kind).mkdir()
        cv2.imwrite(str(tmp_path / kind / "f.png"), np.eye(*shape, dtype=np.uint8))
    code = run("validate", tmp_path)
    text = "".join(capsys.readouterr())
    assert code != 0
    assert "f.png" in text
    assert "shape" in text


@pytest.mark.data
def test_shipped_model_on_real_fields(dsb2018, tmp_path):
    """A dozen of the validation fields; `make score` scores all of them."""
    images = sorted((dsb2018 / "val" / "images").glob("*.png"))[::4]
    assert run("predict", *images, "--out", tmp_path / "out") == 0
    truth = tmp_path / "truth"
    truth.mkdir()
    for image in images:
        (truth / image.name).symlink_to(dsb2018 / "val" / "masks" / image.name)
    assert run("evaluate", truth, tmp_path / "out", "--out", tmp_path / "scores") == 0
    summary = json.loads((tmp_path / "scores" / "scores.json").read_text())["summary"]
    assert summary["thresholds"]["0.50"]["mean_ap"] > 0.78
    assert summary["thresholds"]["0.70"]["mean_ap"] > 0.65


def test_a_gpu_that_is_required_and_missing_ends_with_code_2(tmp_path, capsys):
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    image = tmp_path / "a.png"
    cv2.imwrite(str(image), np.eye(40, dtype=np.uint8))
    for flag in ("--require-gpu", "--device=gpu"):
        assert run("predict", image, "--out", tmp_path / "out", flag) == 2
        assert "finds no GPU" in capsys.readouterr().err
