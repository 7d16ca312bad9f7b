"""What is kept of predictions, and the process that makes them."""

from __future__ import annotations

import json
import os

import pytest
from evaluation.conftest import OPTIONS

from nucseg_tf.errors import NucsegError, UsageError
from nucseg_tf.evaluation import predictions
from nucseg_tf.evaluation.predictions import Made, Stopped, predict_model
from nucseg_tf.evaluation.worker import labels_file


@pytest.fixture
def started(monkeypatch):
    """What predict_model had predicted, call after call, by a process that does not exist."""
    calls = []

    def start(job, tick):
        calls.append(sorted(job.todo))
        for name in job.todo:
            labels_file(job.folder, name).write_text("labels")
            tick(name)
        return Made({}, {"seconds": 1.0})

    monkeypatch.setattr(predictions, "_start", start)
    return calls


def run(folder, model="m", hashes=("1", "2"), tick=lambda name: None, loading=None, **changes):
    images = {name: (folder, digest) for name, digest in zip("ab", hashes, strict=True)}
    return predict_model(folder, (folder, model), images, OPTIONS | changes, loading or {}, tick)


def test_what_is_the_same_is_kept(tmp_path, started):
    ticks = []
    assert run(tmp_path).cost == {"seconds": 1.0}
    assert run(tmp_path, tick=ticks.append).cost == {"seconds": 1.0}
    assert started == [["a", "b"]]
    assert ticks == ["a", "b"]


def test_what_differs_is_predicted_anew(tmp_path, started, monkeypatch):
    run(tmp_path)
    run(tmp_path, hashes=("1", "other"))
    run(tmp_path, hashes=("1", "other"), model="other")
    run(tmp_path, hashes=("1", "other"), model="other", tta=2)
    labels_file(tmp_path, "a").unlink()
    run(tmp_path, hashes=("1", "other"), model="other", tta=2)
    monkeypatch.setattr(predictions, "__version__", "other")
    run(tmp_path, hashes=("1", "other"), model="other", tta=2)
    assert started == [["a", "b"], ["b"], ["a", "b"], ["a", "b"], ["a"], ["a", "b"]]


def test_what_another_engine_computed_is_predicted_anew(tmp_path, started):
    run(tmp_path)
    run(tmp_path, loading={"engine": "auto", "precision": "auto", "device": "cpu"})
    run(tmp_path, loading={"engine": "keras"})
    assert started == [["a", "b"]] * 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 3}'])
def test_a_damaged_record_keeps_nothing(tmp_path, started, text):
    run(tmp_path)
    (tmp_path / "run.json").write_text(text)
    run(tmp_path)
    assert started == [["a", "b"]] * 2


def test_a_stopped_run_goes_on(tmp_path, started):
    def stop(name):
        raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path, tick=stop)
    assert "cost" not in json.loads((tmp_path / "run.json").read_text())
    run(tmp_path)
    assert started == [["a", "b"], ["b"]]


# --- the process -----------------------------------------------------------------------------


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (7,)


def test_a_process_that_dies_is_reported(tmp_path):
    with pytest.raises(NucsegError, match="ended with code 7"):
        predict_model(
            tmp_path, (tmp_path, "m"), {}, OPTIONS, {"device": Deadly()}, lambda name: None
        )


def test_an_error_in_the_process_is_raised_here(tmp_path):
    unknown = {"engine": "abacus"}
    with pytest.raises(UsageError, match="there is no 'abacus'"):
        predict_model(tmp_path, (tmp_path, "m"), {}, OPTIONS, unknown, lambda name: None)
