"""Whole trainings, of a tiny network; what models find elsewhere is not part of it."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from reference.small import SMALL, tiny

from nucseg_tf.annotation.loop import locks, versions, work
from nucseg_tf.annotation.loop.progress import Progress
from nucseg_tf.annotation.loop.recipe import BASE
from nucseg_tf.annotation.loop.train import prepare, train
from nucseg_tf.annotation.loop.versions import SHIPPED
from nucseg_tf.errors import TrainingError, UsageError
from nucseg_tf.models import weights, zoo
from nucseg_tf.registry import FAMILIES
from nucseg_tf.training import callbacks as cb

KILLED = """
import os, signal, sys
from pathlib import Path
from reference.small import SMALL, tiny
from nucseg_tf.annotation.loop.progress import Progress
from nucseg_tf.annotation.loop.train import train
from nucseg_tf.registry import FAMILIES

FAMILIES["fpn2ws"].build = tiny
seen = Progress.on_train_batch_end

def kill(self, batch, logs=None):
    seen(self, batch, logs)
    if self.done == 5:
        os.kill(os.getpid(), signal.SIGKILL)

Progress.on_train_batch_end = kill
train(Path(sys.argv[1]), base=sys.argv[2], settings=SMALL)
"""


@pytest.fixture(autouse=True)
def family(monkeypatch):
    monkeypatch.setattr(FAMILIES["fpn2ws"], "build", tiny)
    monkeypatch.setattr("nucseg_tf.engines.tensorflow.use_device", lambda device: None)


@pytest.fixture
def judged(monkeypatch):
    """F1 of models by name, as they are found to be."""
    known = {SHIPPED: 0.5, "v1": 0.6, "v2": 0.55, "v3": 0.6}

    def score_models(folder, models, fields, config):
        return {
            name: {
                "f1": known[name],
                **dict.fromkeys(("splits", "merges", "missed", "spurious"), 0),
                "fields": [[1, 1, 1]],
            }
            for name in models
        }

    monkeypatch.setattr(work.judge, "score_models", score_models)
    return known


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model to begin from: a resumed training would draw other random weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FAMILIES["fpn2ws"], "build", tiny)
        keras.utils.set_random_seed(5)
        arch = FAMILIES["fpn2ws"].architecture(encoder="mobilenetv2", filters=8)
        info = zoo.ModelInfo(name="m", architecture=arch, diameter=20.0)
        return zoo.save_model(tmp_path_factory.mktemp("base"), info, zoo.build(arch), "")


@pytest.fixture
def corrected(folder, accept):
    """A project with three corrected fields."""
    for hour, key in enumerate("abc"):
        accept(folder, key, hour)
    return folder


def model_weights(folder, name):
    file = versions.model_folder(folder, name) / "model.weights.h5"
    return [value for _, value in weights.read_weights(file)]


def test_versions_are_trained_and_judged(corrected, accept, base, judged):
    masks = {file: file.read_bytes() for file in (corrected / "masks").iterdir()}
    first = train(corrected, base=str(base), settings=SMALL)
    assert (first.name, first.state, first.taken, first.rival) == ("v1", "done", True, SHIPPED)
    assert versions.current(corrected) == "v1"
    assert versions.read(corrected, "v1") == first
    progress = json.loads((corrected / "loop" / "v1" / "run" / "progress.json").read_text())
    assert (progress["stage"], progress["step"], len(progress["val"])) == ("judging", 9, 3)
    assert "no nucleus" in (corrected / "loop" / "v1" / "run" / "log.txt").read_text()
    assert zoo.read_info(versions.model_folder(corrected, "v1")).name == "v1"

    with pytest.raises(UsageError, match="nothing was corrected since v1"):
        train(corrected, base=str(base), settings=SMALL)
    accept(corrected, "d", 9)
    second = train(corrected, base=str(base), settings=SMALL)
    assert (second.taken, second.rival, versions.current(corrected)) == (False, "v1", "v1")
    assert [use.key for use in second.part("left_out")] == ["b"]
    third = train(corrected, base=str(base), settings=SMALL, again=True)
    assert (third.taken, versions.current(corrected)) == (True, "v3")  # as good as v1
    for file, content in masks.items():
        assert file.read_bytes() == content
    # From the same first weights on the same fields: no version begins where another ended.
    for one, other in zip(*(model_weights(corrected, v) for v in ("v2", "v3")), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("judged")
def test_a_training_that_is_killed_goes_on_as_if_nothing_had_been(corrected, base, tmp_path):
    """kill -9 in the second of three epochs."""
    command = [sys.executable, "-c", KILLED, str(corrected), str(base)]
    paths = os.pathsep.join(filter(None, sys.path))
    killed = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths})
    assert killed.returncode == -signal.SIGKILL
    version = versions.unfinished(corrected)
    assert version is not None
    assert (version.state, versions.is_alive(corrected)) == ("training", False)
    resumed = train(corrected)
    assert (resumed.name, resumed.state) == ("v1", "done")
    whole = train(corrected, base=str(base), settings=SMALL, again=True)
    assert whole.name == "v2"
    for one, other in zip(*(model_weights(corrected, v) for v in ("v1", "v2")), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.usefixtures("judged")
@pytest.mark.parametrize(
    ("where", "number", "code"),
    [
        ("training", signal.SIGTERM, 143),
        ("finishing", signal.SIGINT, 130),
        ("judging", signal.SIGTERM, 143),
    ],
)
def test_a_training_that_is_stopped_goes_on(corrected, base, monkeypatch, where, number, code):
    stage, batch = Progress.stage, Progress.on_train_batch_end

    def stop_in_stage(self, name):
        stage(self, name)
        if name == where:
            os.kill(os.getpid(), number)

    def stop_in_step(self, index, logs=None):
        batch(self, index, logs)
        if where == "training" and self.done == 5:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "stage", stop_in_stage)
        patch.setattr(Progress, "on_train_batch_end", stop_in_step)
        with pytest.raises(SystemExit) as stopped:
            train(corrected, base=str(base), settings=SMALL)
    assert stopped.value.code == code
    assert versions.read(corrected, "v1").state == "stopped"
    if where == "training":
        assert cb.read_state(corrected / "loop" / "v1" / "run" / "last.h5")["step"] == 5
    with pytest.raises(UsageError, match="v1 goes on with its own settings"):
        train(corrected, settings=("training.epochs=9",))
    done = train(corrected)
    assert (done.name, done.state) == ("v1", "done")
    progress = json.loads((corrected / "loop" / "v1" / "run" / "progress.json").read_text())
    assert (len(progress["loss"]), progress["step"]) == (3, 9)


def test_what_fails_says_why(corrected, base, monkeypatch):
    def fail(*arguments, **options):
        raise TrainingError("the loss is not finite")

    with monkeypatch.context() as patch:
        patch.setattr(work, "load_samples", fail)
        with pytest.raises(TrainingError):
            train(corrected, base=str(base), settings=SMALL)
    failed = versions.read(corrected, "v1")
    assert (failed.state, failed.error) == ("failed", "the loss is not finite")
    assert versions.unfinished(corrected) is None
    assert versions.current(corrected) == SHIPPED


def test_two_trainings_at_once_are_refused(corrected):
    with locks.hold(corrected, locks.TRAINING), pytest.raises(UsageError, match="process trains"):
        train(corrected)
    assert versions.read_versions(corrected) == []


def test_a_version_killed_between_model_and_verdict_is_judged(corrected, base, judged):
    """It had been taken over already; it is compared with the model before."""
    train(corrected, base=str(base), settings=SMALL)
    train(corrected, base=str(base), settings=SMALL, again=True)  # v2 is not taken over
    judged |= {"v3": 0.52}
    versions.choose(corrected, SHIPPED)
    train(corrected, base=str(base), settings=SMALL, again=True)
    version = versions.read(corrected, "v3")
    assert (version.rival, version.taken, versions.current(corrected)) == (SHIPPED, True, "v3")
    versions.write(corrected, replace(version, state="training"))
    again = train(corrected)
    assert (again.rival, again.taken) == (SHIPPED, True)


@pytest.mark.usefixtures("judged")
def test_a_single_field_is_enough(folder, accept, base):
    accept(folder, "a", 1)
    done = train(folder, base=str(base), settings=SMALL)
    assert [(use.key, use.part) for use in done.fields] == [("a", "train"), ("a", "left_out")]
    assert "on the part of the field that was left out" in done.reason


@pytest.mark.usefixtures("judged")
def test_another_version_may_begin_while_one_is_unfinished(corrected, base):
    train(corrected, base=str(base), settings=SMALL)
    killed = versions.read(corrected, "v1")
    versions.write(corrected, replace(killed, state="training"))
    begun = prepare(corrected, True, True, str(base), SMALL)
    assert (begun.name, versions.read(corrected, "v1").state) == ("v2", "stopped")
    assert prepare(corrected, False, False, BASE, ()) == begun
