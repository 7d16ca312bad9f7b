"""Which fields a folder has, and where their files lie."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

from nucseg_tf.annotation.editor.prelabels import Suspect
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.errors import DataError, UsageError


def test_fields_with_groups(project, folder):
    assert list(project.fields) == ["two", "A/one", "A/three"]
    assert project.model == "fpn2ws-nuclei"
    one = project.fields["A/one"]
    assert one.prelabels == folder / "prelabels" / "A" / "one_labels.tif"
    assert one.mask == folder / "masks" / "A" / "one.tif"
    assert one.state == folder / "annotation" / "A" / "one"
    assert one.masks() == []
    assert one.objects == 4
    assert one.suspects == (
        Suspect(3, 1, 0.3, "at the edge"),
        Suspect(2, 2, 0.4, "touches a neighbour"),
    )
    assert project.fields["A/three"].masks() == [folder / "masks" / "A" / "three_masks.tif"]
    assert project.fields["A/three"].objects is None
    assert project.fields["two"].suspects == ()


def test_a_flat_folder(tmp_path, add_image):
    for name in ("a.png.tif", "b.tif", "b_masks.tif", "b_labels.tif", "c.ome.tif"):
        add_image(tmp_path / name, np.zeros((4, 5), np.uint8))
    project = open_project(tmp_path)
    assert list(project.fields) == ["a.png", "b", "c"]
    assert project.fields["b"].mask == tmp_path / "b_masks.tif"
    assert project.fields["b"].masks() == [tmp_path / "b_masks.tif", tmp_path / "b_labels.tif"]
    assert project.fields["c"].state == tmp_path / "annotation" / "c"


def test_masks_of_every_format_that_holds_labels(project, folder):
    content = (folder / "masks" / "A" / "three_masks.tif").read_bytes()
    files = [folder / "masks" / f"two{suffix}" for suffix in (".tif", ".tiff", ".png", ".bmp")]
    for file in [*files, folder / "masks" / "two.jpg"]:
        file.write_bytes(content)
    assert project.fields["two"].masks() == files


@pytest.mark.parametrize("confidence", ["nan", "inf", "-inf", "1e999", ""])
def test_a_confidence_that_is_no_number_is_none(folder, confidence):
    table = f"image,label,confidence,suspect,reasons,rank\ntwo.tif,1,{confidence},1,odd,1\n"
    (folder / "prelabels" / "objects.csv").write_text(table)
    assert open_project(folder).fields["two"].suspects == (Suspect(1, 1, None, "odd"),)


def test_an_endless_rank_is_an_error(folder):
    table = "image,label,confidence,suspect,reasons,rank\ntwo.tif,1,0.5,1,odd,inf\n"
    (folder / "prelabels" / "objects.csv").write_text(table)
    with pytest.raises(DataError, match=r"objects\.csv: cannot be read"):
        open_project(folder)


def test_a_name_that_is_no_text_is_left_out(folder, caplog):
    image = (folder / "images" / "two.tif").read_bytes()
    try:
        (folder / "images" / os.fsdecode(b"od\xffd.tif")).write_bytes(image)
    except OSError:
        pytest.skip("this file system has names of text alone")
    assert list(open_project(folder).fields) == ["two", "A/one", "A/three"]
    assert "its name is no UTF-8" in caplog.text


def test_images_of_one_name_are_left_out(folder, caplog, add_image):
    add_image(folder / "images" / "TWO.tiff", np.zeros((4, 5), np.uint8))
    assert list(open_project(folder).fields) == ["A/one", "A/three"]
    assert "shares its name" in caplog.text


def test_a_folder_without_images_is_named(tmp_path, add_image):
    with pytest.raises(UsageError, match="no such folder"):
        open_project(tmp_path / "missing")
    with pytest.raises(UsageError, match="no images"):
        open_project(tmp_path)
    add_image(tmp_path / "train" / "images" / "a.tif", np.zeros((4, 5), np.uint8))
    with pytest.raises(UsageError, match=r"choose .*train"):
        open_project(tmp_path)


@pytest.mark.parametrize("text", ["", "label\n1\n", "image,label,suspect\nx.tif,one,1\n"])
def test_a_damaged_table_is_named(folder, text):
    (folder / "prelabels" / "objects.csv").write_text(text)
    with pytest.raises(DataError, match=r"objects\.csv: cannot be read.*nucseg prelabel"):
        open_project(folder)


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ('{"method": "classical"}', "classical"),
        ('{"model": null, "method": "classical"}', "classical"),
        ("{}", ""),
        ("[", ""),
    ],
)
def test_what_made_the_prelabels(folder, text, model):
    (folder / "prelabels" / "run.json").write_text(text)
    assert open_project(folder).model == model


def test_a_field_takes_little_memory(tmp_path):
    count = 400
    (tmp_path / "images").mkdir()
    for number in range(count):
        (tmp_path / "images" / f"{number}.tif").touch()
    open_project(tmp_path)  # what is loaded at first use counts once
    tracemalloc.start()
    project = open_project(tmp_path)
    project.look()
    per_field = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    assert len(project.fields) == count
    assert per_field < 5000  # bytes; with a path for each name that a mask may have: 20,000
