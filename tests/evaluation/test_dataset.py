from __future__ import annotations

import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import DataError, LabelError, UsageError
from nucseg_tf.evaluation.dataset import NO_GROUP, benchmark_fields, describe
from nucseg_tf.evaluation.summary import OVERALL


def write(root, *names, shape=(6, 8)):
    for name in names:
        for kind, dtype in (("images", np.uint8), ("masks", np.uint16)):
            path = root / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, np.eye(*shape, dtype=dtype))


def groups(fields):
    return {field.name: field.group for field in fields}


def test_folders_in_images_and_masks_are_groups(tmp_path):
    write(tmp_path, "HCT116/a.tif", "U2OS/a.tif", "U2OS/b.tif")
    found = groups(benchmark_fields(tmp_path))
    assert found == {"HCT116_a": "HCT116", "U2OS_a": "U2OS", "b": "U2OS"}


def test_without_groups_all_images_are_one(tmp_path):
    write(tmp_path, "a.tif", "b.tif")
    fields = benchmark_fields(tmp_path)
    assert groups(fields) == {"a": OVERALL, "b": OVERALL}
    first = describe(fields, (None, None))[0]
    assert (first["image"], first["height"], first["width"]) == ("a", 6, 8)


def test_a_table_names_groups(tmp_path):
    write(tmp_path, "a.tif", "X/b.tif")
    table = tmp_path / "groups.csv"
    table.write_text("image,group\na.tif,P\nb,Q\nother,R\n")
    assert groups(benchmark_fields(tmp_path, groups=table)) == {"a": "P", "b": "Q"}
    assert groups(benchmark_fields(tmp_path)) == {"a": NO_GROUP, "b": "X"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,group\na,P\n", "columns image, group"),
        ("image,group\na,P\na,Q\nb,P\n", "a more than once"),
        ("image,group\na,P\n", r"no group for b \(1 images\)"),
        ("image,group\na,P\nb,\n", "no group for b"),
        ("", "columns image, group"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, text, message):
    write(tmp_path, "a.tif", "b.tif")
    table = tmp_path / "groups.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=message):
        benchmark_fields(tmp_path, groups=table)


def test_a_split_must_be_chosen(tmp_path):
    write(tmp_path / "train", "a.tif")
    write(tmp_path / "val", "b.tif")
    with pytest.raises(UsageError, match="train, val: choose one with --split"):
        benchmark_fields(tmp_path)
    with pytest.raises(UsageError, match=r"--split: .* has train, val"):
        benchmark_fields(tmp_path, "test")
    assert list(groups(benchmark_fields(tmp_path, "val"))) == ["b"]
    assert list(groups(benchmark_fields(tmp_path / "val"))) == ["b"]


def test_files_that_do_not_fit_are_refused(tmp_path):
    write(tmp_path, "a.tif", "a.tiff")
    with pytest.raises(DataError, match=r"(?s)more than one mask.*a\.tif"):
        benchmark_fields(tmp_path)
    write(tmp_path / "second", "a.tif", "A.tif")
    with pytest.raises(DataError, match="share the name"):
        benchmark_fields(tmp_path / "second")
    (tmp_path / "second" / "masks" / "A.tif").unlink()
    with pytest.raises(DataError, match="has no mask"):
        benchmark_fields(tmp_path / "second")


@pytest.mark.parametrize("name", ["..", "../a", "b/a"])
def test_a_name_that_is_a_path_is_refused(tmp_path, name):
    write(tmp_path, "a.tif")
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"image,mask,name\nimages/a.tif,masks/a.tif,{name}\n")
    with pytest.raises(DataError, match="is a path"):
        benchmark_fields(manifest)


def test_masks_that_cannot_be_used_are_named(tmp_path):
    write(tmp_path, "a.tif")
    tifffile.imwrite(tmp_path / "masks" / "a.tif", np.full((6, 8), 0.5, np.float32))
    with pytest.raises(LabelError, match=r"masks/a\.tif"):
        describe(benchmark_fields(tmp_path), (None, None))
    tifffile.imwrite(tmp_path / "masks" / "a.tif", np.ones((8, 6), np.uint8))
    with pytest.raises(LabelError, match=r"\(8, 6\) differs from \(6, 8\)"):
        describe(benchmark_fields(tmp_path), (None, None))
