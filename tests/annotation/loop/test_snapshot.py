import csv
import json
import shutil

import numpy as np
import pytest
import tifffile

from nucseg_tf.annotation.editor.planes import read_choice
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.shelf import sha256
from nucseg_tf.annotation.loop import copies, parts, snapshot, versions
from nucseg_tf.annotation.loop.accepted import accepted_fields, digest_of
from nucseg_tf.annotation.loop.copies import copy_mask
from nucseg_tf.annotation.loop.recipe import recipe
from nucseg_tf.data.fields import load_field
from nucseg_tf.errors import DataError


def take(folder):
    accepted = accepted_fields(open_project(folder).fields.values())
    assigned = parts.assign([one.field.key for one in accepted], versions.read_versions(folder))
    config = recipe(versions.next_name(folder), 3)
    return snapshot.take(folder, accepted, assigned, read_choice(folder), config, "nuclei", ())


@pytest.fixture
def one(folder, accept):
    """Field a, accepted."""
    accept(folder, "a", 1)
    return accepted_fields(open_project(folder).fields.values())[0]


def test_masks_are_copied_and_listed(folder, accept):
    masks = [accept(folder, key, hour) for hour, key in enumerate("cab")]
    version = take(folder)
    uses = [(use.key, use.part, use.nuclei) for use in version.fields]
    assert uses == [("c", "train", 8), ("a", "left_out", 8), ("b", "train", 8)]
    assert [use.sha256 for use in version.fields] == [sha256(mask) for mask in masks]
    assert versions.read(folder, "v1") == version
    masks[0].write_bytes(b"changed since")
    train, left_out = snapshot.read_fields(folder, "v1")
    assert [field.name for field in (*train, *left_out)] == ["c", "b", "a"]
    assert train[0].masks[0].resolve() == folder / "loop" / "v1" / "masks" / "c.tif"
    for field in (*train, *left_out):
        assert load_field(field)[1].max() == 8


def test_the_project_can_be_moved(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2)
    take(folder)
    folder.rename(folder.with_name("moved"))
    train, _ = snapshot.read_fields(folder.with_name("moved"), "v1")
    assert load_field(train[0])[1].max() == 8


def test_of_a_single_field_a_strip_is_left_out(folder, accept):
    accept(folder, "a", 1)
    train, left_out = take(folder).fields
    assert (train.nuclei, left_out.nuclei) == (6, 2)
    assert train.regions[0][3] == left_out.regions[0][1]
    fields = [part[0] for part in snapshot.read_fields(folder, "v1")]
    known = [load_field(field)[1] for field in fields]
    assert [len(np.unique(labels[labels > 0])) for labels in known] == [6, 2]


def test_only_finished_regions_count(folder, accept):
    for hour, key in enumerate("ab"):
        accept(folder, key, hour)
    (folder / "masks" / "a.regions.json").write_text('{"boxes": [[0, 0, 72, 96]]}')
    version = take(folder)
    assert [(use.key, use.nuclei, use.regions) for use in version.fields] == [
        ("a", 4, ((0, 0, 72, 96),)),
        ("b", 8, ()),
    ]
    assert version.fields[0].sha256 == digest_of(folder / "masks" / "a.tif")
    assert snapshot.read_fields(folder, "v1")[0][0].regions == ((0, 0, 72, 96),)


def test_a_mask_that_is_being_saved_is_waited_for(one, tmp_path, monkeypatch):
    """Half a file first, as a program leaves it that does not write to a temporary one."""
    whole = one.mask.read_bytes()
    one.mask.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(copies.time, "sleep", lambda seconds: one.mask.write_bytes(whole))
    copy, digest, _ = copy_mask(one, tmp_path / "copies")
    assert copy.read_bytes() == whole
    assert digest == sha256(one.mask)


def test_mask_and_regions_are_of_one_moment(one, tmp_path, monkeypatch):
    """The regions of the next acceptance are written before its mask."""
    side, new = one.mask.with_name("a.regions.json"), b"the next mask"
    side.write_text('{"boxes": [[0, 0, 9, 9]]}')
    moments = iter([lambda: one.mask.write_bytes(new), lambda: None])
    monkeypatch.setattr(copies.time, "sleep", lambda seconds: next(moments)())
    copy, _, boxes = copy_mask(one, tmp_path / "copies")
    assert (copy.read_bytes(), boxes) == (new, ((0, 0, 9, 9),))


def test_a_mask_from_another_program_counts(one, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "PAUSE", 0.0)
    tifffile.imwrite(one.mask, np.ones((72, 192), np.uint8))
    copy, digest, _ = copy_mask(one, tmp_path / "copies")
    assert sha256(copy) == digest == sha256(one.mask) != one.recorded


def test_a_mask_that_never_rests_is_an_error(one, tmp_path, monkeypatch):
    def change(seconds):
        one.mask.write_bytes(one.mask.read_bytes() + b"x")

    change(0)
    monkeypatch.setattr(copies.time, "sleep", change)
    with pytest.raises(DataError, match=r"a.tif: changes all the time"):
        copy_mask(one, tmp_path / "copies")


def test_nothing_is_left_of_a_version_that_cannot_begin(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2).write_bytes(b"no image")
    with pytest.raises(DataError, match=r"b.tif"):
        take(folder)
    assert versions.read_versions(folder) == []
    assert versions.next_name(folder) == "v1"


def test_an_image_that_is_gone_is_named(folder, accept):
    accept(folder, "a", 1)
    accept(folder, "b", 2)
    take(folder)
    (folder / "images" / "b.tif").unlink()
    with pytest.raises(DataError, match=r"1 of its 2 fields have no image"):
        snapshot.read_fields(folder, "v1")


def test_the_plane_that_was_chosen_is_trained_on(folder, accept):
    pixels = tifffile.imread(folder / "images" / "a.tif")
    for key in "abc":
        accept(folder, key, 1)
    stack = np.stack([pixels * 0, pixels])
    for key in "ab":
        tifffile.imwrite(
            folder / "images" / f"{key}.tif", stack, metadata={"axes": "CYX"}, ome=True
        )
    choice = {"channel": "1", "z": None, "t": None}
    (folder / "annotation" / "project.json").write_text(json.dumps(choice))
    take(folder)
    train, left_out = snapshot.read_fields(folder, "v1")
    for field in (*train, *left_out):  # also that of one plane, which leaves nothing to choose
        np.testing.assert_array_equal(load_field(field)[0], pixels)
        with tifffile.TiffFile(field.image) as tiff:
            assert tiff.pages.first.predictor == 1  # ImageJ undoes none


def test_of_dark_nuclei_the_negative_is_trained_on(folder, accept):
    pixels = tifffile.imread(folder / "images" / "a.tif")
    for key in "ab":
        accept(folder, key, 1)
        tifffile.imwrite(folder / "images" / f"{key}.tif", 255 - pixels)
    (folder / "annotation" / "project.json").write_text(json.dumps({"invert": True}))
    take(folder)
    train, _ = snapshot.read_fields(folder, "v1")
    np.testing.assert_array_equal(load_field(train[0])[0], pixels)


def test_flat_folders_and_groups_keep_their_names(tmp_path, folder):
    flat = tmp_path / "flat"
    flat.mkdir()
    for key in "ab":
        shutil.copy(folder / "images" / f"{key}.tif", flat)
        shutil.copy(folder / "prelabels" / f"{key}_labels.tif", flat / f"{key}_masks.tif")
    take(flat)
    grouped = tmp_path / "grouped"
    for group in "AB":
        for kind in ("images", "masks"):
            (grouped / kind / group).mkdir(parents=True)
        shutil.copy(folder / "images" / "a.tif", grouped / "images" / group)
        shutil.copy(folder / "prelabels" / "a_labels.tif", grouped / "masks" / group / "a.tif")
    take(grouped)
    with (grouped / "loop" / "v1" / "fields.csv").open() as file:
        rows = [(row["mask"], row["group"], row["name"]) for row in csv.DictReader(file)]
    assert rows == [("masks/A/a.tif", "A", "A_a"), ("masks/B/a.tif", "B", "B_a")]
    assert (flat / "loop" / "v1" / "masks" / "a.tif").is_file()


def test_a_mask_that_is_away_for_a_moment_is_waited_for(one, tmp_path, monkeypatch):
    """As the page does where the regions of a field have changed."""
    whole = one.mask.read_bytes()
    one.mask.unlink()
    monkeypatch.setattr(copies.time, "sleep", lambda seconds: one.mask.write_bytes(whole))
    assert copy_mask(one, tmp_path / "copies")[0].read_bytes() == whole
