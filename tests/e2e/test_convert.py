"""`nucseg convert`: out to Supervisely and CVAT, corrected, and back."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from reference.awkward import awkward, many

from nucseg_tf.__main__ import main
from nucseg_tf.annotation.editor.message import Message
from nucseg_tf.annotation.editor.project import open_project
from nucseg_tf.annotation.editor.session import Session
from nucseg_tf.annotation.editor.store import Store
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.regions import read_regions, write_regions
from nucseg_tf.io.images import read_image
from nucseg_tf.io.labels import read_labels, write_labels

FIELDS = {
    "U2OS/a": many(230),
    "U2OS/empty": np.zeros((40, 50), np.int32),
    "HCT116/a": awkward(),  # the same stem in another group
}
SIDECAR = "nucseg_regions.json"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set: 16-bit images of 0.325 µm; one field has prelabels alone."""
    folder = tmp_path / "data"
    for key, labels in FIELDS.items():
        image = folder / "images" / f"{key}.tif"
        kind = folder / "prelabels" if key == "U2OS/a" else folder / "masks"
        mask = kind / f"{key}{'_labels' if key == 'U2OS/a' else ''}.tif"
        for path in (image, mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        resolution = (1e4 / 0.325, 1e4 / 0.325)
        tifffile.imwrite(
            image,
            (1000 + 200 * (labels > 0)).astype(np.uint16),
            resolution=resolution,
            resolutionunit="CENTIMETER",
        )
        write_labels(mask, labels)
    return folder


def convert(*arguments: object) -> int:
    return main(["convert", *map(str, arguments)])


def exported(data: Path, name: str = "project", *options: object, to: str = "supervisely") -> Path:
    project = data.parent / name
    assert convert(data, project, "--to", to, "--nuclei", 50, *options) == 0
    return project


def conflicts(folder: Path) -> list[dict[str, str]]:
    with (folder / "conflicts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def change(path: Path, edit) -> None:
    """Edit a JSON file in place."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


# --- round trips -----------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["supervisely", "coco"])
@pytest.mark.parametrize("shape", ["bitmap", "polygon"])
@pytest.mark.parametrize("name", ["project", "project.zip"])
def test_labels_come_back_exactly(to, shape, name, data, tmp_path, capsys):
    project = exported(data, name, "--shape", shape, to=to)
    out = tmp_path / "new" / "back"
    assert convert(project, out, "--to", "labels") == 0
    assert capsys.readouterr().out == f"{project}\n{out}\n"
    files = sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())
    assert files == sorted(["conflicts.csv", *(f"masks/{key}.tif" for key in FIELDS)])
    for key, labels in FIELDS.items():
        mask = out / "masks" / f"{key}.tif"
        assert np.array_equal(read_labels(mask), labels)
        assert tifffile.imread(mask).dtype == (np.uint32 if labels.max() > 65535 else np.uint16)
        assert read_image(mask).pixel_size == pytest.approx(0.325, rel=1e-3)
    assert conflicts(out) == []


def test_the_project_is_laid_out_as_supervisely_wants_it(data):
    project = exported(data)
    meta = json.loads((project / "meta.json").read_text())
    assert [c["title"] for c in meta["classes"]] == ["nucleus", "neighbour"]
    names = sorted(path.name for path in (project / "U2OS" / "img").iterdir())
    assert names == [f"U2OS_a_r{number}.png" for number in range(1, 6)] + ["empty_r1.png"]
    total = 0
    for name in names:
        content = json.loads((project / "U2OS" / "ann" / f"{name}.json").read_text())
        image = cv2.imread(str(project / "U2OS" / "img" / name), cv2.IMREAD_UNCHANGED)
        assert image.dtype == np.uint8
        assert image.shape == (content["size"]["height"], content["size"]["width"])
        if name != "empty_r1.png":
            assert (image.min(), image.max()) == (0, 255)
        total += sum(o["classTitle"] == "nucleus" for o in content["objects"])
    assert total == 230
    assert (project / "HCT116" / "img" / "HCT116_a_r1.png").is_file()


def test_the_export_is_laid_out_as_cvat_wants_it(data):
    project = exported(data, "export.zip", to="coco")
    with zipfile.ZipFile(project) as archive:
        content = json.loads(archive.read("annotations/instances_default.json"))
        names = {f"images/{image['file_name']}" for image in content["images"]}
        assert {*archive.namelist()} == names | {"annotations/instances_default.json", SIDECAR}
    assert len(names) == 7


def test_whole_fields_and_other_labels(data, tmp_path):
    folder = tmp_path / "other" / "U2OS"
    folder.mkdir(parents=True)
    write_labels(folder / "a_masks.tif", np.rot90(FIELDS["U2OS/a"]).copy())
    project = tmp_path / "project"
    assert convert(data, project, "--to", "coco", "--nuclei", 0, "--labels", folder.parent) == 3
    assert [path.name for path in (project / "images").iterdir()] == ["U2OS_a_r1.png"]
    assert convert(project, tmp_path / "back", "--to", "labels") == 0
    back = read_labels(tmp_path / "back" / "masks" / "U2OS" / "a.tif")
    assert np.array_equal(back, np.rot90(FIELDS["U2OS/a"]))


def test_a_flat_folder(tmp_path):
    labels = many(9)
    tifffile.imwrite(tmp_path / "a.tif", labels.astype(np.uint16))
    write_labels(tmp_path / "a_masks.tif", labels)
    project = tmp_path / "out" / "project"
    assert convert(tmp_path, project, "--to", "supervisely") == 0
    assert convert(project, tmp_path / "back", "--to", "labels") == 0
    assert np.array_equal(read_labels(tmp_path / "back" / "masks" / "a.tif"), labels)


def test_images_of_regions_have_names_of_their_own(tmp_path):
    labels = many(4)
    for name in ("a/b", "c/b", "a_b"):
        for kind in ("images", "masks"):
            (tmp_path / kind / name).parent.mkdir(parents=True, exist_ok=True)
            write_labels(tmp_path / kind / f"{name}.tif", labels)
    project = tmp_path / "out" / "project"
    assert convert(tmp_path, project, "--to", "coco") == 0
    names = sorted(path.name for path in (project / "images").iterdir())
    assert names == ["a_b-2_r1.png", "a_b_r1.png", "c_b_r1.png"]
    assert convert(project, tmp_path / "back", "--to", "labels") == 0
    assert len(list((tmp_path / "back").rglob("*.tif"))) == 3


def test_corrections_come_back(data, tmp_path, capsys):
    project = exported(data)
    paths = sorted((project / "U2OS" / "ann").glob("U2OS_a_r*.json"))
    gone = []

    def delete(content):
        index = next(i for i, o in enumerate(content["objects"]) if o["classTitle"] == "nucleus")
        gone.append(content["objects"].pop(index)["tags"][0]["value"])

    def add_twice(content):
        ring = [[0, 0], [3, 0], [3, 3], [0, 3]]  # upon what is there
        content["objects"].append(
            {"classTitle": "nucleus", "geometryType": "polygon", "points": {"exterior": ring}}
        )

    change(paths[0], delete)
    change(paths[4], add_twice)
    assert convert(project, data, "--to", "labels") == 2  # two masks are there
    assert "add --overwrite" in capsys.readouterr().err
    assert convert(project, data, "--to", "labels", "--overwrite") == 0
    printed = capsys.readouterr().err
    assert "1 deleted" in printed
    assert "conflicts, see" in printed
    back = read_labels(data / "masks" / "U2OS" / "a.tif")
    assert gone[0] not in back
    assert len(conflicts(data)) >= 1
    assert conflicts(data)[0].keys() == {
        "image", "region", "labels", "pixels", "problem", "decision",
    }  # fmt: skip
    assert {row["image"] for row in conflicts(data)} == {"U2OS/a"}
    assert np.array_equal(read_labels(data / "masks" / "HCT116" / "a.tif"), FIELDS["HCT116/a"])


def test_masks_of_other_names_are_replaced(data, tmp_path):
    project = exported(data)
    mask = data / "masks" / "HCT116" / "a.tif"
    mask.rename(mask.with_name("a_masks.tif"))
    assert convert(project, data, "--to", "labels", "--overwrite") == 0
    assert [path.name for path in mask.parent.iterdir()] == ["a.tif"]


def test_what_the_tools_make_of_a_project_is_read(data, tmp_path):
    """Under another folder, ids beside the objects, without the tags and without our file."""
    project = exported(data)
    keep = shutil.copy(project / SIDECAR, tmp_path)
    (project / SIDECAR).unlink()
    for path in project.rglob("*.png.json"):
        change(
            path, lambda content: [o.update(id=5, classId=7, tags=[]) for o in content["objects"]]
        )
    archive = shutil.make_archive(str(tmp_path / "download"), "tar", tmp_path, "project")
    out = tmp_path / "back"
    assert convert(archive, out, "--to", "labels") == 2
    assert convert(archive, out, "--to", "labels", "--regions", keep) == 0
    for key, labels in FIELDS.items():
        assert np.array_equal(read_labels(out / "masks" / f"{key}.tif"), labels)
    assert conflicts(out) == []


# --- failures --------------------------------------------------------------------------------


def test_a_field_with_missing_regions_fails_unless_partial(data, tmp_path, capsys):
    project = exported(data)
    (project / "U2OS" / "ann" / "U2OS_a_r3.png.json").unlink()
    out = tmp_path / "back"
    assert convert(project, out, "--to", "labels") == 3
    printed = capsys.readouterr()
    assert printed.out.endswith(f"{out}\n")
    assert "1 of 3 fields failed, see" in printed.err
    text = (out / "failures.csv").read_text()
    assert "U2OS/a" in text
    assert "1 of 5 regions did not come back: U2OS_a_r3.png" in text
    assert not (out / "masks" / "U2OS" / "a.tif").exists()
    assert (out / "masks" / "U2OS" / "empty.tif").is_file()
    assert convert(project, out, "--to", "labels", "--partial", "--overwrite") == 0
    assert np.array_equal(read_labels(out / "masks" / "U2OS" / "a.tif"), FIELDS["U2OS/a"])
    assert not (out / "failures.csv").exists()


def test_damaged_annotations_fail_one_field_each(data, tmp_path, capsys):
    project = exported(data)
    (project / "HCT116" / "ann" / "HCT116_a_r1.png.json").write_text("{")
    shutil.copytree(project / "U2OS", project / "copy")
    for path in (project / "copy" / "ann").glob("U2OS_a_r[2-5]*"):
        path.unlink()
    (project / "copy" / "ann" / "empty_r1.png.json").unlink()
    (project / "copy" / "ann" / "stranger.png.json").write_text("{}")
    assert convert(project, tmp_path / "back", "--to", "labels") == 3
    text = (tmp_path / "back" / "failures.csv").read_text()
    assert "HCT116_a_r1.png.json: is no JSON" in text
    assert "U2OS_a_r1.png came back twice" in text
    assert "stranger.png is no region of this export" in capsys.readouterr().err


def test_fields_that_cannot_be_exported_are_named(data, tmp_path, capsys):
    (data / "masks" / "HCT116" / "a.tif").unlink()
    write_labels(data / "masks" / "U2OS" / "empty.tif", np.zeros((9, 9), np.int32))
    assert convert(data, tmp_path / "project", "--to", "supervisely") == 3
    printed = capsys.readouterr().err
    assert "a.tif: has no labels in masks or prelabels" in printed
    assert "shape (9, 9) differs from (40, 50)" in printed
    assert convert(tmp_path / "project", tmp_path / "back", "--to", "labels") == 0
    assert len(list((tmp_path / "back").rglob("*.tif"))) == 1


def test_nothing_to_export_leaves_nothing(data, tmp_path, capsys):
    shutil.rmtree(data / "masks")
    shutil.rmtree(data / "prelabels")
    before = sorted(tmp_path.rglob("*"))
    assert convert(data, tmp_path / "project", "--to", "supervisely") == 1
    assert "nothing to export" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "voc"], "--to: there is no 'voc'; expected one of supervisely, coco, labels"),
        (
            ["--to", "coco", "--shape", "box"],
            "--shape: there is no 'box'; expected one of bitmap, polygon",
        ),
        (["--to", "coco", "--nuclei", "-1"], "--nuclei: expected 0 or more"),
        (["--to", "coco", "--labels", "nowhere"], "--labels: nowhere: no such folder"),
        (["--to", "labels", "--regions", "nowhere"], "--regions: nowhere: no such file"),
        (["--to", "coco", "--partial"], "--partial says nothing with --to coco"),
        (["--to", "labels", "--labels", "x"], "--labels says nothing with --to labels"),
        ([], "--to is missing"),
    ],
)
def test_wrong_usage(options, message, data, tmp_path, capsys):
    assert convert(data, tmp_path / "out", *options) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_export_never_overwrites(data, capsys):
    project = exported(data)
    assert convert(data, project, "--to", "coco") == 2
    assert "exists already; choose another name" in capsys.readouterr().err


def test_a_folder_of_something_else(data, tmp_path, capsys):
    project = exported(data)
    keep = shutil.copy(project / SIDECAR, tmp_path)
    assert convert(data, tmp_path / "out", "--to", "labels", "--regions", keep) == 1
    assert "is no project of Supervisely" in capsys.readouterr().err


def first(content: dict) -> dict:
    return content["fields"][0]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: first(c).update(group="../../etc"), "no plain name"),
        (lambda c: first(c).update(group="/etc"), "no plain name"),
        (lambda c: first(c).update(stem="a\\b"), "no plain name"),
        (lambda c: first(c).update(stem=".hidden"), "no plain name"),
        (lambda c: first(c).update(stem=""), "stem"),
        (lambda c: first(c).update(height=10**6), "height"),
        (lambda c: first(c).update(height=10**5, width=10**5), "more than 268,435,456"),
        (lambda c: first(c).update(pixel_size=-1), "pixel_size"),
        (lambda c: first(c)["regions"][0].update(box=[0, 0, 99, 99]), "beyond the field"),
        (lambda c: first(c)["regions"][0].update(cell=[5, 0, 3, 9]), "beyond the field"),
        (lambda c: c["fields"].append(first(c)), "is there twice"),
        (lambda c: c.update(format=2), "format"),
    ],
)
def test_a_damaged_or_hostile_sidecar_is_refused(edit, message, data, tmp_path, capsys):
    project = exported(data)
    change(project / SIDECAR, edit)
    before = sorted(tmp_path.rglob("*"))
    assert convert(project, tmp_path / "back", "--to", "labels") == 1
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: first(c).update(height=13), "runs must fill"),
        (lambda c: first(c).update(labels="x"), "labels are damaged"),
        (lambda c: first(c).update(labels=first(c)["labels"][:-8]), "cut short"),
        (lambda c: first(c)["regions"][0]["nuclei"].pop(), "exactly one region"),
        (lambda c: first(c)["regions"][0]["nuclei"].append(5), "exactly one region"),
    ],
)
def test_labels_damaged_in_the_sidecar_fail_their_field(edit, message, data, tmp_path, capsys):
    project = exported(data)
    change(project / SIDECAR, edit)
    assert convert(project, tmp_path / "back", "--to", "labels") == 3
    assert message in capsys.readouterr().err
    assert len(list((tmp_path / "back").rglob("*.tif"))) == 2


def test_a_hostile_archive_writes_nothing(data, tmp_path, capsys):
    project = exported(data, "project.zip")
    with zipfile.ZipFile(project, "a") as archive:
        archive.writestr("../../evil.json", "{}")
    before = sorted(tmp_path.rglob("*"))
    assert convert(project, tmp_path / "back", "--to", "labels") == 1
    assert "'../../evil.json' leads out of its folder" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_masks_that_are_replaced_are_kept(data):
    project = exported(data)
    mask = data / "masks" / "HCT116" / "a.tif"
    corrected = np.full_like(FIELDS["HCT116/a"], 7)
    write_labels(mask, corrected)
    write_labels(mask.with_name("a_masks.tif"), corrected + 1)
    for _ in range(2):
        assert convert(project, data, "--to", "labels", "--overwrite") == 0
    kept = data / "annotation" / "HCT116" / "a" / "earlier_masks"
    assert sorted(path.name for path in kept.iterdir()) == ["a-1.tif", "a.tif", "a_masks.tif"]
    assert np.array_equal(read_labels(kept / "a.tif"), corrected)
    assert np.array_equal(read_labels(kept / "a_masks.tif"), corrected + 1)
    assert np.array_equal(read_labels(mask), FIELDS["HCT116/a"])


def test_regions_that_are_finished_stay_with_the_mask(data, capsys):
    mask = data / "masks" / "HCT116" / "a.tif"
    old = mask.rename(mask.with_name("a_masks.tif"))
    write_regions(old, [(0, 0, 9, 9)])
    project = exported(data)
    assert "a_masks.tif: only some regions of it are finished" in capsys.readouterr().err
    assert convert(project, data, "--to", "labels", "--overwrite") == 0
    assert "only its regions in a.regions.json are finished" in capsys.readouterr().err
    assert sorted(path.name for path in mask.parent.iterdir()) == ["a.regions.json", "a.tif"]
    assert read_regions(mask) == ((0, 0, 9, 9),)


def test_a_flat_folder_gets_its_masks_beside_the_images(tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    labels = awkward()
    tifffile.imwrite(flat / "a.tif", (1000 + 200 * (labels > 0)).astype(np.uint16))
    write_labels(flat / "a_labels.tif", labels)
    project = exported(flat)
    assert convert(project, flat, "--to", "labels") == 2, "a_labels.tif is of the same image"
    assert convert(project, flat, "--to", "labels", "--overwrite") == 0
    assert np.array_equal(read_labels(flat / "a_masks.tif"), labels)
    assert not (flat / "a_labels.tif").exists()
    assert tifffile.imread(flat / "a.tif").max() == 1200
    assert not (flat / "masks").exists()
    assert [field.masks[0].name for field in find_fields(flat)] == ["a_masks.tif"]


def test_an_export_without_edits_that_are_not_accepted_says_so(data, capsys):
    field = open_project(data).fields["HCT116/a"]
    session = Session(Store(field, FIELDS["HCT116/a"].shape))
    label = int(FIELDS["HCT116/a"].max())
    session.edit(Message(id="edit-0001", revision=0, tool="delete", labels=[label]), "anna")
    exported(data)
    printed = capsys.readouterr().err
    assert "a.tif: has edits in `nucseg annotate` that are not accepted" in " ".join(
        printed.split()
    )
    assert "U2OS" not in printed.split("has edits")[0].splitlines()[-1]
    session.accept("anna", None)
    exported(data, "again")
    assert "has edits" not in capsys.readouterr().err


def test_dark_nuclei_are_shown_bright(data, tmp_path):
    plain = exported(data)
    for file in data.glob("images/**/*.*"):
        tifffile.imwrite(file, np.invert(read_image(file).pixels))
    dark = exported(data, "dark", "--invert")
    pictures = sorted(path.relative_to(plain) for path in plain.rglob("*.png"))
    assert pictures
    for name in pictures:
        assert (plain / name).read_bytes() == (dark / name).read_bytes()
