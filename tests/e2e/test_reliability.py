"""Files that are easily read wrongly in silence, each as docs/reliability/odd_files.md says."""

from __future__ import annotations

import csv
import json
import logging
import re
import shutil

import cv2
import pytest
from reference import odd_files

from nucseg_tf import load_model
from nucseg_tf.__main__ import main
from nucseg_tf.data.fields import load_field
from nucseg_tf.data.validate import validate
from nucseg_tf.errors import ImageReadError
from nucseg_tf.evaluation.scores import score_image
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.stages.read import Read
from nucseg_tf.io.labels import read_labels
from nucseg_tf.models import zoo


@pytest.fixture(scope="module")
def segmenter():
    return load_model("fpn2ws-nuclei")


@pytest.fixture(scope="module")
def reference(segmenter):
    """Labels of the grey picture that all images show."""
    found = segmenter.predict(odd_files.drawn()[0])
    assert found.max() == 8
    return found


@pytest.mark.parametrize("case", odd_files.IMAGES, ids=lambda case: case.file)
def test_images(case, segmenter, reference, tmp_path, caplog):
    path = tmp_path / case.file
    case.draw(path, odd_files.drawn()[0])
    caplog.set_level(logging.WARNING, "nucseg_tf")
    read = Read(Options(**case.options))
    if case.error:
        with pytest.raises(ImageReadError, match=rf"{case.file}.*{case.error}"):
            read(path)
        return
    image = read(path)
    if case.warning:
        assert re.search(rf"{case.file}: {case.warning}", caplog.text)
    else:
        assert caplog.messages == []
    assert image.spacing == (case.pixel and pytest.approx(case.pixel))
    if case.warning != odd_files.BRIGHT:
        found = segmenter.predict(image.pixels)
        assert score_image(reference, found, (0.9,)).counts["0.90"].f1 == 1


@pytest.mark.parametrize("case", odd_files.LABELS, ids=lambda case: f"{case.file} {case.what}")
def test_labels(case, tmp_path):
    grey, labels = odd_files.drawn()
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    case.draw(tmp_path / case.file, labels)
    report = validate(tmp_path, **case.options)
    assert (report.images, report.usable) == (1, 1)
    if case.warning:
        assert any(case.warning in str(problem) for problem in report.problems)
    else:
        assert report.problems == ()
    found = load_field(report.fields[0], **case.options)[1]
    same = score_image(labels, found, (0.99,)).counts["0.99"].f1 == 1
    assert same == case.exact


def test_a_run_with_an_inverted_image_and_a_link_that_leads_nowhere(reference, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), 255 - odd_files.drawn()[0])
    (folder / "b.tif").symlink_to("nowhere.tif")
    assert main(["predict", str(folder), "--out", str(tmp_path / "out"), "--invert"]) == 3
    found = read_labels(tmp_path / "out" / "a_labels.tif")
    assert score_image(reference, found, (0.9,)).counts["0.90"].f1 == 1
    with (tmp_path / "out" / "failures.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["image"].endswith("b.tif")
    assert "leads nowhere" in row["reason"]


def test_a_model_trained_on_inverted_images_has_them_inverted(reference, tmp_path, capsys):
    folder = shutil.copytree(zoo.find_model("fpn2ws-nuclei"), tmp_path / "model")
    zoo.replace_info(folder, zoo.read_info(folder).model_copy(update={"invert": True}))
    for name, grey in (("dark", 255 - odd_files.drawn()[0]), ("bright", odd_files.drawn()[0])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), grey)
    flags = ("--model", str(folder), "--out", str(tmp_path / "out"))
    assert main(["predict", str(tmp_path / "dark.png"), *flags]) == 0
    assert "was trained with --invert: images are inverted" in capsys.readouterr().err
    assert json.loads((tmp_path / "out" / "run.json").read_text())["options"]["invert"]
    assert main(["predict", "--invert=false", str(tmp_path / "bright.png"), *flags]) == 0
    assert "inverted" not in capsys.readouterr().err
    for name in ("dark", "bright"):
        found = read_labels(tmp_path / "out" / f"{name}_labels.tif")
        assert score_image(reference, found, (0.9,)).counts["0.90"].f1 == 1


def test_the_page_says_what_the_cases_say():
    page = odd_files.PAGE.read_text(encoding="utf-8")
    assert page == odd_files.with_table(page), "write it: python tests/reference/odd_files.py"
    assert odd_files.table() in page
