"""Files that killed processes have left half written."""

import pytest

from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.loop import locks
from nucseg_tf.annotation.loop.leftovers import sweep

HALF = (
    "masks/.a-0123abcd.tif",
    "annotation/a/.labels-0123abcd.tif",
    "annotation/.project-0123abcd.json",
)
OF_LOOP = (
    "loop/.current-0123abcd.json",
    "loop/v1/.version-0123abcd.json",
    "loop/v1/run/.last-0123abcd.h5",
    "loop/.v2-unfinished/masks/a.tif",
    "prelabels/.a_labels-0123abcd.tif",
)


@pytest.fixture
def left(folder):
    """A project with all of it; an accepted mask is beside."""
    for name in (*HALF, *OF_LOOP, "masks/a.tif", "loop/v1/version.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"half")
    return folder


def test_what_is_half_written_goes_and_all_else_stays(left):
    project = open_project(left)
    whole = {path for path in left.rglob("*") if path.is_file()}
    whole -= {left / name for name in (*HALF, *OF_LOOP)}
    sweep(project)
    files = {path for path in left.rglob("*") if path.is_file()}
    assert files - {left / "loop" / name for name in (locks.TRAINING, locks.PREDICTING)} == whole
    assert not (left / "loop" / ".v2-unfinished").exists()


@pytest.mark.parametrize("name", [locks.TRAINING, locks.PREDICTING])
def test_what_is_being_written_stays(left, name):
    with locks.hold(left, name):
        sweep(open_project(left))
    assert [(left / name).exists() for name in (*HALF, *OF_LOOP)] == [False] * 3 + [True] * 5


def test_a_project_without_a_loop_gets_none(folder):
    sweep(open_project(folder))
    assert not (folder / "loop").exists()
