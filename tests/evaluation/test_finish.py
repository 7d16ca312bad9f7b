from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from reference.small import tiny

from nucseg_tf.config import make_config
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import write_regions
from nucseg_tf.evaluation import finish
from nucseg_tf.evaluation.finish import common_pixel_size
from nucseg_tf.evaluation.tuning import mean_ap, tune
from nucseg_tf.families.fpn2ws.config import GRID, Decode
from nucseg_tf.families.fpn2ws.decode import decode
from nucseg_tf.families.fpn2ws.targets import targets
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.io.labels import write_labels
from nucseg_tf.models.zoo import ModelInfo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.schema import of_family, parse, to_yaml
from nucseg_tf.types import Field, Image, Instances


def pair() -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((60, 80), np.int32)
    rows, columns = np.indices(labels.shape)
    for index, (y, x) in enumerate(((18, 20), (18, 41), (44, 60)), start=1):
        labels[((rows - y) ** 2 + (columns - x) ** 2 < 110) & (labels == 0)] = index
    return targets(labels), labels


def score(settings) -> float:
    return mean_ap([pair()], decode, settings)


def tuned_from(start):
    return tune([pair()], decode, start, GRID, rounds=1)


def test_every_threshold_on_the_grid_exists():
    for family in FAMILIES:
        assert {*family.grid} <= {*family.thresholds.model_fields}


def test_tuning_finds_better_thresholds_and_never_worse_ones():
    start = Decode(seed=0.99, background=0.5, ridge=0.9)
    before = score(start)
    tuned = tuned_from(start)
    assert score(tuned) > before
    assert score(tuned) > 0.8


def test_perfect_thresholds_are_left_alone():
    start = Decode(seed=0.5, background=0.05, ridge=0.3, slope=0.2)
    assert score(start) == pytest.approx(1)
    assert tuned_from(start) == start


def test_a_threshold_has_to_gain_what_it_is_worth():
    start = Decode(seed=0.99, background=0.05, ridge=0.3, slope=0.2)
    assert tuned_from(start).seed < 0.99
    assert tune([pair()], decode, start, GRID, worth=1.0) == start


FIELD = Field("drawn", Path("drawn.png"), (Path("labels.png"),))


class PerfectSegmenter:
    """Gives the true maps of a field, and decodes them by bad thresholds."""

    family, thresholds = FAMILIES["fpn2ws"], Decode(seed=0.99)
    info = of_family(ModelInfo, "fpn2ws")(
        name="perfect", architecture={"family": "fpn2ws"}, diameter=20.0
    )

    def predict_raw(self, pixels, options, thresholds):
        return Predicted(Image(pixels, None, FIELD.image), targets(pixels))

    def decode(self, predicted, thresholds):
        return decode(predicted.raw, thresholds)


@pytest.fixture
def drawn_fields(monkeypatch):
    labels = pair()[1]
    monkeypatch.setattr(finish, "load_field", lambda *_, **__: (labels, labels))


@pytest.mark.usefixtures("drawn_fields")
def test_few_fields_are_tuned_on_with_those_of_the_training():
    info = finish.tune_and_score(PerfectSegmenter(), [FIELD], make_config(), [FIELD, FIELD])
    assert info.thresholds.seed < 0.99
    assert info.scores["images"] == 1


@pytest.mark.usefixtures("drawn_fields")
@pytest.mark.parametrize(
    ("apart", "expected"), [(False, "v t0 t3 t6 t9"), (True, "t0 t2 t4 t7 t9")]
)
def test_fields_left_out_can_be_kept_out_of_the_thresholds(apart, expected, monkeypatch):
    """Five fields are tuned on; those of the training are spread over all of them."""
    seen = []
    monkeypatch.setattr(
        finish, "tune", lambda pairs, decode, start, grid, **_: seen.extend(pairs) or start
    )
    named = finish.load_field
    monkeypatch.setattr(finish, "load_field", lambda field, **_: (field.name, named(field)[1]))
    segmenter, found = PerfectSegmenter(), Instances(pair()[1], np.ones(3, np.float32))
    monkeypatch.setattr(segmenter, "predict_raw", lambda pixels, *_: pixels, raising=False)
    monkeypatch.setattr(segmenter, "decode", lambda *_: found, raising=False)
    monkeypatch.setattr(finish, "judge", lambda *_: None)
    monkeypatch.setattr(finish, "calibrate", lambda judged: None)
    train = [replace(FIELD, name=f"t{number}") for number in range(10)]
    info = finish.tune_and_score(segmenter, [replace(FIELD, name="v")], make_config(), train, apart)
    assert " ".join(name for name, _ in seen) == expected
    assert info.scores["images"] == 1


@pytest.mark.usefixtures("drawn_fields")
def test_few_fields_alone_change_no_threshold(caplog):
    info = finish.tune_and_score(PerfectSegmenter(), [FIELD], make_config())
    assert info.thresholds == PerfectSegmenter.thresholds
    assert "thresholds are kept" in caplog.text


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([0.5, 0.51], 0.505), ([0.5, None], None), ([0.2, 0.4], None), ([None], None), ([], None)],
)
def test_common_pixel_size(sizes, expected):
    assert common_pixel_size(sizes) == (pytest.approx(expected) if expected else None)


def grid_of_discs(wrong: bool) -> np.ndarray:
    """Twelve discs; every other one much too small where they are to be wrong."""
    labels = np.zeros((80, 110), np.int32)
    rows, columns = np.indices(labels.shape)
    for index in range(12):
        y, x = 15 + 25 * (index // 4), 15 + 26 * (index % 4)
        radius = 5 if wrong and index % 2 else 9
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = index + 1
    return labels


@pytest.mark.parametrize(("count", "fitted"), [(6, True), (3, False)])
def test_a_finished_model_is_calibrated_if_there_is_enough(count, fitted, monkeypatch, caplog):
    family = FAMILIES["fpn2ws"]
    info = of_family(ModelInfo, family.name)(
        name="m", architecture={"family": family.name}, diameter=18.0
    )
    segmenter = SimpleNamespace(
        family=family,
        thresholds=info.thresholds,
        info=info,
        predict_raw=lambda pixels, options, thresholds: Predicted(
            Image(pixels, None, Path("a.png")), targets(grid_of_discs(wrong=True))
        ),
        decode=lambda predicted, thresholds: decode(predicted.raw, thresholds),
    )
    truth = grid_of_discs(wrong=False)
    image = (50 + 100 * (truth > 0)).astype(np.uint8)
    monkeypatch.setattr(finish, "load_field", lambda *_, **__: (image, truth))
    # Tuning would leave out those that are wrong: nothing were left to tell apart.
    monkeypatch.setattr(finish, "tune", lambda pairs, decode, start, grid, **_: start)
    fields = [Field(str(number), Path("a.png"), (Path("b.png"),)) for number in range(count)]
    done = finish.tune_and_score(segmenter, fields, make_config())
    assert (done.confidence is not None) is fitted
    if fitted:
        assert done.confidence.nuclei == 72
        assert (
            done.confidence.cross_validated.auc == 1
        )  # those that are too small are the wrong ones
        assert parse(type(done), yaml.safe_load(to_yaml(done)), "model.yaml") == done
    else:
        assert "too few to calibrate" in caplog.text


def test_what_is_unknown_of_a_field_is_not_counted(tmp_path, monkeypatch):
    labels = grid_of_discs(wrong=True)  # discs of 5 and 9 px take turns along a row
    for name in ("a.tif", "a_masks.tif"):
        write_labels(tmp_path / name, labels)
    (whole,) = find_fields(tmp_path)
    write_regions(tmp_path / "a_masks.tif", [(0, 0, 80, 26)])  # discs of 9 px alone
    (part,) = find_fields(tmp_path)
    assert finish.data_hash([part]) != finish.data_hash([whole])
    settings = make_config({"data": {"find_diameter": False}})
    sizes = [finish.describe(settings, [field], "", "").diameter for field in (whole, part)]
    dark = make_config({"data": {"invert": True}})
    assert finish.describe(dark, [part], "", "").invert
    assert sizes[0] < sizes[1] == pytest.approx(2 * 9, abs=0.5)
    # What is found outside is neither right nor wrong; without the regions it is wrong.
    monkeypatch.setattr(finish, "tune", lambda pairs, decode, start, grid, **_: start)
    segmenter = PerfectSegmenter()
    segmenter.predict_raw = lambda *_: Predicted(Image(labels, None, part.image), targets(labels))
    segmenter.decode = lambda *_: Instances(labels, np.ones(labels.max(), np.float32))
    done = finish.tune_and_score(segmenter, [part], make_config())
    assert done.scores["validation"]["0.90"]["f1"] == 1
    write_labels(tmp_path / "a_masks.tif", np.where(np.arange(110) < 26, labels, 0))
    done = finish.tune_and_score(segmenter, [part], make_config())
    assert done.scores["validation"]["0.90"]["f1"] == 1
    done = finish.tune_and_score(segmenter, [whole], make_config())
    assert done.scores["validation"]["0.90"]["f1"] < 1


def test_what_a_killed_training_has_left_of_its_model_goes(tmp_path, monkeypatch):
    arch = FAMILIES["fpn2ws"].architecture(encoder="mobilenetv2", filters=8)
    info = of_family(ModelInfo, "fpn2ws")(name="m", architecture=arch, diameter=20.0)
    monkeypatch.setattr(finish, "describe", lambda *_: info)
    monkeypatch.setattr(finish, "tune_and_score", lambda segmenter, *_: info)
    monkeypatch.setattr(finish, "model_card", lambda *_: "")
    (tmp_path / "unfinished").mkdir()
    for name in (".model-613bb1c8.yaml", ".model.weights-a2b88e11.h5", ".sha256-a3fb69f9"):
        (tmp_path / "unfinished" / name).write_text("half")
    folder = finish.finish(tmp_path, make_config(), tiny(arch), [], [])
    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "model.weights.h5", "model.yaml", "sha256")
    ]
