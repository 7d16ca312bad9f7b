"""The section `confidence` of model.yaml: read strictly, and left out where it was not fitted."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml

from nucseg_tf.errors import ModelError, OutputError
from nucseg_tf.models import zoo
from nucseg_tf.models.confidence import EVIDENCE, Confidence, probability
from nucseg_tf.schema import of_family, to_yaml

SECTION = {
    "iou": 0.7,
    "intercept": -2.0,
    "weights": {"score": 1.0, "solidity": 3.0, "border": 0.5},
    "fields": 9,
    "nuclei": 300,
    "raw": {"auc": 0.7, "ece": 0.1},
    "cross_validated": {"auc": 0.8, "ece": 0.02},
}


def info(confidence=SECTION, family="fpn2ws") -> zoo.ModelInfo:
    known = {"name": "m", "architecture": {"family": family}, "diameter": 20.0}
    return of_family(zoo.ModelInfo, family)(**known, confidence=confidence)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A model folder whose weights are none: nothing here loads them."""
    (tmp_path / "model.yaml").write_text(to_yaml(info()))
    (tmp_path / "model.weights.h5").write_bytes(b"weights")
    lines = [
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n"
        for name in zoo.HASHED
    ]
    (tmp_path / "sha256").write_text("".join(lines))
    return tmp_path


def change(folder: Path, **values) -> None:
    known = yaml.safe_load((folder / "model.yaml").read_text())
    known["confidence"] |= values
    (folder / "model.yaml").write_text(yaml.safe_dump(known))


def test_probability_is_logistic_and_never_beyond_0_and_1():
    evidence = {"score": np.array([0.0, 1.0, -1e9, 1e9]), "solidity": np.full(4, 0.5)}
    found = probability(1.0, {"score": 2.0, "solidity": -2.0}, evidence)
    expected = [0.5, 1 / (1 + np.exp(-2)), 0, 1]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.dtype == np.float32


def test_evidence_that_has_no_weight_is_not_needed():
    confidence = Confidence(**SECTION | {"weights": {"score": 1.0}})
    assert confidence.probability({"score": np.array([2.0])}).tolist() == [0.5]


def test_what_is_written_is_read(folder):
    assert zoo.read_info(folder) == info()
    assert zoo.read_info(folder).confidence.weights["border"] == 0.5


@pytest.mark.parametrize("section", [{}, {"confidence": None}])
def test_a_model_without_the_section_loads(folder, section):
    known = yaml.safe_load((folder / "model.yaml").read_text())
    del known["confidence"]
    (folder / "model.yaml").write_text(yaml.safe_dump(known | section))
    assert zoo.read_info(folder).confidence is None


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"weights": {"scoer": 1.0}},
            r"confidence.*weights\.scoer: unknown evidence; did you mean .score",
        ),
        ({"weights": {}}, r"confidence\.weights"),
        ({"weights": {"score": "much"}}, r"confidence\.weights\.score.*Received: 'much'"),
        ({"weights": {"score": float("nan")}}, r"confidence\.weights\.score"),
        ({"intercept": float("inf")}, r"confidence\.intercept"),
        ({"intercept": None}, r"confidence\.intercept"),
        ({"iou": 70}, r"confidence\.iou"),
        ({"nucleii": 3}, "nucleii: unknown key; "),
        ({"raw": {"auc": 0.5}}, r"confidence\.raw\.ece"),
    ],
)
def test_a_malformed_section_names_file_and_key(folder, values, text):
    change(folder, **values)
    with pytest.raises(ModelError, match=rf"model\.yaml: .*{text}"):
        zoo.read_info(folder)


def test_evidence_of_another_family_is_unknown():
    with pytest.raises(ValueError, match=r"weights\.border: unknown evidence"):
        info(family="mask_rcnn")
    weights = dict.fromkeys(EVIDENCE, 1.0)
    assert info(SECTION | {"weights": weights}, "mask_rcnn").confidence.weights == weights


def test_a_replaced_description_verifies(folder):
    digest = zoo.verify(folder)
    zoo.replace_info(folder, info(None))
    assert zoo.verify(folder) == digest
    assert zoo.read_info(folder).confidence is None
    assert len(list(folder.iterdir())) == 3


def test_a_damaged_folder_is_not_touched(folder):
    (folder / "model.weights.h5").write_bytes(b"others")
    before = (folder / "model.yaml").read_bytes()
    with pytest.raises(ModelError, match=r"model\.weights\.h5"):
        zoo.replace_info(folder, info(None))
    assert (folder / "model.yaml").read_bytes() == before


@pytest.mark.parametrize("name", ["model.yaml", "sha256"])
def test_both_files_or_none(folder, name, monkeypatch):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    replace, failed = Path.replace, []

    def full(self, target):
        if Path(target).name == name and not failed:
            failed.append(name)
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        zoo.replace_info(folder, info(None))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
