"""Accepted labels and the regions they are known in, also where the process is killed."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from nucseg_tf.annotation.editor import masks
from nucseg_tf.annotation.editor.masks import bring_back, put_away, write_mask
from nucseg_tf.data.regions import read_regions, regions_path, write_regions
from nucseg_tf.io.labels import read_labels, write_labels

SHAPE = (20, 20)
LEFT, RIGHT = [0, 0, 20, 8], [0, 8, 20, 20]
OLD = np.zeros(SHAPE, np.int32)
OLD[2:6, 2:6] = 1
NEW = np.zeros(SHAPE, np.int32)
NEW[10:14, 10:14] = 2


class Killed(BaseException):
    """The end of the process."""


def known(boxes) -> np.ndarray:
    """Pixels in the boxes; all without any."""
    found = np.zeros(SHAPE, bool)
    for y0, x0, y1, x1 in boxes:
        found[y0:y1, x0:x1] = True
    return found if len(boxes) else ~found


def kill_at(step: int, patched) -> None:
    """End the process before that step of all that changes files."""
    count = itertools.count()

    def guarded(work):
        def run(*args, **kwargs):
            if next(count) == step:
                raise Killed
            return work(*args, **kwargs)

        return run

    for name in ("write_labels", "write_regions"):
        patched.setattr(masks, name, guarded(getattr(masks, name)))
    patched.setattr(Path, "unlink", guarded(Path.unlink))
    patched.setattr(Path, "replace", guarded(Path.replace))


@pytest.mark.parametrize("before", [None, [], [LEFT]])
@pytest.mark.parametrize("after", [[], [RIGHT], [LEFT]])
@pytest.mark.parametrize("step", range(8))
def test_never_is_more_taken_as_known_than_was_corrected(
    project, folder, monkeypatch, before, after, step
):
    field = project.fields["two"]
    field.mask.parent.mkdir(exist_ok=True)
    if before is not None:
        write_labels(field.mask, OLD)
        write_regions(field.mask, before)
    with monkeypatch.context() as patched:
        kill_at(step, patched)
        try:
            write_mask(field, NEW, None, ours=True, regions=after)
            done = True
        except Killed:
            done = False
    if not field.mask.is_file():
        assert not done
        return
    labels, boxes = read_labels(field.mask), read_regions(field.mask)
    is_new = np.array_equal(labels, NEW)
    assert is_new or np.array_equal(labels, OLD)
    assert not (known(boxes) & ~known(after if is_new else before)).any()
    assert not done or (is_new and list(map(list, boxes)) == after)


def test_regions_go_with_the_mask_that_is_put_away(project):
    field = project.fields["A/three"]
    mask = field.masks()[0]
    content = mask.read_bytes()
    write_regions(mask, [LEFT])
    moved = put_away(field)
    assert moved == [["three_masks.tif", "three_masks.tif"]]
    assert field.masks() == []
    assert not regions_path(mask).exists()
    bring_back(field, moved)
    assert field.masks() == [mask]
    assert mask.read_bytes() == content
    assert read_regions(mask) == (tuple(LEFT),)


def test_a_mask_that_came_meanwhile_stays(project):
    field = project.fields["A/three"]
    moved = put_away(field)
    write_labels(field.mask, NEW)
    bring_back(field, moved)
    assert field.masks() == [field.mask]
    assert np.array_equal(read_labels(field.mask), NEW)


def test_a_mask_of_others_is_kept_with_its_regions(project):
    field = project.fields["A/three"]
    mask = field.masks()[0]
    write_regions(mask, [LEFT])
    (kept,) = write_mask(field, NEW, None, ours=False)
    assert read_regions(kept) == (tuple(LEFT),)
    assert field.masks() == [field.mask]
    assert not regions_path(mask).exists()
    assert read_regions(field.mask) == ()
