"""Edits and their journal: what is saved survives, what is refused changes nothing."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reference.drawn import drawn_nuclei

from nucseg_tf.annotation.editor.history import has_open_edits
from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.session import ConflictError, Session
from nucseg_tf.annotation.editor.shown import numbers_of, prelabels_changed, sum_up, suspects_of
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import read_regions, write_regions
from nucseg_tf.errors import DataError, LabelError, OutputError
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.io.runs import from_runs

SHAPE = (72, 96)
COUNTER = itertools.count()


def opened(project, key: str = "A/one") -> Session:
    """A session as after a start of the server."""
    return Session(Store(project.fields[key], SHAPE, project.model))


def edit(session: Session, tool: str, **options) -> dict:
    """Make an edit of the labels as they are."""
    options.setdefault("revision", session.store.revision)
    options.setdefault("id", f"edit-{next(COUNTER):06d}")
    return session.edit(Message(tool=tool, **options), "anna", 2.0)


def pixels(session: Session) -> np.ndarray:
    return session.store.labels.pixels.copy()


def journal(session: Session) -> list[dict]:
    lines = (session.store.field.state / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


# --- beginning -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "source", "count"),
    [("A/one", "prelabels", 4), ("A/three", "masks", 4), ("two", "empty", 0)],
)
def test_what_a_field_begins_from(project, key, source, count):
    session = opened(project, key)
    assert session.store.begin["from"] == source
    assert numbers_of(session.store)["count"] == count
    assert numbers_of(session.store)["status"] == "new"
    assert not session.store.field.state.exists(), "looking writes nothing"


def test_labels_of_another_shape_are_named(project):
    write_labels(project.fields["A/one"].prelabels, np.ones((5, 5), np.int32))
    with pytest.raises(LabelError, match=r"one_labels\.tif: must have the shape of its image"):
        opened(project)


def test_a_field_keeps_its_labels_when_the_prelabels_change(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    kept = pixels(session)
    session.close()
    write_labels(project.fields["A/one"].prelabels, np.ones(SHAPE, np.int32))
    again = opened(project)
    assert np.array_equal(pixels(again), kept)
    assert prelabels_changed(again.store)
    untouched = opened(project, "A/three")
    assert not prelabels_changed(untouched.store)


def test_prelabels_that_change_before_the_first_edit(project):
    session = opened(project)
    seen = pixels(session)
    write_labels(project.fields["A/one"].prelabels, np.ones(SHAPE, np.int32))
    edit(session, "delete", labels=[4])
    assert np.array_equal(pixels(opened(project)), np.where(seen == 4, 0, seen))


# --- edits -----------------------------------------------------------------------------------


def test_an_edit_is_on_disk_when_it_is_answered(project):
    session = opened(project)
    before = pixels(session)
    answer = edit(session, "delete", labels=[4])
    y0, x0, y1, x1 = answer["patch"]["box"]
    inside = from_runs(answer["patch"]["runs"], (y1 - y0, x1 - x0))
    assert np.array_equal(pixels(session)[y0:y1, x0:x1], inside)
    assert np.array_equal(pixels(session), np.where(before == 4, 0, before))
    assert answer["nuclei"] == {4: None}
    assert (answer["revision"], answer["count"], answer["undo"]) == (1, 3, 1)
    # Without close: the server was killed.
    assert np.array_equal(pixels(opened(project)), pixels(session))


def test_undo_and_redo_reach_back_over_restarts(project):
    session = opened(project)
    states = [pixels(session)]
    for step in range(30):
        place = [[2.5 + step, 80.5]]
        edit(session, "draw", points=place, size=1)
        states.append(pixels(session))
    for step in range(29, -1, -1):
        if step % 7 == 0:
            session.leave("anna", 3)
            session.close()
            session = opened(project)
        answer = edit(session, "undo")
        assert np.array_equal(pixels(session), states[step])
        assert (answer["undo"], answer["redo"]) == (step, 30 - step)
    with pytest.raises(EditError, match="nothing to undo"):
        edit(session, "undo")
    session = opened(project)
    for step in range(1, 31):
        edit(session, "redo")
        assert np.array_equal(pixels(session), states[step])
    with pytest.raises(EditError, match="nothing to redo"):
        edit(session, "redo")


def test_an_edit_ends_what_could_be_redone(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    edit(session, "undo")
    assert edit(session, "delete", labels=[3])["redo"] == 0
    assert sorted(session.store.labels.nuclei) == [1, 2, 4]


def test_a_label_is_not_used_again_after_undo_and_restart(project):
    session = opened(project)
    assert edit(session, "draw", points=[[60.5, 60.5]], size=5)["select"] == [5]
    edit(session, "undo")
    session.leave("anna")
    session = opened(project)
    assert edit(session, "draw", points=[[60.5, 60.5]], size=5)["select"] == [6]


def test_an_edit_sent_twice_is_made_once(project):
    session = opened(project)
    first = edit(session, "grow", labels=[4], id="the-same-edit", revision=0)
    session = opened(project)
    assert edit(session, "grow", labels=[4], id="the-same-edit", revision=0) == first
    edit(session, "grow", labels=[4])
    with pytest.raises(ConflictError, match="saved before"):
        edit(session, "grow", labels=[4], id="the-same-edit", revision=0)
    assert session.store.revision == 2


@pytest.mark.parametrize("tool", ["undo", "redo"])
def test_steps_sent_twice_are_made_once(project, tool):
    session = opened(project)
    edit(session, "grow", labels=[4])
    edit(session, "grow", labels=[4])
    edit(session, "undo")
    first = edit(session, tool, id="the-same-step", revision=3)
    assert edit(opened(project), tool, id="the-same-step", revision=3) == first


def test_an_edit_of_labels_not_seen_is_refused(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    before = pixels(session)
    with pytest.raises(ConflictError, match="loaded anew"):
        edit(session, "delete", labels=[3], revision=0)
    assert np.array_equal(pixels(session), before)


# --- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_a_torn_last_line_is_dropped(project, cut):
    session = opened(project)
    edit(session, "delete", labels=[4])
    kept = pixels(session)
    edit(session, "draw", points=[[60.5, 60.5]], size=5)
    path = session.store.field.state / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    again = opened(project)
    assert np.array_equal(pixels(again), kept)
    edit(again, "grow", labels=[3])
    assert np.array_equal(pixels(opened(project)), pixels(again))


def test_zeros_of_a_power_cut_are_dropped(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    with (session.store.field.state / "journal.jsonl").open("ab") as file:
        file.write(bytes(500))
    assert np.array_equal(pixels(opened(project)), pixels(session))


def test_a_torn_first_line_is_no_beginning(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    path = session.store.field.state / "journal.jsonl"
    path.write_bytes(path.read_bytes()[:40])
    again = opened(project)
    assert numbers_of(again.store)["status"] == "new"
    assert edit(again, "delete", labels=[3])["revision"] == 1
    assert sorted(opened(project).store.labels.nuclei) == [1, 2, 4]


def test_damage_inside_the_journal_is_an_error(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    edit(session, "delete", labels=[3])
    path = session.store.field.state / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:30] + b"\n" + lines[2])
    with pytest.raises(DataError, match=r"journal\.jsonl: line 2 is damaged"):
        opened(project)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "edit"},
        {"type": "redo", "id": "edit-redo", "time": ""},
        {"type": "accept"},
        {"type": "begin"},
        {"type": "visit", "seconds": "long"},
        {"type": "edit", "id": "x", "time": "", "box": [0, 0, 500, 500], "after": [1, 250000]},
        {},
    ],
)
def test_an_entry_that_cannot_be_followed_is_an_error(project, entry):
    session = opened(project)
    edit(session, "delete", labels=[4])
    with (session.store.field.state / "journal.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")
    with pytest.raises(DataError, match=r"journal\.jsonl: line 3 is no entry"):
        opened(project)


def test_a_journal_that_is_a_link_is_refused(project, tmp_path):
    state = project.fields["A/one"].state
    state.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("")
    (state / "journal.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError):
        opened(project)


@pytest.mark.parametrize("damage", ["missing", "older", "other"])
def test_the_snapshot_is_only_a_short_cut(project, damage, tmp_path):
    session = opened(project)
    edit(session, "delete", labels=[4])
    session.leave("anna")
    path = session.store.field.state / "labels.tif"
    shutil.copy(path, tmp_path / "older.tif")
    edit(session, "delete", labels=[3])
    session.leave("anna")
    edit(session, "grow", labels=[1])
    if damage == "missing":
        path.unlink()
    elif damage == "older":
        shutil.copy(tmp_path / "older.tif", path)
    else:
        write_labels(path, np.ones(SHAPE, np.int32))
    assert np.array_equal(pixels(opened(project)), pixels(session))


@pytest.mark.parametrize("cuts_back", [True, False])
def test_a_full_disk_refuses_the_edit_and_changes_nothing(project, monkeypatch, cuts_back):
    session = opened(project)
    edit(session, "delete", labels=[4])
    before, content = pixels(session), (session.store.field.state / "journal.jsonl").read_bytes()
    write = os.write

    def full(file, data):
        write(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    def fails(file, size):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        if not cuts_back:
            patched.setattr(os, "ftruncate", fails)
        with pytest.raises(OutputError, match=r"No space left on device.*Nothing was changed"):
            edit(session, "delete", labels=[3])
    assert np.array_equal(pixels(session), before)
    assert numbers_of(session.store)["revision"] == 1
    if cuts_back:
        assert (session.store.field.state / "journal.jsonl").read_bytes() == content
    else:
        assert np.array_equal(pixels(opened(project)), before)
    edit(session, "delete", labels=[2])
    assert sorted(opened(project).store.labels.nuclei) == [1, 3]


def test_a_full_disk_at_the_first_edit(project, monkeypatch):
    session = opened(project)

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OutputError, match="No space left"):
            edit(session, "delete", labels=[3])
    assert numbers_of(session.store)["status"] == "new"
    edit(session, "delete", labels=[3])
    assert sorted(opened(project).store.labels.nuclei) == [1, 2, 4]


def test_a_field_can_be_left_when_the_disk_is_full(project, monkeypatch, caplog):
    session = opened(project)
    edit(session, "delete", labels=[4])

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        patched.setattr("tifffile.imwrite", full)
        session.leave("anna", 5)
    assert "The edits are safe in the journal" in caplog.text
    session.close()
    assert sorted(opened(project).store.labels.nuclei) == [1, 2, 3]


def test_labels_are_written_where_they_have_changed(project):
    """Of a large field that takes half a second, for which whoever reopens it would wait."""
    session = opened(project)
    path = session.store.field.state / "labels.tif"
    edit(session, "delete", labels=[4])
    session.accept("anna", 0.5)
    before = path.stat()
    session.reopen("anna")
    session.leave("anna", 3.0)
    session.close()
    session = opened(project)
    session.leave("anna", 3.0)
    assert path.stat() == before
    edit(session, "delete", labels=[3])
    session.leave("anna")
    assert path.stat() != before
    np.testing.assert_array_equal(read_labels(path), pixels(session))
    path.unlink()
    session.close()
    session = opened(project)
    session.leave("anna")
    np.testing.assert_array_equal(read_labels(path), pixels(session))


def test_a_field_accepted_as_it_is_keeps_the_file_that_it_began_from(project):
    session = opened(project)
    prelabels = session.store.field.prelabels.read_bytes()
    session.accept("anna", 0.25)
    assert (session.store.field.state / "base.tif").read_bytes() == prelabels
    assert journal(session)[0]["from"] == "prelabels"


def test_a_mask_replaced_as_it_was_accepted_is_not_taken_for_the_labels(project, monkeypatch):
    """labels.tif is a copy of it where it still is what was written."""
    session = opened(project)
    edit(session, "delete", labels=[4])
    copy = shutil.copyfile

    def replace_first(source, target):
        write_labels(source, np.ones(SHAPE, np.int32))
        return copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", replace_first)
        session.accept("anna", 0.5)
    np.testing.assert_array_equal(
        read_labels(session.store.field.state / "labels.tif"), pixels(session)
    )
    session.close()
    np.testing.assert_array_equal(pixels(opened(project)), pixels(session))


# --- accepting -------------------------------------------------------------------------------


def test_accepted_fields_are_what_training_finds(project, folder):
    session = opened(project)
    edit(session, "delete", labels=[4])
    answer = session.accept("anna", 0.5, 3)
    mask = folder / "masks" / "A" / "one.tif"
    assert answer["status"] == "accepted"
    assert np.array_equal(read_labels(mask), pixels(session))
    assert read_image(mask).pixel_size == pytest.approx(0.5)
    found = {field.name: field.masks for field in find_fields(folder)}
    assert found == {"one": (mask,), "three": (folder / "masks" / "A" / "three_masks.tif",)}


def test_an_accepted_field_is_reopened_to_be_edited(project):
    session = opened(project)
    session.accept("anna", None)
    with pytest.raises(EditError, match="reopen it"):
        edit(session, "delete", labels=[4])
    with pytest.raises(EditError, match="reopen it"):
        session.accept("anna", None)
    assert numbers_of(opened(project).store)["status"] == "accepted"
    assert session.reopen("ben")["status"] == "reopened"
    edit(session, "delete", labels=[4])
    mask = project.fields["A/one"].mask
    assert sorted(np.unique(read_labels(mask))) == [0, 1, 2, 3, 4], "as accepted last"
    session.accept("ben", None)
    assert sorted(np.unique(read_labels(mask))) == [0, 1, 2, 3]


def test_earlier_masks_are_put_away_not_lost(project, folder):
    session = opened(project, "A/three")
    answer = session.accept("anna", None)
    kept = folder / "annotation" / "A" / "three" / "earlier_masks" / "three_masks.tif"
    assert answer["kept"] == [str(kept)]
    assert np.array_equal(read_labels(kept), drawn_nuclei()[1])
    assert [path.name for path in (folder / "masks" / "A").iterdir()] == ["three.tif"]
    session.reopen("anna")
    assert session.accept("anna", None)["kept"] == []


def test_a_mask_of_the_same_name_is_kept_too(project, folder):
    truth = folder / "masks" / "two.tif"
    write_labels(truth, np.full(SHAPE, 7, np.int32))
    session = opened(project, "two")
    edit(session, "delete", labels=[7])
    session.accept("anna", None)
    assert not read_labels(truth).any()
    kept = folder / "annotation" / "two" / "earlier_masks" / "two.tif"
    assert (read_labels(kept) == 7).all()


def test_a_mask_that_others_replaced_is_kept(project, folder):
    session = opened(project)
    session.accept("anna", None)
    mask = project.fields["A/one"].mask
    for value in (7, 8):  # brought back from CVAT, twice
        session.reopen("anna")
        write_labels(mask, np.full(SHAPE, value, np.int32))
        session = opened(project)
        (kept,) = session.accept("anna", None)["kept"]
        assert (read_labels(kept) == value).all()
    names = sorted(path.name for path in (session.store.field.state / "earlier_masks").iterdir())
    assert names == ["one-1.tif", "one.tif"]
    session.reopen("anna")
    assert session.accept("anna", None)["kept"] == []


def test_a_copy_is_on_disk_before_its_mask_goes(project, folder, monkeypatch):
    steps = []
    fsync, unlink = os.fsync, Path.unlink

    def synced(handle):
        steps.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synced)

    def noted(path, *args, **options):
        steps.append(f"-{path.name}")
        unlink(path, *args, **options)

    monkeypatch.setattr(Path, "unlink", noted)
    opened(project, "A/three").accept("anna", None)
    mask = steps.index("-three_masks.tif")
    copy = next(place for place, name in enumerate(steps) if name.startswith(".three_masks-"))
    assert copy < steps.index("earlier_masks") < mask


def test_a_field_begins_from_its_mask_rather_than_its_prelabels(project, folder):
    write_labels(project.fields["A/one"].mask, np.full(SHAPE, 7, np.int32))
    session = opened(project)
    assert session.store.begin["from"] == "masks"
    assert (pixels(session) == 7).all()
    assert suspects_of(session.store) == [], "these are labels of the prelabels"


def test_a_mask_that_cannot_be_written_is_not_accepted(project):
    field = replace(project.fields["A/one"], mask=project.folder / "images" / "two.tif" / "x.tif")
    session = Session(Store(field, SHAPE))
    edit(session, "delete", labels=[4])
    with pytest.raises(OutputError):
        session.accept("anna", None)
    assert numbers_of(session.store)["status"] == "begun"


def test_a_mask_that_was_taken_away_is_no_longer_accepted(project):
    session = opened(project)
    session.accept("anna", None)
    project.fields["A/one"].mask.unlink()
    assert numbers_of(opened(project).store)["status"] == "reopened"


# --- suspects and history ---------------------------------------------------------------------


def test_suspects_are_left_until_looked_at(project):
    session = opened(project)
    assert [(s["label"], s["done"]) for s in suspects_of(session.store)] == [(3, False), (2, False)]
    assert numbers_of(session.store)["suspects_left"] == 2
    assert session.review(3, "anna")["suspects_left"] == 1
    edit(session, "grow", labels=[2])
    assert numbers_of(opened(project).store)["suspects_left"] == 0
    edit(session, "delete", labels=[2])
    assert [s["label"] for s in suspects_of(session.store)] == [3]
    with pytest.raises(EditError, match="gone"):
        session.review(2, "anna")


def test_the_history_tells_who_when_how_long(project):
    session = opened(project)
    edit(session, "grow", labels=[1])
    edit(session, "undo")
    session.review(3, "ben", 1.5)
    session.accept("ben", None, 4)
    session.leave("ben", 10)
    history = json.loads((session.store.field.state / "history.json").read_text())
    assert history["begun"]["model"] == "fpn2ws-nuclei"
    assert history["begun"]["from"] == "prelabels"
    assert history["users"] == [
        {"name": "anna", "seconds": 4.0, "edits": 2},
        {"name": "ben", "seconds": 15.5, "edits": 0},
    ]
    assert history["tools"] == {"grow": 1, "undo": 1}
    assert [(entry["user"], entry["nuclei"]) for entry in history["accepted"]] == [("ben", 4)]
    assert history["status"] == "accepted"
    assert sum_up(opened(project).store) == {
        k: v for k, v in history.items() if k != "journal_bytes"
    }
    kinds = [entry["type"] for entry in journal(session)]
    assert kinds == [
        *("begin", "edit", "undo", "review", "accept", "snapshot", "visit"),
    ]


# --- set aside -------------------------------------------------------------------------------


def test_a_field_that_cannot_be_judged_is_not_trained_on(project, folder):
    session = opened(project)
    edit(session, "delete", labels=[4])
    session.accept("anna", None)
    mask = project.fields["A/one"].mask
    content = mask.read_bytes()
    assert session.set_aside(True, "anna", 3.0)["status"] == "aside"
    assert not mask.exists()
    for refused in (lambda: edit(session, "delete", labels=[3]), lambda: session.accept("a", None)):
        with pytest.raises(EditError, match="set aside"):
            refused()
    assert session.set_aside(True, "ben")["status"] == "aside"
    assert [entry["on"] for entry in journal(session) if entry["type"] == "aside"] == [True]
    again = opened(project)
    assert (numbers_of(again.store)["status"], numbers_of(again.store)["count"]) == ("aside", 3)
    assert not has_open_edits(project.fields["A/one"].state)
    state = again.set_aside(False, "anna")
    assert state["status"] == "reopened"
    assert mask.read_bytes() == content
    assert numbers_of(opened(project).store)["status"] == "reopened"
    assert again.accept("anna", None)["status"] == "accepted"


@pytest.mark.parametrize("key", ["A/one", "A/three", "two"])
def test_setting_aside_is_undone_by_the_same(project, key):
    session = opened(project, key)
    before, masks_before = pixels(session), project.fields[key].masks()
    session.set_aside(True, "anna")
    assert project.fields[key].masks() == []
    session = opened(project, key)
    assert session.set_aside(False, "anna")["status"] == "begun"
    assert np.array_equal(pixels(session), before)
    assert project.fields[key].masks() == masks_before
    assert not has_open_edits(project.fields[key].state)


def test_a_mask_stays_where_setting_aside_cannot_be_noted(project, monkeypatch):
    session = opened(project, "A/three")
    edit(session, "delete", labels=[4])

    def full(file, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OutputError):
            session.set_aside(True, "anna")
    assert numbers_of(session.store)["status"] == "begun"
    assert [path.name for path in project.fields["A/three"].masks()] == ["three_masks.tif"]


# --- finished regions ------------------------------------------------------------------------

LEFT, RIGHT = [0, 0, 72, 40], [0, 40, 72, 96]


def test_regions_are_undone_with_the_edits_between_them(project):
    session = opened(project)
    start = pixels(session)
    answer = edit(session, "region", boxes=[LEFT])
    assert (answer["regions"], answer["revision"], answer["nuclei"]) == ([LEFT], 1, {})
    edit(session, "delete", labels=[4])
    edit(session, "region", boxes=[LEFT, RIGHT])
    edit(session, "region", boxes=[RIGHT])
    expected = [([LEFT, RIGHT], 3), ([LEFT], 3), ([LEFT], 4), ([], 4)]
    for regions, count in expected:
        state = edit(session, "undo")
        assert (state["regions"], state["count"]) == (regions, count)
    assert np.array_equal(pixels(session), start)
    session.leave("anna")
    session = opened(project)
    assert (session.store.regions, len(session.store.redo)) == ([], 4)
    for regions, count in [([LEFT], 4), ([LEFT], 3), ([LEFT, RIGHT], 3), ([RIGHT], 3)]:
        state = edit(session, "redo")
        assert (state["regions"], state["count"]) == (regions, count)
        assert opened(project).store.regions == regions
    assert has_open_edits(project.fields["A/one"].state)


@pytest.mark.parametrize(
    "box", [[0, 0, 73, 9], [0, 0, 9, 97], [5, 5, 5, 9], [9, 0, 5, 9], [0, 0, 0, 0]]
)
def test_regions_lie_in_the_field(project, box):
    session = opened(project)
    with pytest.raises(EditError, match="regions inside the field, 72 x 96"):
        edit(session, "region", boxes=[box])
    assert session.store.size == 0


def test_a_mask_says_which_regions_are_finished(project):
    session, mask = opened(project), project.fields["A/one"].mask
    edit(session, "region", boxes=[LEFT])
    session.accept("anna", None)
    assert read_regions(mask) == (tuple(LEFT),)
    accepted = journal(session)[-2]
    assert (accepted["regions"], accepted["nuclei"]) == ([LEFT], 3)  # not 3, at the right
    session.reopen("anna")
    assert opened(project).store.regions == [LEFT]
    edit(session, "region", boxes=[])
    session.accept("anna", None)
    assert read_regions(mask) == ()
    acceptances = [entry for entry in journal(session) if entry["type"] == "accept"]
    assert acceptances[-1]["nuclei"] == 4


def test_work_begun_from_a_mask_has_its_regions(project):
    write_regions(project.fields["A/three"].masks()[0], [LEFT])
    session = opened(project, "A/three")
    assert session.store.regions == [LEFT]
    edit(session, "delete", labels=[4])
    assert opened(project, "A/three").store.regions == [LEFT]


def test_a_journal_of_before_regions_is_read(project):
    session = opened(project)
    edit(session, "delete", labels=[4])
    path = project.fields["A/one"].state / "journal.jsonl"
    path.write_text(path.read_text().replace(',"regions":[]', ""))
    assert "regions" not in path.read_text()
    assert opened(project).store.regions == []


@pytest.mark.parametrize("tool", ["undo", "redo"])
def test_the_name_of_an_edit_for_another_step_is_a_conflict(project, tool):
    session = opened(project)
    edit(session, "delete", id="edit-same-name", labels=[4])
    if tool == "redo":
        edit(session, "undo")
    name = "edit-same-name" if tool == "undo" else f"edit-{next(COUNTER) - 1:06d}"
    revision = session.store.revision
    if tool == "undo":
        with pytest.raises(ConflictError):
            edit(session, "undo", id=name, revision=revision)
    assert session.store.revision == revision


@pytest.mark.parametrize(
    "damage",
    [
        {"regions": 5.0},
        {"regions": [[0, 0, 9]]},
        {"suspects": [{"label": 1, "rank": "first", "confidence": None, "reasons": ""}]},
        {"suspects": [{"label": 1}]},
        {"seconds": float("inf")},
    ],
)
def test_a_first_line_of_other_types_is_damaged(project, damage):
    session = opened(project)
    edit(session, "delete", labels=[4])
    session.close()
    path = session.store.field.state / "journal.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | damage), *rest, ""]))
    with pytest.raises(DataError, match=r"journal\.jsonl: line 1 is"):
        opened(project)
