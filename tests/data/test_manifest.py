import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from nucseg_tf.data.manifest import find_fields, load_field, scan, split_fields
from nucseg_tf.data.regions import mark_unknown, write_regions
from nucseg_tf.data.validate import validate
from nucseg_tf.errors import DataError, ImageReadError, LabelError, UsageError
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois
from nucseg_tf.types import IGNORED, Field


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        cv2.imwrite(str(path), array)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")


def picture(shape=(8, 9), dtype=np.uint16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def two_nuclei(shape=(8, 9)):
    labels = np.zeros(shape, np.uint16)
    labels[1:3, 1:3] = 1
    labels[5:7, 5:8] = 2
    return labels


def summary(fields):
    return [(f.split, f.group, f.name, f.image.name, f.masks[0].name) for f in fields]


def test_images_and_masks_with_other_endings(tmp_path):
    masks = ("a.png", "b_masks.tif", "c_labels.tiff", "d_mask.png")
    for name, mask in zip("abcd", masks, strict=True):
        save(tmp_path / "images" / f"{name}.tif", picture())
        save(tmp_path / "masks" / mask, two_nuclei())
    (tmp_path / "images" / "notes.txt").write_text("x")
    assert summary(find_fields(tmp_path)) == [
        ("", "", name, f"{name}.tif", mask) for name, mask in zip("abcd", masks, strict=True)
    ]


def test_splits_and_groups(tmp_path):
    for split, group in (("train", "hela"), ("train", "u2os"), ("val", "hela")):
        save(tmp_path / split / "images" / group / "a.tif", picture())
        save(tmp_path / split / "masks" / group / "a.tif", two_nuclei())
    assert summary(find_fields(tmp_path)) == [
        # One split has the stem twice, so the group tells the names apart.
        ("train", "hela", "hela_a", "a.tif", "a.tif"),
        ("train", "u2os", "u2os_a", "a.tif", "a.tif"),
        ("val", "hela", "a", "a.tif", "a.tif"),
    ]


def test_flat_folder(tmp_path):
    for name in ("a.tif", "a_masks.tif", "b.ome.tif", "b_labels.tif", "a_overlay.png"):
        save(tmp_path / name, picture(dtype=np.uint8))
    assert summary(find_fields(tmp_path)) == [
        ("", "", "a", "a.tif", "a_masks.tif"),
        ("", "", "b", "b.ome.tif", "b_labels.tif"),
    ]


def test_data_science_bowl_layout(tmp_path):
    save(tmp_path / "f00" / "images" / "f00.png", picture(dtype=np.uint8))
    for label in (1, 2):
        mask = (two_nuclei() == label).astype(np.uint8) * 255
        save(tmp_path / "f00" / "masks" / f"{label}.png", mask)
    save(tmp_path / "f01" / "images" / "f01.png", picture(dtype=np.uint8))
    fields, problems = scan(tmp_path)
    assert [(f.name, len(f.masks)) for f in fields] == [("f00", 2)]
    assert [str(p) for p in problems] == [f"{tmp_path / 'f01'}: has no masks in its folder masks"]
    _, labels = load_field(fields[0])
    np.testing.assert_array_equal(labels, two_nuclei())


def test_csv_manifest(tmp_path):
    save(tmp_path / "raw" / "a.tif", picture())
    save(tmp_path / "truth" / "x.tif", two_nuclei())
    manifest = tmp_path / "fields.csv"
    manifest.write_text(
        "image,mask,split,group,name\n"
        "raw/a.tif,truth/x.tif,val,hela,first\n"
        "raw/gone.tif,truth/x.tif,,,\n"
    )
    fields, problems = scan(manifest)
    assert summary(fields) == [("val", "hela", "first", "a.tif", "x.tif")]
    assert [p.path.name for p in problems] == ["gone.tif"]
    assert "fields.csv, line 3" in problems[0].reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cannot be read as CSV"),
        ("id,split\na,train\n", r"columns image and mask. Received: \['id', 'split'\]"),
        ("image,mask,split\na,b,training\n", "line 2: split must be .* Received: 'training'"),
    ],
)
def test_malformed_csv_manifest(tmp_path, text, reason):
    (tmp_path / "fields.csv").write_text(text)
    with pytest.raises(DataError, match=rf"fields\.csv.*{reason}"):
        find_fields(tmp_path / "fields.csv")


def test_unpaired_and_ambiguous_files_are_named(tmp_path):
    for name in ("a.tif", "b.tif", "c.tif", "d.tif", "d.png"):
        save(tmp_path / "images" / name, picture(dtype=np.uint8))
    for name in ("a.tif", "c.tif", "c_masks.png", "d.tif", "z.tif"):
        save(tmp_path / "masks" / name, two_nuclei().astype(np.uint8))
    fields, problems = scan(tmp_path)
    assert [f.name for f in fields] == ["a"]
    assert [(p.path.name, p.reason) for p in problems] == [
        ("b.tif", "has no mask of the same name"),
        ("c.tif", "has more than one mask: c.tif, c_masks.png"),
        ("d.png", "shares its name d with another image"),
        ("d.tif", "shares its name d with another image"),
        ("z.tif", "has no image of the same name"),
    ]


def test_nothing_usable(tmp_path):
    with pytest.raises(DataError, match="no such folder or CSV manifest; expected DIR/"):
        find_fields(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no image with masks found; expected DIR/"):
        find_fields(tmp_path)
    with pytest.raises(DataError, match="no images found"):
        validate(tmp_path)
    save(tmp_path / "images" / "a.tif", picture())
    with pytest.raises(DataError, match=r"a\.tif: has no mask"):
        find_fields(tmp_path)


def test_load_field_checks_the_shape(tmp_path):
    image, mask = tmp_path / "a.tif", tmp_path / "a_masks.tif"
    save(image, picture())
    save(mask, two_nuclei((8, 10)))
    with pytest.raises(LabelError, match=r"a_masks\.tif: shape \(8, 10\) .*\(8, 9\) .*a\.tif"):
        load_field(Field("a", image, (mask,)))
    save(mask, two_nuclei())
    pixels, labels = load_field(Field("a", image, (mask,)))
    assert pixels.dtype == np.uint16
    assert labels.dtype == np.int32
    save(image, np.full((8, 9), np.nan, np.float32))
    with pytest.raises(ImageReadError, match=r"a\.tif: 72 of 72"):
        load_field(Field("a", image, (mask,)))


def fields(count, split="", group=""):
    """Fields whose files nobody opens."""
    names = [f"{group}{i}" for i in range(count)]
    return [
        Field(name, Path(f"{name}.tif"), (Path(f"{name}_masks.tif"),), split, group)
        for name in names
    ]


def test_given_splits_are_used_and_test_left_out():
    given = fields(3, "train") + fields(2, "val") + fields(2, "test")
    train, val = split_fields(given, 0.5, seed=0)
    assert [f.split for f in train] == ["train"] * 3
    assert [f.split for f in val] == ["val"] * 2


def test_draw_is_a_share_of_each_group_and_does_not_depend_on_order():
    everything = fields(20, group="hela") + fields(10, group="u2os") + fields(1, group="one")
    train, val = split_fields(everything, 0.2, seed=1)
    assert not set(train) & set(val)
    assert set(train) | set(val) == set(everything)
    assert sorted(f.group for f in val) == ["hela"] * 4 + ["u2os"] * 2
    again = split_fields(everything[::-1], 0.2, seed=1)[1]
    assert set(again) == set(val)
    assert set(split_fields(everything, 0.2, seed=2)[1]) != set(val)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_both_parts_keep_at_least_one_field(fraction):
    assert [len(part) for part in split_fields(fields(2), fraction, seed=0)] == [1, 1]
    singles = fields(1, group="a") + fields(1, group="b")
    assert [len(part) for part in split_fields(singles, fraction, seed=0)] == [1, 1]


def test_a_single_field_trains_and_validates(caplog):
    for single in (fields(1), fields(1, "train") + fields(4, "test")):
        train, val = split_fields(single, 0.2, seed=0)
        assert train == val == single[:1]
        assert "says nothing of others" in caplog.text


def test_too_few_fields_or_a_senseless_fraction():
    for few in ([], fields(3, "val"), fields(4, "test")):
        with pytest.raises(DataError, match="a field to train on"):
            split_fields(few, 0.2, seed=0)
    with pytest.raises(UsageError, match="fraction"):
        split_fields(fields(4), 1.0, seed=0)


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


@pytest.mark.data
def test_data_science_bowl_subset(dsb2018):
    train, val = split_fields(find_fields(dsb2018), 0.1, seed=0)
    assert (len(train), len(val)) == (438, 51)
    pixels, labels = load_field(val[0])
    assert pixels.shape == labels.shape
    assert labels.max() > 0


def test_connected_pieces_of_a_binary_mask_are_nuclei_on_request(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", ((two_nuclei() > 0) * 255).astype(np.uint8))
    (field,) = find_fields(tmp_path)
    assert np.unique(load_field(field)[1]).tolist() == [0, 255]
    np.testing.assert_array_equal(load_field(field, split_binary=True)[1], two_nuclei())
    assert "--split-binary" in str(validate(tmp_path).problems[0])
    assert validate(tmp_path, split_binary=True).problems == ()


def test_labels_are_never_split(tmp_path):
    labels = two_nuclei()
    labels[7, 0] = 1  # another piece of a nucleus
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", labels)
    (field,) = find_fields(tmp_path)
    np.testing.assert_array_equal(load_field(field, split_binary=True)[1], labels)


def test_dark_and_bright_are_exchanged_on_request(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", two_nuclei())
    (field,) = find_fields(tmp_path)
    np.testing.assert_array_equal(load_field(field, invert=True)[0], 65535 - picture())


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


def write_labels_of(kind, path, labels):
    """Labels as other programs leave them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "_seg.npy":
        np.save(path, {"masks": labels, "filename": "a"})
    elif kind == ".geojson":
        write_geojson(path, labels)
    elif kind in ("_rois.zip", ".zip"):
        write_imagej_rois(path, labels)
    else:
        save(path, labels)


OTHERS = ("_cp_masks.png", "_cp_masks.tif", "_seg.npy", ".geojson", "_rois.zip", ".zip")


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("flat", [True, False])
def test_labels_of_other_programs(tmp_path, kind, flat):
    image, mask = ("", "") if flat else ("images", "masks")
    save(tmp_path / image / "a.tif", picture())
    write_labels_of(kind, tmp_path / mask / f"a{kind}", two_nuclei())
    fields, problems = scan(tmp_path)
    assert summary(fields) == [("", "", "a", "a.tif", f"a{kind}")]
    assert problems == []
    np.testing.assert_array_equal(load_field(fields[0])[1], two_nuclei())
    assert validate(tmp_path).problems == ()


def test_of_labels_in_several_formats_a_label_image_is_taken(tmp_path):
    for folder in (tmp_path / "flat", tmp_path / "two" / "images", tmp_path / "two" / "masks"):
        save(folder / "a.tif", picture())
    (tmp_path / "two" / "masks" / "a.tif").unlink()
    for kind in OTHERS[:1] + OTHERS[2:]:
        for folder in (tmp_path / "flat", tmp_path / "two" / "masks"):
            write_labels_of(kind, folder / f"a{kind}", two_nuclei())
    save(tmp_path / "flat" / "a_cp_output.png", picture(dtype=np.uint8))
    (tmp_path / "flat" / "project.zip").write_bytes(b"of something else")
    for data in ("flat", "two"):
        fields, problems = scan(tmp_path / data)
        assert [field.masks[0].name for field in fields] == ["a_cp_masks.png"]
        assert problems == []
        for kind in (".zip", "_cp_masks.png", "_seg.npy", ".geojson"):
            where = "flat" if data == "flat" else "two/masks"
            (tmp_path / where / f"a{kind}").unlink()
        assert [field.masks[0].name for field in find_fields(tmp_path / data)] == ["a_rois.zip"]


def test_labels_of_no_image_are_told_of(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", two_nuclei())
    write_labels_of(".geojson", tmp_path / "masks" / "b.geojson", two_nuclei())
    assert [str(p) for p in scan(tmp_path)[1]] == [
        f"{tmp_path / 'masks' / 'b.geojson'}: has no image of the same name"
    ]


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("flat", [True, False])
def test_labels_of_other_programs_may_have_regions(tmp_path, kind, flat):
    image, mask = ("", "") if flat else ("images", "masks")
    save(tmp_path / image / "a.tif", picture())
    write_labels_of(kind, tmp_path / mask / f"a{kind}", two_nuclei())
    height, width = two_nuclei().shape
    box = (0, 0, height, width - 1)
    write_regions(tmp_path / mask / f"a{kind}", [box])
    fields, problems = scan(tmp_path)
    assert problems == []
    assert fields[0].regions == (box,)
    np.testing.assert_array_equal(load_field(fields[0])[1], mark_unknown(two_nuclei(), [box]))


def test_a_binary_mask_is_split_before_its_regions_are_looked_at(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", ((two_nuclei() > 0) * 255).astype(np.uint8))
    rows, columns = np.nonzero(two_nuclei() == 1)
    box = (int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
    write_regions(tmp_path / "masks" / "a.tif", [box])
    (field,) = find_fields(tmp_path)
    labels = load_field(field, split_binary=True)[1]
    np.testing.assert_array_equal(labels, mark_unknown(two_nuclei(), [box]))
    assert IGNORED in labels
