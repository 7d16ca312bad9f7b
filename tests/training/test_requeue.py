"""A repeated command goes on with its own training, and begins anew after a change."""

import logging

import pytest

from nucseg_tf.config import make_config
from nucseg_tf.errors import TrainingError
from nucseg_tf.training.requeue import can_resume, identity

FIELDS = [["a", "b"], ["c"]]


def of(**training) -> str:
    return identity(make_config({"training": training}), "random", FIELDS, None)


def held(run, wanted):
    """A run folder as an interrupted training leaves it."""
    assert not can_resume(run, wanted)
    (run / "last.h5").write_bytes(b"state")
    (run / "model").mkdir()
    return run


def test_the_same_training_goes_on(tmp_path):
    run = held(tmp_path / "run", of())
    assert can_resume(run, of())
    assert (run / "last.h5").read_bytes() == b"state"


def test_an_empty_folder_is_begun(tmp_path):
    assert not can_resume(tmp_path / "run", of())
    assert not can_resume(tmp_path / "run", of())  # cut off before its first checkpoint


@pytest.mark.parametrize("training", [{"threads": 5}])
def test_what_changes_nothing_does_not_count(tmp_path, training):
    assert can_resume(held(tmp_path, of()), of(**training))


@pytest.mark.parametrize(
    "other",
    [
        of(seed=7),
        of(epochs=99),
        identity(make_config(), "imagenet", FIELDS, None),
        identity(make_config(), "fpn2ws-nuclei", FIELDS, None),
        identity(make_config(), "random", [["a"], ["c"]], None),
        identity(make_config(), "random", FIELDS, {"count": 4}),
    ],
)
def test_another_training_is_moved_aside_with_a_warning(tmp_path, caplog, other):
    run = held(tmp_path, of())
    with caplog.at_level(logging.WARNING):
        assert not can_resume(run, other)
    assert "now in replaced-1" in caplog.text
    assert {path.name for path in run.iterdir()} == {"identity", "replaced-1"}
    assert (run / "replaced-1" / "last.h5").read_bytes() == b"state"
    (run / "best.h5").write_bytes(b"of the other")
    assert not can_resume(run, of())
    assert (run / "replaced-2" / "best.h5").exists()


@pytest.mark.parametrize("name", ["last.h5", "model"])
def test_what_is_not_known_is_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(TrainingError, match="not which training it is of"):
        can_resume(tmp_path, of())
    assert (tmp_path / name).exists()
