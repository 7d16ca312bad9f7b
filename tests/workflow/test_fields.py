"""The sample sheet, and the data sets of links that are made of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
from checks import DesignError
from fields import Field, named, read_sheet, with_validation, write_set, write_split

from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import write_regions
from nucseg_tf.io.labels import write_labels

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "samples.schema.yaml"
HEAD = "image,mask,group,split\n"


@pytest.fixture
def folder(tmp_path):
    for plate in "ab":
        for kind in ("images", "masks"):
            (tmp_path / plate / kind).mkdir(parents=True)
            for well in ("A01", "A02"):
                pixels = np.full((4, 5), ord(plate), np.uint16)
                write_labels(tmp_path / plate / kind / f"{well}.tif", pixels)
    return tmp_path


def sheet(folder, *rows) -> Path:
    (folder / "samples.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return folder / "samples.csv"


def row(plate, well="A01", split="test") -> str:
    return f"{plate}/images/{well}.tif,{plate}/masks/{well}.tif,{plate},{split}"


def test_rows_become_a_data_set_of_links(folder):
    fields = read_sheet(sheet(folder, row("a"), row("b"), row("b", "A02")), SCHEMA)
    write_split(folder / "out" / "test.csv", fields, folder / "log")
    found = find_fields(folder / "out" / "test.csv")
    assert [(field.name, field.group) for field in found] == [
        ("a_A01", "a"),  # two plates have a well of that name
        ("b_A01", "b"),
        ("A02", "b"),
    ]
    pixels, labels = load_field(found[1])
    assert pixels.max() == labels.max() == ord("b")
    assert (folder / "out" / "test" / "images" / "A02.tif").is_symlink()
    assert "3 fields" in (folder / "log").read_text()


def test_regions_that_are_finished_come_along(folder):
    fields = read_sheet(sheet(folder, row("a", split="train"), row("b", split="val")), SCHEMA)
    write_split(folder / "before.csv", fields, folder / "log")
    write_regions(fields[1].mask, [(0, 0, 2, 2)])
    write_split(folder / "after.csv", fields, folder / "log")
    assert [field.regions for field in find_fields(folder / "before.csv")] == [(), ()]
    assert [field.regions for field in find_fields(folder / "after.csv")] == [(), ((0, 0, 2, 2),)]
    hashes = [
        [line["sha256"] for line in csv.DictReader((folder / f"{name}.csv").open())]
        for name in ("before", "after")
    ]
    assert [one == other for one, other in zip(*hashes, strict=True)] == [True, False]


def test_links_of_an_earlier_sheet_go(folder):
    for rows in ([row("a"), row("b")], [row("b")]):
        write_split(folder / "test.csv", read_sheet(sheet(folder, *rows), SCHEMA), folder / "log")
    assert [link.name for link in (folder / "test" / "images").iterdir()] == ["A01.tif"]


def test_images_without_masks_are_apart(folder):
    fields = read_sheet(sheet(folder, row("a"), "b/images/A01.tif,,b,"), SCHEMA)
    assert [field.split for field in fields] == ["test", "unlabelled"]
    write_split(folder / "new.csv", fields[1:], folder / "log")
    assert not list((folder / "new" / "masks").iterdir())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "has no rows"),
        (["a/images/A01.tif,a/masks/A09.tif,a,test"], "line 2: mask "),
        (["a/images/A09.tif,a/masks/A01.tif,a,test"], "A09.tif: no such file"),
        (["a/images/A01.tif,,a,test"], "one without a mask none. Received: 'test'"),
        (["a/images/A01.tif,a/masks/A01.tif,a,"], "needs a split"),
        ([row("a"), "a/images/A02.tif,a/masks/A02.tif,,test"], "line 3: group"),
        (["a/images/A01.tif"], "more or fewer columns"),
        ([row("a"), row("a")], "is named twice in the split test"),
        ([row("a"), row("a", split="train")], "is in test and in train"),
        ([row("a").replace("a,test", "HeLa+,test")], "group: 'HeLa+': a cell line or plate"),
    ],
)
def test_slips_name_the_line(folder, rows, message):
    with pytest.raises(DesignError) as error:
        read_sheet(sheet(folder, *rows), SCHEMA)
    assert message in str(error.value)


def test_the_same_image_may_have_a_second_truth(folder):
    fields = read_sheet(sheet(folder, row("a"), row("a", split="manual")), SCHEMA)
    assert [field.split for field in fields] == ["test", "manual"]


def test_semicolons_are_named(folder):
    (folder / "samples.csv").write_text("image;mask;group;split\na;b;c;test\n")
    with pytest.raises(DesignError, match="separated by commas"):
        read_sheet(folder / "samples.csv", SCHEMA)


def test_an_unknown_column_is_named(folder):
    (folder / "samples.csv").write_text("image,mask,gruop,split\na,b,c,test\n")
    with pytest.raises(DesignError, match="unknown key 'gruop'; did you mean 'group'"):
        read_sheet(folder / "samples.csv", SCHEMA)


def drawn(split="train", **groups) -> list[Field]:
    return [
        Field(Path(f"{group}{n}.tif"), Path("m.tif"), group, split)
        for group, count in groups.items()
        for n in range(count)
    ]


def test_one_field_in_five_validates_and_never_the_only_one():
    fields = with_validation(drawn(many=11, few=2, one=1) + drawn("test", many=9))
    count = {g: sum(f.split == "val" and f.group == g for f in fields) for g in ("many", "few")}
    assert count == {"many": 2, "few": 1}
    assert [f.split for f in fields if f.group == "one"] == ["train"]
    assert sum(f.split == "test" for f in fields) == 9


def test_validation_of_the_sheet_is_kept_and_others_get_theirs():
    given = drawn(a=9) + drawn("val", a=1)
    assert with_validation(given) == given
    both = with_validation(given + drawn(b=5))
    assert sum(field.split == "val" for field in both if field.group == "b") == 1
    assert sum(field.split == "val" for field in both if field.group == "a") == 1


def test_what_people_left_among_the_links_stays(folder):
    fields = read_sheet(sheet(folder, "a/images/A01.tif,,a,"), SCHEMA)
    write_split(folder / "new.csv", fields, folder / "log")
    mask = folder / "new" / "masks" / "A01.tif"  # an annotator's
    mask.write_bytes(b"work of hours")
    write_split(folder / "new.csv", [], folder / "log")
    assert mask.read_bytes() == b"work of hours"
    assert not list((folder / "new" / "images").iterdir())


def test_a_manifest_changes_with_what_is_in_the_files(folder):
    fields = read_sheet(sheet(folder, row("a")), SCHEMA)
    write_split(folder / "test.csv", fields, folder / "log")
    before = (folder / "test.csv").read_text()
    write_split(folder / "test.csv", fields, folder / "log")
    assert (folder / "test.csv").read_text() == before
    (folder / "a" / "masks" / "A01.tif").write_bytes(b"corrected")
    write_split(folder / "test.csv", fields, folder / "log")
    assert (folder / "test.csv").read_text() != before


def test_splits_of_your_own_are_test_splits_to_nucseg(folder):
    fields = read_sheet(sheet(folder, row("a", split="manual")), SCHEMA)
    write_split(folder / "manual.csv", fields, folder / "log")
    assert [field.split for field in find_fields(folder / "manual.csv")] == ["test"]


def test_plates_of_one_cell_line_may_share_names_of_wells(folder):
    rows = [f"{plate}/images/A01.tif,{plate}/masks/A01.tif,HeLa,test" for plate in "ab"]
    (folder / "b" / "images").rename(folder / "b" / "pictures")
    fields = read_sheet(sheet(folder, rows[0], rows[1].replace("images", "pictures")), SCHEMA)
    assert list(named(fields)) == ["HeLa_images_A01", "HeLa_pictures_A01"]
    (folder / "b" / "pictures").rename(folder / "b" / "images")
    with pytest.raises(DesignError, match="is the name of another field"):
        named(read_sheet(sheet(folder, *rows), SCHEMA))


def test_a_training_set_takes_groups_and_so_many_fields(folder):
    fields = [
        Field(
            folder / plate / "images" / f"{well}.tif",
            folder / plate / "masks" / "A01.tif",
            plate,
            "train",
        )
        for plate in "ab"
        for well in ("A01", "A02")
    ]
    write_split(folder / "train.csv", fields, folder / "log")
    write_split(folder / "val.csv", [], folder / "log")
    sources = (folder / "train.csv", folder / "val.csv")
    write_set(folder / "sets" / "one.csv", sources, ["b"], 1, folder / "log")
    with (folder / "sets" / "one.csv").open() as file:
        rows = list(csv.DictReader(file))
    # The only field does both; nothing else could validate it.
    assert [(row["name"], row["split"]) for row in rows] == [("b_A01", "train"), ("b_A01", "val")]
    assert [field.split for field in find_fields(folder / "sets" / "one.csv")] == ["train", "val"]
    write_set(folder / "sets" / "all.csv", sources, "all", None, folder / "log")
    splits = [field.split for field in find_fields(folder / "sets" / "all.csv")]
    assert splits == ["train"] * 3 + ["val"]
    with pytest.raises(DesignError, match="'c'"):
        write_set(folder / "sets" / "c.csv", sources, ["c"], None, folder / "log")
