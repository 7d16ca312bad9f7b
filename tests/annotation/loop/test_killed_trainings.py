"""Trainings of a tiny network, killed at any write: each goes on, and ends as if nothing had been.

What is on the disk before a write is what SIGKILL leaves there. So one training is enough to know
all that can be left; each of these states is gone on with.
"""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from reference.small import SMALL, tiny

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import versions, work
from nucseg_tf.annotation.loop.leftovers import sweep
from nucseg_tf.annotation.loop.train import train
from nucseg_tf.annotation.loop.versions import SHIPPED
from nucseg_tf.io.images import read_raw
from nucseg_tf.models import weights, zoo
from nucseg_tf.registry import FAMILIES


@pytest.fixture(autouse=True)
def family(monkeypatch):
    monkeypatch.setattr(FAMILIES["fpn2ws"], "build", tiny)
    monkeypatch.setattr("nucseg_tf.engines.tensorflow.use_device", lambda device: None)

    def score_models(folder, models, fields, config):
        f1 = {SHIPPED: 0.5, "v1": 0.6}
        return {
            name: {
                "f1": f1[name],
                **dict.fromkeys(("splits", "merges", "missed", "spurious"), 0),
                "fields": [[1, 1, 1]],
            }
            for name in models
        }

    monkeypatch.setattr(work.judge, "score_models", score_models)


@pytest.fixture
def base(tmp_path_factory):
    keras.utils.set_random_seed(5)
    arch = FAMILIES["fpn2ws"].architecture(encoder="mobilenetv2", filters=8)
    info = zoo.ModelInfo(name="m", architecture=arch, diameter=20.0)
    return str(zoo.save_model(tmp_path_factory.mktemp("base"), info, zoo.build(arch), ""))


@pytest.mark.parametrize(
    "some",
    [
        pytest.param(slice(4, None, 24), id="some writes"),
        pytest.param(slice(None), id="all writes", marks=pytest.mark.slow),
    ],
)
def test_killed_at_a_write_a_training_goes_on(
    folder, accept, base, tmp_path_factory, monkeypatch, some
):
    for hour, key in enumerate("abc"):
        accept(folder, key, hour)
    masks = contents(folder, "masks", "annotation")
    left = tmp_path_factory.mktemp("left")
    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "unlink"):
            patch.setattr(Path, name, kept_before(getattr(Path, name), folder, left))
        train(folder, base=base, settings=SMALL)
    states = sorted(left.iterdir(), key=lambda path: int(path.name))
    assert len(states) > 40
    for state in states[some]:
        check_whole(state)
        sweep(open_project(state))
        assert contents(state, "masks", "annotation") == masks
        if versions.unfinished(state):
            train(state)
        elif not versions.read_versions(state):  # killed before there was one
            train(state, base=base, settings=SMALL)
        version = versions.read(state, "v1")
        assert (version.state, version.taken, version.rival) == ("done", True, SHIPPED)
        assert versions.current(state) == "v1"
        for one, other in zip(read_weights(folder), read_weights(state), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
        assert listed(state) == listed(folder)


def kept_before(call, folder: Path, left: Path):
    """A write that keeps first what is there."""

    def keeping(self, *arguments, **options):
        shutil.copytree(folder, left / str(len(list(left.iterdir()))))
        return call(self, *arguments, **options)

    return keeping


def check_whole(folder: Path) -> None:
    """What is not hidden can be read."""
    for path in folder.rglob("[!.]*"):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix == ".json":
            json.loads(path.read_text())
        elif not hidden and path.suffix == ".tif":
            read_raw(path)


def contents(folder: Path, *places: str) -> dict[str, bytes]:
    files = (path for place in places for path in (folder / place).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def listed(folder: Path) -> set[str]:
    """All files, hidden ones too, but for locks of what is not under way."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith((".training", ".predicting", ".lock"))}


def read_weights(folder: Path) -> list[np.ndarray]:
    file = versions.model_folder(folder, "v1") / "model.weights.h5"
    return [value for _, value in weights.read_weights(file)]
