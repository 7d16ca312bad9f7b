"""Arguments of every command: misspelt, contradictory, out of range, of what is not there."""

from __future__ import annotations

import json
from pathlib import Path

from reference.bad_input import masks
from reference.bad_input.case import Case, Draw
from reference.bad_input.images import png


def files(folder: Path) -> None:
    """A data set `data`, an image `a.png`, a folder `in` of one, a text `file`."""
    masks.field(folder / "data", "a")
    masks.field(folder / "data", "b")
    (folder / "in").mkdir()
    png(folder / "a.png")
    png(folder / "in" / "a.png")
    (folder / "file").write_text("x")


def wrong(what: str, argv: str, *says: str, code: int = 2, draw: Draw = files) -> Case:
    """A command that cannot be meant."""
    return Case(what, argv, code, says, draw)


NO_SUCH = "no such file or folder"
SPELLING = (
    wrong(
        "an unknown command",
        "predcit a.png --out out",
        "unknown command predcit; did you mean 'predict'?",
    ),
    wrong(
        "an unknown command of models",
        "models verfy",
        "unknown command verfy; did you mean 'verify'?",
    ),
    wrong(
        "an unknown command of loop",
        "loop trian in",
        "unknown command trian; did you mean 'train'?",
    ),
    wrong(
        "an unknown flag",
        "predict a.png --out out --chanel 0",
        "unknown flag --chanel; did you mean '--channel'?",
    ),
    wrong("a flag with one dash", "predict a.png -out out", "unknown flag -out"),
    wrong("a flag twice", "predict a.png --out out --out b", "--out is given more than once"),
    wrong("a flag without value", "predict a.png --out", "--out expects a value"),
    wrong("a flag missing", "predict a.png", "--out is missing"),
    wrong("no path", "predict --out out", "expected PATHS, found none"),
    wrong(
        "an empty path, as of a variable that is not set",
        "predict '' --out out",
        "an argument is empty: is a variable of the shell not set?",
    ),
    wrong(
        "a switch with its value apart",
        "predict a.png --out out --overlay true",
        "--overlay true: write --overlay=true",
    ),
    wrong(
        "an offset that nothing is corrected by",
        "predict a.png --out out --offset 100",
        "--offset: expected a grey value, beside --illumination",
    ),
    wrong(
        "pixels of a femtometre",
        "predict a.png --out out --pixel-size 1e-9",
        "--pixel-size: expected 0.0001 to 10000 µm. Received: 1e-09",
    ),
    wrong("a path too many", "evaluate in in in --out out", "unexpected argument 'in'"),
    wrong(
        "text for a number",
        "predict a.png --out out --tile big",
        "--tile: expected a whole number. Received: 'big'",
    ),
    wrong(
        "a fraction for a whole number",
        "predict a.png --out out --tta 1.5",
        "--tta: expected a whole number",
    ),
    wrong(
        "a value for a switch",
        "predict a.png --out out --invert=maybe",
        "--invert: expected true or false",
    ),
    wrong(
        "an unknown device",
        "predict a.png --out out --device tpu",
        "--device: expected auto or cpu or gpu",
    ),
    wrong(
        "an unknown engine",
        "predict a.png --out out --engine openvin",
        "--engine: there is no 'openvin'; did you mean 'openvino'?",
    ),
    wrong(
        "an unknown precision",
        "predict a.png --out out --precision f16",
        "--precision: expected auto or f32 or bf16",
    ),
    wrong(
        "an unknown table",
        "predict a.png --out out --table xlsx",
        "--table: expected csv or parquet",
    ),
    wrong(
        "an unknown cell line",
        "simulate --out out --cell-line U20S",
        "--cell-line: there is no 'U20S'; did you mean 'U2OS'?",
    ),
    wrong(
        "an unknown target of convert",
        "convert data out --to supervisly",
        "--to: there is no 'supervisly'; did you mean 'supervisely'?",
    ),
    wrong(
        "an unknown table of the paper",
        "compare in --table 9",
        "--table: there is no '9'; expected one of 1",
    ),
    wrong(
        "an unknown split",
        "benchmark --data data --out out --models fpn2ws-nuclei --split tset",
        "--split: data has no splits. Received: 'tset'",
    ),
    wrong(
        "an unknown model of a benchmark",
        "benchmark --data data --out out --models fpn2ws-nucli",
        "did you mean 'fpn2ws-nuclei'?",
    ),
    wrong(
        "unknown first weights",
        "train smoke --data data --out out --init nuclie",
        "no model 'nuclie', nor such a folder; did you mean 'nuclei'?",
    ),
    wrong(
        "an unknown configuration",
        "train smok --data data --out out",
        "smok: no such file or configuration; did you mean 'smoke'?",
    ),
    wrong(
        "an unknown method of prelabels",
        "prelabel in --method classicl",
        "did you mean 'classical'?",
    ),
)
VALUES = (
    wrong(
        "a channel that no image has",
        "predict in --out out --channel dapi",
        "in/a.png: --channel 'dapi' is unknown; this file has 0..0",
    ),
    wrong(
        "a plane that no image has",
        "predict in --out out --z 9",
        "in/a.png: --z 9 is out of range; this file has 0..0",
    ),
    wrong(
        "a time that no image has",
        "predict in --out out --t 3",
        "in/a.png: --t 3 is out of range; this file has 0..0",
    ),
    wrong(
        "times that no image has",
        "predict in --out out --t 2:5",
        "in/a.png: --t 2:5 is out of range; this file has 0..0",
    ),
    wrong(
        "a scene that no image has",
        "predict in --out out --scene B3",
        "in/a.png: has no scene 'B3'. It holds one image; leave --scene out",
    ),
    wrong(
        "a channel that no image has, for prelabels",
        "prelabel in --method classical --out out --channel dapi",
        "in/a.png: --channel 'dapi' is unknown",
    ),
    wrong("an unknown argument of doctor", "doctor now", "unexpected argument 'now'"),
    wrong("an argument too many for a list", "models list x", "unexpected argument 'x'"),
    Case(
        "an unknown model to prepare",
        "models prepare mask-rcnn",
        2,
        ("did you mean 'mask-rcnn-nuclei'?",),
        real=True,
    ),
    wrong(
        "an unknown model to verify", "models verify mask-rcnn", "did you mean 'mask-rcnn-nuclei'?"
    ),
    wrong(
        "an unknown model to export",
        "models export mask-rcnn x.zip",
        "did you mean 'mask-rcnn-nuclei'?",
    ),
    wrong(
        "a channel that no image has, to measure sizes",
        "diameter in --channel dapi",
        "in/a.png: --channel 'dapi' is unknown",
    ),
    wrong(
        "a channel that no image has, to validate",
        "validate data --channel dapi",
        "--channel 'dapi' is unknown",
        "All 2 images are like that.",
    ),
    wrong(
        "a channel that no image has, to train",
        "train smoke --data data --out out --channel dapi",
        "data.channel: Input should be",
    ),
    wrong(
        "a channel that no image has, to export",
        "convert data out --to coco --channel dapi",
        "--channel 'dapi' is unknown",
    ),
    wrong(
        "a plane below 0",
        "predict in --out out --z -1",
        "--z: expected an index from 0, max, mean, focus or each",
    ),
    wrong(
        "times the wrong way round",
        "predict in --out out --t 5:2",
        "--t: expected an index from 0, a range A:B",
    ),
    wrong(
        "a pixel size of 0",
        "predict in --out out --pixel-size 0",
        "--pixel-size: expected 0.0001 to 10000 µm. Received: 0.0",
    ),
    wrong(
        "a pixel size of NaN",
        "predict in --out out --pixel-size nan",
        "--pixel-size: expected 0.0001 to 10000 µm. Received: nan",
    ),
    wrong(
        "a diameter below 0",
        "predict in --out out --diameter -3",
        "--diameter: expected auto, native or a positive number",
    ),
    wrong("tiles too small", "predict in --out out --tile 3", "--tile"),
    wrong("nine symmetries", "predict in --out out --tta 9", "--tta"),
    wrong(
        "no workers",
        "predict in --out out --workers 0",
        "--workers: expected 1 or more. Received: 0",
    ),
    wrong("a shard of none", "predict in --out out --shard 5/4", "--shard"),
    wrong("a shard that is no fraction", "predict in --out out --shard two", "--shard"),
    wrong(
        "no fields",
        "simulate --out out --cell-line U2OS --fields 0",
        "--fields: expected 1 or more",
    ),
    wrong(
        "a size of no image",
        "simulate --out out --cell-line U2OS --size 1x1",
        "--size: sides must be 64 to 4096 px",
    ),
    wrong("a plate of no wells", "simulate --out out --plate 0x0", "--plate"),
    wrong(
        "9 bits",
        "augment smoke --data data --out s.h5 --bits 9",
        "--bits: expected 8 or 16. Received: 9",
    ),
    wrong("no ROIs", "augment smoke --data data --out s.h5 --rois 0", "--rois: expected 1 or more"),
    wrong(
        "nuclei below 0",
        "convert data out --to coco --nuclei -1",
        "--nuclei: expected 0 or more. Received: -1",
    ),
    wrong("a port that is none", "annotate in --port 99999", "--port"),
    wrong(
        "an upload below 0", "annotate in --max-upload -1", "--max-upload: expected 0 to 1000 GB"
    ),
    wrong("agreement of 9 views", "prelabel in --out out --agreement 9", "agreement"),
    wrong(
        "an unknown threshold",
        "prelabel in --method classical --out out --threshold otsi",
        "threshold",
    ),
)
TOGETHER = (
    wrong(
        "--link without a stack",
        "predict in --out out --link",
        "--link: joins the planes of stacks (--z each) or the frames of movies (--t each)",
    ),
    wrong("--shards without --dask", "predict in --out out --shards 3", "--shards: is for --dask"),
    wrong(
        "--resume with --requeue",
        "train smoke --data data --out out --resume --requeue",
        "--resume and --requeue: choose one of them",
    ),
    wrong(
        "neither --out nor --preview", "augment smoke --data data", "--out or --preview is missing"
    ),
    wrong(
        "planes and frames",
        "simulate --out out --cell-line U2OS --planes 2 --frames 2",
        "expected one of --planes and --frames",
    ),
    wrong(
        "wells without a plate",
        "simulate --out out --cell-line U2OS --wells 2",
        "--wells is of plates only; give --plate too",
    ),
    wrong(
        "--overwrite on the way out",
        "convert data out --to coco --overwrite",
        "--overwrite says nothing with --to coco; leave it away",
    ),
    wrong(
        "--tile with the classical method",
        "prelabel in --method classical --out out --tile 512",
        "--tile is of models",
    ),
    wrong("two results of which none is to be written", "merge in data", "--out is missing"),
    wrong("a benchmark of nothing", "benchmark --data data --out out", "--models"),
    wrong(
        "a benchmark of labels without a name",
        "benchmark --data data --out out --labels in",
        "--labels: expected NAME=FOLDER",
    ),
    wrong("a result given twice", "compare in in", "each once"),
    wrong("images of the same stem", "predict a.png in --out out", "have the same stem", "--out"),
)
PLACES = (
    wrong("an image that is not there", "predict none.tif --out out", f"none.tif: {NO_SUCH}"),
    wrong(
        "a folder without images",
        "predict data --out out",
        "data: no images",
        "its subfolders are not searched",
    ),
    wrong(
        "a text file as image",
        "predict file --out out",
        "file: unsupported format",
        "Export the image as TIFF",
        code=3,
    ),
    wrong(
        "a folder of results that is a file",
        "predict in --out file",
        "file: cannot write into this folder",
        code=1,
    ),
    wrong(
        "results below a file",
        "predict in --out file/out",
        "file/out: cannot write into this folder",
        code=1,
    ),
    wrong(
        "results below /proc",
        "predict in --out /proc/out",
        "/proc/out: cannot write into this folder",
        code=1,
    ),
    wrong(
        "prelabels into the images",
        "prelabel data --method classical --out data/images",
        "--out: expected a folder of its own",
    ),
    wrong(
        "prelabels over the masks",
        "prelabel data --method classical --out data/masks",
        "--out: expected a folder of its own",
    ),
    wrong("prelabels of a folder that is not there", "prelabel none", "none: no such folder"),
    wrong("a size of an image that is not there", "diameter none.tif", f"none.tif: {NO_SUCH}"),
    wrong(
        "data that are not there",
        "train smoke --data none --out out",
        "none: no such folder or CSV manifest",
    ),
    wrong(
        "data that are not there, to cut ROIs",
        "augment smoke --data none --out s.h5",
        "none: no such folder or CSV manifest",
    ),
    wrong(
        "data that are not there, to compare models",
        "benchmark --data none --out out --models fpn2ws-nuclei",
        "none: no such folder or CSV manifest",
    ),
    wrong(
        "a training to resume that is not there",
        "train smoke --data data --out out --resume",
        "--resume: out has no checkpoint, last.h5. Start without --resume.",
    ),
    wrong(
        "a store that is not there",
        "train smoke --data data --out out --store none.h5",
        "none.h5: no such file",
    ),
    wrong("a project that is not there", "annotate none", "none: no such folder"),
    wrong("a project without images", "annotate data/masks/x", "no such folder"),
    wrong("status of a project that is not there", "loop status none", "none: no such folder"),
    wrong("training a project that is not there", "loop train none", "none: no such folder"),
    wrong("labels for a project that is not there", "loop predict none", "none: no such folder"),
    wrong("stop of a project that is not there", "loop stop none", "none: no such folder"),
    Case(
        "training without accepted fields",
        "loop train in",
        2,
        ("in: no field is corrected yet. Correct one, and accept it",),
        files,
        (".training",),
    ),
    wrong("an export over what is there", "convert data in --to coco", "in: "),
    wrong(
        "an export of a folder that is not there",
        "convert none out --to coco",
        "none: no such folder",
    ),
    wrong(
        "labels from a project that is not there",
        "convert none data --to labels",
        f"none: {NO_SUCH}",
    ),
    wrong(
        "labels from a text file",
        "convert file data --to labels",
        "file: expected a folder, a .zip",
    ),
    wrong(
        "labels from a folder of other things",
        "convert in data --to labels",
        "in: has no nucseg_regions.json",
        "Give the one of the export: --regions",
    ),
    wrong("results that are not there, to compare", "compare none", "none", code=2),
    wrong(
        "labels that are not there, to compare",
        "benchmark --data data --out out --labels A=none",
        "none",
    ),
    wrong(
        "groups that are not there",
        "benchmark --data data --out out --models fpn2ws-nuclei --groups none.csv",
        "none.csv",
    ),
)


def _one_bad(folder: Path) -> None:
    """A folder `in` of a good image and a bad one, and a data set whose field c has no labels."""
    files(folder)
    (folder / "in" / "bad.tif").write_bytes(b"II*\0")
    masks.field(folder / "data", "c", mask=False)


def _part(folder: Path) -> None:
    """Results of a run of one image, which failed."""
    (folder / "part").mkdir()
    record = {"left_out": [], "columns": {"image": "O"}, "images": [], "options": {}}
    record |= {"failures": [{"image": "a.tif", "reason": "a.tif: damaged"}]}
    record |= {"seconds": {"total": 1.0}}
    (folder / "part" / "run.json").write_text(json.dumps(record))
    (folder / "part" / "objects.csv").write_text("image\n")


SOME = (
    wrong(
        "a bad image among those to predict",
        "predict in --out out",
        "in/bad.tif: damaged, cut short",
        "1 of 2 images failed, see out/failures.csv",
        code=3,
        draw=_one_bad,
    ),
    wrong(
        "a bad image among those to prelabel",
        "prelabel in --method classical --out out",
        "in/bad.tif: damaged, cut short",
        "1 of 2 images failed, see out/failures.csv",
        code=3,
        draw=_one_bad,
    ),
    wrong(
        "a bad image among those to measure",
        "diameter in",
        "in/bad.tif: damaged, cut short",
        "1 of 2 images failed",
        code=3,
        draw=_one_bad,
    ),
    wrong(
        "a field without labels among those to export",
        "convert data out --to coco",
        "left out: data/images/c.tif",
        "1 of 3 fields failed",
        code=3,
        draw=_one_bad,
    ),
    wrong(
        "a run to merge in which an image had failed",
        "merge part --out out",
        "1 of 1 images failed, see out/failures.csv",
        code=3,
        draw=_part,
    ),
    wrong(
        "a bad image among those to validate",
        "validate in",
        "in/bad.tif",
        "0 of 2 fields can be used",
        code=1,
        draw=_one_bad,
    ),
    wrong(
        "bad images alone",
        "predict in/bad.tif --out out",
        "in/bad.tif: damaged, cut short",
        "1 of 1 images failed, see out/failures.csv",
        code=3,
        draw=_one_bad,
    ),
)


def store(what: str, content: bytes | None, says: tuple[str, ...]) -> Case:
    """A ROI store to train from: bytes, or HDF5 of another version."""
    import h5py

    def draw(folder: Path) -> None:
        files(folder)
        if content is not None:
            (folder / "s.h5").write_bytes(content)
            return
        with h5py.File(folder / "s.h5", "w") as file:
            file.attrs["format"] = 99

    return Case(what, "train smoke --data data --out out --store s.h5", 1, ("s.h5", *says), draw)


STORES = (
    store(
        "a store of 0 bytes",
        b"",
        ("is no ROI store, or cut short", "Make it with `nucseg augment`"),
    ),
    store(
        "text for a store",
        b"no store" * 99,
        ("is no ROI store, or cut short", "Make it with `nucseg augment`"),
    ),
    store("a store of another version", None, ("format 99", "Make it anew with `nucseg augment`")),
)
GROUPS = {
    "Names": SPELLING,
    "Values": VALUES,
    "Together": TOGETHER,
    "Places": PLACES,
    "Some of several": SOME,
    "ROI stores: `nucseg train --store`": STORES,
}
