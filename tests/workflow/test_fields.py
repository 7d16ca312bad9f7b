"""The sample sheet, and the data sets of links that are made of it."""

import csv
from pathlib import Path

import numpy as np
import pytest
from checks import DesignError
from fields import Field, read_sheet, with_validation, write_set, write_split

from nucseg_tf.data.manifest import find_fields, load_field
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
    ],
)
def test_slips_name_the_line(folder, rows, message):
    with pytest.raises(DesignError) as error:
        read_sheet(sheet(folder, *rows), SCHEMA)
    assert message in str(error.value)


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


def test_validation_of_the_sheet_is_kept():
    given = drawn(a=9) + drawn("val", a=1)
    assert with_validation(given) == given


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
    assert [(row["name"], row["group"], row["split"]) for row in rows] == [("b_A01", "b", "train")]
    assert len(find_fields(folder / "sets" / "one.csv")) == 1
    write_set(folder / "sets" / "all.csv", sources, "all", None, folder / "log")
    assert len(find_fields(folder / "sets" / "all.csv")) == 4
    with pytest.raises(DesignError, match="'c'"):
        write_set(folder / "sets" / "c.csv", sources, ["c"], None, folder / "log")
