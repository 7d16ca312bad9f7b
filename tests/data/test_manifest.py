import numpy as np
import pytest
from reference.pairs import picture, save, two_nuclei
from reference.sets import labelme_file, svg_file

from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields, scan
from nucseg_tf.data.regions import mark_unknown, write_regions
from nucseg_tf.data.splits import split_fields
from nucseg_tf.data.validate import validate
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois


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
        ("c.tif", "has more than one mask: c.tif, c_masks.png; keep one"),
        ("d.png", "shares its name d with another image"),
        ("d.tif", "shares its name d with another image"),
        ("z.tif", "has no image of the same name"),
    ]


def test_nothing_usable(tmp_path):
    with pytest.raises(UsageError, match="no such folder or CSV manifest; expected DIR/"):
        find_fields(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no image with masks found; expected DIR/"):
        find_fields(tmp_path)
    with pytest.raises(DataError, match="no images found"):
        validate(tmp_path)
    save(tmp_path / "images" / "a.tif", picture())
    with pytest.raises(DataError, match=r"a\.tif: has no mask"):
        find_fields(tmp_path)


@pytest.mark.data
def test_data_science_bowl_subset(dsb2018):
    train, val = split_fields(find_fields(dsb2018), 0.1, seed=0)
    assert (len(train), len(val)) == (438, 51)
    pixels, labels = load_field(val[0])
    assert pixels.shape == labels.shape
    assert labels.max() > 0


def write_labels_of(kind, path, labels):
    """Labels as other programs leave them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "_seg.npy":
        np.save(path, {"masks": labels, "filename": "a"})
    elif kind == ".geojson":
        write_geojson(path, labels)
    elif kind in ("_rois.zip", ".zip"):
        write_imagej_rois(path, labels)
    elif kind in (".json", "_labelme.json"):
        labelme_file(path, labels)
    elif kind == ".svg":
        svg_file(path, labels)
    elif kind == ".npz":
        np.savez(path, labels=labels)
    elif kind in (".npy", "_masks.npy"):
        np.save(path, labels)
    else:
        save(path, labels)


OTHERS = (
    *("_cp_masks.png", "_cp_masks.tif", "_seg.npy", ".geojson", "_rois.zip", ".zip"),
    *("_labelme.json", ".json", ".svg", ".npz", ".npy", "_masks.npy"),
)


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
    for kind in (OTHERS[0], *OTHERS[2:]):
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


@pytest.mark.parametrize("flat", [True, False])
def test_files_that_may_be_anything_are_labels_where_an_image_has_their_name(tmp_path, flat):
    folders = [tmp_path / part if not flat else tmp_path for part in ("images", "masks")]
    save(folders[0] / "a.tif", picture())
    write_labels_of(".svg", folders[1] / "a_labels.svg", two_nuclei())
    for name in (
        "set.json",
        "notes.svg",
        "weights.npy",
        "b.npz",
        "a.regions.json",
        "a_labels.json",
    ):
        (folders[1] / name).write_text('{"boxes": [[0, 0, 2, 2]]}')
    (folders[1] / "a.regions.json").rename(folders[1] / "a_labels.regions.json")
    fields, problems = scan(tmp_path)
    assert summary(fields) == [("", "", "a", "a.tif", "a_labels.svg")]
    assert problems == []
    assert fields[0].regions == ((0, 0, 2, 2),)


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


def test_columns_that_are_called_something_else_are_left_alone(tmp_path):
    save(tmp_path / "images" / "a.tif", picture())
    save(tmp_path / "masks" / "a.tif", two_nuclei())
    columns = "image,mask,stage,frame,sample,page,magnification,size"
    (tmp_path / "m.csv").write_text(f"{columns}\nimages/a.tif,masks/a.tif,1,2,3,4,5,6\n")
    assert [field.name for field in find_fields(tmp_path / "m.csv")] == ["a"]


def test_an_image_in_two_splits_is_warned_of_unless_regions_share_it(tmp_path, caplog):
    for name in ("a", "b"):
        (tmp_path / f"{name}.tif").touch()
        (tmp_path / f"{name}_masks.tif").touch()
    rows = [
        "image,mask,split,regions",
        "a.tif,a_masks.tif,train,",
        "a.tif,a_masks.tif,val,",
        "b.tif,b_masks.tif,train,0:0:4:4",
        "b.tif,b_masks.tif,val,4:0:8:4",
    ]
    (tmp_path / "m.csv").write_text("\n".join(rows))
    splits = [(field.name, field.split) for field in find_fields(tmp_path / "m.csv")]
    assert splits == [(name, split) for name in "ab" for split in ("train", "val")]
    (said,) = caplog.messages
    assert "a.tif: is in the splits train and val" in said


@pytest.mark.parametrize("name", ["annotations.xml", "instances_default.json"])
def test_a_set_of_many_images_among_masks_is_told_how_to_come_in(tmp_path, name):
    for folder, files in (
        ("images", ["a.tif"]),
        ("masks", [name, ".hidden.json", "b.regions.json"]),
    ):
        (tmp_path / folder).mkdir()
        for file in files:
            (tmp_path / folder / file).touch()
    told = {problem.path.name: problem for problem in scan(tmp_path)[1]}
    assert "nucseg convert FILE DATA --to labels" in told[name].reason
    assert told[name].usable
    assert ".hidden.json" not in told
    (tmp_path / "masks" / "a.tif").touch()
    assert name not in {problem.path.name for problem in scan(tmp_path)[1]}
