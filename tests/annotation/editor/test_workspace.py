"""Fields whose prelabels are made anew while the server runs."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor.message import EditError, Message
from nucseg_tf.annotation.editor.others import NoLabelsError
from nucseg_tf.annotation.editor.planes import PlaneChoice, read_choice
from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import ConflictError
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.editor.visit import Visit
from nucseg_tf.annotation.editor.workspace import Workspace
from nucseg_tf.errors import LabelError
from nucseg_tf.io.labels import read_labels, write_labels
from nucseg_tf.io.runs import from_runs

COUNTER = itertools.count()
KEY = "A/one"


@pytest.fixture
def workspace(project):
    found = Workspace(project)
    yield found
    found.close()


def visit(field: str = KEY, page: str = "page-of-anna") -> Visit:
    return Visit(field, page, "anna")


def pixels(workspace: Workspace, of: str = "") -> np.ndarray:
    runs = np.frombuffer(workspace.labels(KEY, of)[1], "<u4").astype(np.int64)
    return from_runs(runs, (72, 96))


def delete(workspace: Workspace, label: int, revision: int) -> dict:
    message = Message(
        id=f"edit-{next(COUNTER):06d}", revision=revision, tool="delete", labels=[label]
    )
    return workspace.edit(visit(), message)


def relabel(folder: Path, model: str = "v1", key: str = KEY, **more) -> np.ndarray:
    """New labels without nucleus 1, with the sidecar of the loop; gives them."""
    path = folder / "prelabels" / f"{key}_labels.tif"
    labels = read_labels(path) if path.is_file() else np.ones((72, 96), np.int32)
    labels = np.where(labels == 1, 0, labels)
    write_labels(path, labels)
    suspects = [Suspect(4, 1, 0.2, "low confidence")]
    record = {"model": model, "sha256": sha256(path), "nuclei": 3, "wrong": 1.2, "unsure": 1}
    record |= {"features": [3.0, -1.0, 5.0, -0.5, -1.0], **more}
    record |= {"suspects": [asdict(suspect) for suspect in suspects]}
    path.with_suffix(".json").write_text(json.dumps(record))
    return labels


def row(workspace: Workspace, key: str = KEY) -> dict:
    workspace.listing.look()
    rows = map(json.loads, workspace.listing.since().rows)
    return next(row for row in rows if row["key"] == key)


def test_a_field_that_nobody_has_edited_shows_new_labels_at_once(workspace, folder):
    before = workspace.open(visit())
    assert [suspect["label"] for suspect in before["suspects"]] == [3, 2]
    labels = relabel(folder)
    revision = workspace.beat(visit())["revision"]
    assert revision != before["revision"]
    assert np.array_equal(pixels(workspace), labels)
    after = workspace.open(visit())
    assert [suspect["label"] for suspect in after["suspects"]] == [4]
    assert (after["model"], after["count"], after["revision"]) == ("v1", 3, revision)
    assert not (folder / "annotation" / KEY).exists()


def test_new_labels_without_a_sidecar_are_shown_too(workspace, folder):
    before = workspace.open(visit())["revision"]
    relabel(folder)
    (folder / "prelabels" / f"{KEY}_labels.json").unlink()
    assert workspace.beat(visit())["revision"] == before + 1
    assert 1 not in pixels(workspace)
    assert workspace.beat(visit())["revision"] == before + 1


def test_an_edit_of_the_labels_that_the_page_shows_is_not_lost(workspace, folder):
    revision = workspace.open(visit())["revision"]
    shown = pixels(workspace)
    relabel(folder)
    delete(workspace, 2, revision)
    assert np.array_equal(pixels(workspace), np.where(shown == 2, 0, shown))
    base = read_labels(folder / "annotation" / KEY / "base.tif")
    assert np.array_equal(base, shown)
    relabel(folder, "v2")
    assert np.array_equal(pixels(workspace), np.where(shown == 2, 0, shown))
    assert workspace.open(visit())["prelabels_changed"]


def test_an_edit_of_labels_that_are_gone_is_refused(workspace, folder):
    revision = workspace.open(visit())["revision"]
    relabel(folder)
    workspace.open(visit(page="page-of-ben"))  # sees the new ones
    with pytest.raises(ConflictError):
        delete(workspace, 2, revision)


def test_a_new_server_does_not_take_labels_of_one_model_for_those_of_another(folder):
    relabel(folder)
    first = Workspace(open_project(folder))
    revision = first.open(visit())["revision"]
    first.close()
    second = Workspace(open_project(folder))
    assert second.open(visit())["revision"] == revision
    second.close()
    relabel(folder, "v2")
    write_labels(folder / "prelabels" / f"{KEY}_labels.tif", np.ones((72, 96), np.int32))
    relabel(folder, "v2")
    third = Workspace(open_project(folder))
    with pytest.raises(ConflictError):
        delete(third, 2, revision)
    third.close()


def test_revisions_go_on_from_the_same_number_after_a_restart(folder):
    relabel(folder)
    first = Workspace(open_project(folder))
    revision = first.open(visit())["revision"]
    assert delete(first, 2, revision)["revision"] == revision + 1
    first.close()
    second = Workspace(open_project(folder))
    assert second.open(visit())["revision"] == revision + 1
    second.close()


def test_labels_that_do_not_fit_their_sidecar_are_of_an_unknown_model(workspace, folder):
    relabel(folder)
    write_labels(folder / "prelabels" / f"{KEY}_labels.tif", np.eye(72, 96, dtype=np.int32))
    found = row(workspace)
    assert (found["count"], found["suspects_left"], found["learn"]) == (None, 0, None)
    assert workspace.open(visit())["suspects"] == []


def test_a_row_says_how_much_would_be_learned(workspace, folder):
    (folder / "loop" / "v1" / "model").mkdir(parents=True)
    assert row(workspace)["learn"] is None
    relabel(folder)
    found = row(workspace)
    assert found["learn"] == pytest.approx((1.2 + 0.2) / 4 + (1 + 0.2) / 4)
    assert found["why"].startswith("about 1 of 3 nuclei probably wrong")
    assert (found["model"], found["stale"]) == ("v1", True)  # fields are labelled with another
    (folder / "loop" / "current.json").write_text('{"model": "v1"}')
    assert (row(workspace)["stale"], row(workspace)["suspects_left"]) == (False, 1)
    revision = workspace.open(visit())["revision"]
    delete(workspace, 2, revision)
    found = row(workspace)
    assert (found["learn"], found["why"], found["stale"], found["count"]) == (None, "", False, 2)
    assert row(workspace, "A/three")["learn"] is None  # has a mask


def test_corrected_fields_say_what_others_are_unlike(workspace, folder):
    relabel(folder)
    before = row(workspace)["learn"]
    relabel(folder, key="A/three", features=[9.0, -9.0, 9.0, -9.0, 9.0])
    assert row(workspace)["learn"] > before
    assert "unlike the corrected fields" in row(workspace)["why"]


def test_labels_of_the_model_before_and_of_the_model(workspace, folder):
    with pytest.raises(NoLabelsError, match="no labels of the model before"):
        workspace.labels(KEY, "before")
    with pytest.raises(NoLabelsError, match="expected before or model"):
        workspace.labels(KEY, "../../masks/A/three")
    path = folder / "prelabels" / f"{KEY}_labels.tif"
    shutil.copyfile(path, path.with_name("one_before.tif"))
    now = relabel(folder)
    assert 1 in pixels(workspace, "before")
    assert np.array_equal(pixels(workspace, "model"), now)
    revision = workspace.open(visit())["revision"]
    delete(workspace, 2, revision)
    with pytest.raises(NoLabelsError, match="no labels of the model in use"):
        workspace.labels(KEY, "model")  # the model has not looked at the field since
    write_labels(path.with_name("one_model.tif"), np.eye(72, 96, dtype=np.int32))
    assert np.array_equal(pixels(workspace, "model"), np.eye(72, 96))
    write_labels(path.with_name("one_model.tif"), np.eye(7, dtype=np.int32))
    with pytest.raises(NoLabelsError, match="is not of this image"):
        workspace.labels(KEY, "model")


def test_another_plane_is_looked_at_anew(tmp_path, monkeypatch):
    pixels = np.stack([np.full((9, 9), 5, np.uint8), np.full((9, 9), 7, np.uint8)])
    pixels[:, 0, 0] = 0
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata={"axes": "CYX"}, imagej=True)
    workspace = Workspace(open_project(tmp_path), PlaneChoice("0"))
    forgotten = []
    images = workspace.images
    monkeypatch.setattr(workspace.magic, "forget", lambda: forgotten.append(images.choice))
    assert images.picture("a").pixels[1, 1] == 5
    images.options = PlaneChoice()
    workspace.choose(Visit("a", "page-of-anna", "anna"), PlaneChoice("1"))
    assert images.picture("a").pixels[1, 1] == 7
    assert forgotten == [PlaneChoice("1")]
    workspace.close()


def test_an_image_of_another_size_is_not_accepted_with_the_labels_of_the_one_before(
    workspace, folder
):
    revision = delete(workspace, 1, workspace.open(visit())["revision"])["revision"]
    assert workspace.open(visit("A/three"))["image"]["shape"] == (72, 96)
    for name in ("one", "three"):
        tifffile.imwrite(folder / "images" / "A" / f"{name}.tif", np.ones((30, 40), np.uint8))
    with pytest.raises(EditError, match="replaced by one of another size"):
        workspace.accept(visit(), revision)
    with pytest.raises(LabelError, match="must have the shape of its image"):
        workspace.open(visit())
    with pytest.raises(LabelError, match="Make it anew for this image"):
        workspace.open(visit("A/three"))
    (folder / "masks" / "A" / "three_masks.tif").unlink()
    assert workspace.open(visit("A/three"))["image"]["shape"] == (30, 40)
    assert len(workspace.labels("A/three")[1]) == 8  # a single run


def test_planes_of_the_command_line_are_those_of_trainings_too(project, folder):
    for options, kept in ((PlaneChoice("1"), "1"), (PlaneChoice(z="max"), "1"), (None, "1")):
        Workspace(project, options).close()
        assert read_choice(folder).channel == kept
    assert read_choice(folder) == PlaneChoice("1", "max")


def test_what_the_command_line_says_is_kept_for_trainings(tmp_path):
    pixels = np.arange(81, dtype=np.uint8).reshape(9, 9)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    first = Workspace(open_project(tmp_path), PlaneChoice(invert=True))
    assert np.array_equal(first.images.picture("a").pixels, 255 - pixels)
    assert first.images.planes("a")["fixed"] == ["invert"]
    first.close()
    second = Workspace(open_project(tmp_path))
    assert read_choice(tmp_path) == second.images.choice == PlaneChoice(invert=True)
    assert second.images.planes("a")["fixed"] == []
    second.choose(Visit("a", "page-of-anna", "anna"), PlaneChoice())
    assert np.array_equal(second.images.picture("a").pixels, pixels)
    assert read_choice(tmp_path) == PlaneChoice()
    second.close()
