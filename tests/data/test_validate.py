"""What is said of a data set's files."""

import shutil

import numpy as np
from reference.pairs import picture, save, two_nuclei

from nucseg_tf.data.validate import validate


def test_validate_names_each_problem_once(tmp_path):
    images, masks = tmp_path / "images", tmp_path / "masks"
    names = (
        "good",
        "pieces",
        "constant",
        "binary",
        "shape",
        "empty",
        "half",
        "cut",
        "nan",
        "stack",
    )
    for name in names:
        save(images / f"{name}.tif", picture())
        save(masks / f"{name}.tif", two_nuclei())
    save(images / "lonely.tif", picture())
    save(
        masks / "pieces.tif", np.where(two_nuclei() > 0, [[4] * 5 + [3] * 4], 0) + np.eye(8, 9) * 3
    )
    save(images / "constant.tif", np.full((8, 9), 5, np.uint8))
    save(masks / "binary.tif", (two_nuclei() > 0).astype(np.uint8) * 255)
    save(masks / "shape.tif", two_nuclei((8, 10)))
    save(masks / "empty.tif", np.zeros((8, 9), np.uint8))
    save(masks / "half.tif", two_nuclei() + np.float32(0.5))
    shutil.copy(images / "good.tif", images / "cut.tif")
    (images / "cut.tif").write_bytes((images / "good.tif").read_bytes()[:-20])
    save(images / "nan.tif", np.full((8, 9), np.nan, np.float32))
    save(images / "stack.tif", picture((5, 8, 9)))
    report = validate(tmp_path)
    found = {(p.path.parent.name, p.path.name): p for p in report.problems}
    assert len(found) == len(report.problems)
    expected = {
        ("images", "lonely.tif"): "has no mask",
        ("masks", "pieces.tif"): "several pieces",
        ("images", "constant.tif"): "is constant",
        ("masks", "binary.tif"): "binary mask (0 and 255)",
        ("masks", "shape.tif"): "shape (8, 10) differs from (8, 9)",
        ("masks", "empty.tif"): "no nucleus",
        ("masks", "half.tif"): "not whole",
        ("images", "cut.tif"): "cut short",
        ("images", "nan.tif"): "72 of 72 pixels are not finite",
        ("images", "stack.tif"): "--z",
    }
    assert set(found) == set(expected)
    for key, reason in expected.items():
        assert reason in found[key].reason
        assert str(tmp_path) not in found[key].reason or key == ("masks", "shape.tif")
    warnings = {name for (_, name), problem in found.items() if problem.usable}
    assert warnings == {"pieces.tif", "constant.tif", "binary.tif", "empty.tif"}
    assert len(report.fields) == len(names)
    assert report.usable == 5  # good and the four warnings


def test_what_hardly_belongs_together_is_warned_of(tmp_path):
    labels = np.zeros((90, 80), np.uint16)
    labels[10:30, 10:40], labels[50:80, 45:60] = 1, 2
    image = (labels > 0).astype(np.uint16) * 500 + 90
    for name, mask in (("right", labels), ("turned", labels[::-1]), ("background", labels + 1)):
        save(tmp_path / "images" / f"{name}.tif", image)
        save(tmp_path / "masks" / f"{name}.tif", mask)
    report = validate(tmp_path)
    assert report.usable == 3
    first, second = map(str, report.problems)
    assert "background.tif: label 1 surrounds all others" in first
    assert "turned.tif: nuclei are not brighter than what surrounds them" in second
