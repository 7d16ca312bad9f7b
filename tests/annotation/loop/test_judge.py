from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.loop import judge, versions
from nucseg_tf.annotation.loop.judge import decide, rivals, score_models, shortened
from nucseg_tf.annotation.loop.versions import SHIPPED, FieldUse, Version
from nucseg_tf.config import make_config
from nucseg_tf.errors import ModelError, OutputError
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.types import Field


def score(f1, splits=0, merges=0, fields=2):
    return {"f1": f1, "splits": splits, "merges": merges, "fields": [[1, 0, 0]] * fields}


@pytest.mark.parametrize(("new", "taken"), [(0.9, True), (0.8, True), (0.7999, False)])
def test_taken_over_if_not_worse_than_the_current_model(new, taken):
    scores = {SHIPPED: score(0.99), "v1": score(0.8, 5, 2), "v2": score(new, 3, 1)}
    verdict = decide(scores, "v2", "v1")
    assert (verdict.taken, verdict.rival) == (taken, "v1")
    assert verdict.reason == (
        f"F1 {new:.3f} on the 2 fields left out, v1 has 0.800; splits 3 against 5; "
        "merges 1 against 2."
    )


def test_without_a_rival_it_is_taken_over():
    verdict = decide({"v2": score(0.3, fields=1)}, "v2", SHIPPED)
    assert verdict.taken
    assert verdict.reason == "F1 0.300 on the field left out."


def test_a_part_of_a_field_is_not_said_to_be_a_field():
    verdict = decide({"v1": score(0.3, fields=1)}, "v1", SHIPPED, strip=True)
    assert verdict.reason == "F1 0.300 on the part of the field that was left out."


@pytest.mark.parametrize(("new", "taken"), [(0.8, True), (0.7, False)])
def test_the_shipped_model_stands_in_for_a_rival_without_score(new, taken):
    verdict = decide({"v2": score(new, fields=1), SHIPPED: score(0.8)}, "v2", "v1")
    assert (verdict.taken, verdict.rival) == (taken, "v1")
    assert verdict.reason == (
        f"F1 {new:.3f} on the field left out, {SHIPPED} has 0.800; splits 0 against 0; merges 0 "
        "against 0. v1 could not be compared."
    )


def test_what_is_compared(tmp_path):
    for number in range(1, 10):
        (versions.home(tmp_path, f"v{number}") / "model").mkdir(parents=True)
        state = "failed" if number == 8 else "done"
        versions.write(tmp_path, Version(f"v{number}", state, "nuclei"))
    new = Version("v10", "training", "nuclei")
    last = [f"v{n}" for n in (3, 4, 5, 6, 7, 9)]
    assert rivals(tmp_path, new, SHIPPED) == [SHIPPED, *last]
    assert rivals(tmp_path, new, "v1") == [SHIPPED, "v1", *last]


@pytest.mark.parametrize(
    ("trained", "left_out", "compared"),
    [
        (FieldUse("a", "train", 9, ""), FieldUse("b", "left_out", 9, ""), True),
        (FieldUse("b", "train", 9, ""), FieldUse("b", "left_out", 9, ""), False),
        (
            FieldUse("a", "train", 9, "", ((0, 0, 50, 9),)),
            FieldUse("a", "left_out", 9, "", ((50, 0, 60, 9),)),
            True,
        ),
        (
            FieldUse("a", "train", 9, "", ((0, 0, 50, 9),)),
            FieldUse("a", "left_out", 9, "", ((45, 0, 60, 9),)),
            False,
        ),
        (FieldUse("a", "train", 9, ""), FieldUse("a", "left_out", 9, "", ((0, 0, 9, 9),)), False),
    ],
)
def test_no_model_is_compared_on_what_it_was_trained_on(tmp_path, trained, left_out, compared):
    versions.home(tmp_path, "v1").mkdir(parents=True)
    versions.write(tmp_path, Version("v1", "done", "nuclei", fields=(trained,)))
    new = Version("v2", "training", "nuclei", fields=(left_out,))
    assert rivals(tmp_path, new, "v1") == [SHIPPED, *(["v1"] if compared else [])]


def test_a_full_disk_is_no_reason_to_leave_a_model_out(models, tmp_path, monkeypatch):
    def full(*arguments):
        raise OutputError("no space left")

    monkeypatch.setattr(judge, "write_labels", full)
    field = Field("a", Path("a.tif"), (Path("b.tif"),))
    with pytest.raises(OutputError):
        score_models(tmp_path, models[0], [field], make_config())


def test_scores_are_pooled_over_fields():
    _, truth = drawn_nuclei()
    found = truth.copy()
    found[found == 1] = 2  # merged
    part = (truth == 4) & (np.indices(truth.shape)[0] < 56)
    found[part] = 9  # split
    kept = shortened([score_image(truth, truth), score_image(truth, found)])
    right = 4 + 1  # of the merged nuclei neither, of the split one neither part
    assert kept["fields"] == [[4, 0, 0], [1, 3, 3]]
    assert kept["f1"] == pytest.approx(2 * right / (2 * right + 3 + 3), abs=1e-4)
    assert (kept["splits"], kept["merges"], kept["nuclei"]) == (1, 1, 8)
    assert (kept["missed"], kept["spurious"]) == (3, 3)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Two models, of which one finds all; and how often each was loaded."""
    image, labels = drawn_nuclei()
    loaded = []

    def load(home):
        if home.name == "broken":
            raise ModelError("damaged")
        loaded.append(home.name)
        found = labels if home.name == "good" else labels * 0
        return SimpleNamespace(
            find=lambda *_: SimpleNamespace(instances=SimpleNamespace(labels=found))
        )

    for name in ("good", "bad", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.yaml").touch()
        (tmp_path / name / "sha256").write_text(name)
    monkeypatch.setattr(judge, "load_model", load)
    monkeypatch.setattr(judge.zoo, "verify", lambda home: home.name)
    monkeypatch.setattr(judge, "load_field", lambda *_, **__: (image, labels))
    monkeypatch.setattr(judge, "read_image", lambda *_: SimpleNamespace(pixel_size=0.5))
    return {name: tmp_path / name for name in ("good", "bad", "broken")}, loaded


def test_what_models_find_is_kept(models, tmp_path, caplog):
    known, loaded = models
    field = Field("a", Path("a.tif"), (Path("b.tif"),))
    scores = score_models(tmp_path, known, [field, field], make_config())
    assert {name: score["f1"] for name, score in scores.items()} == {"good": 1.0, "bad": 0.0}
    assert "broken is not compared: damaged" in caplog.text
    again = score_models(tmp_path, known, [field, field], make_config())
    assert (again, loaded) == (scores, ["good", "bad"])
    (tmp_path / "good" / "sha256").write_text("trained anew")
    score_models(tmp_path, known, [field], make_config())
    assert loaded == ["good", "bad", "good"]
