"""What of a prediction is varied, for each family of models."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from nucseg_tf.imaging import scratch
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.segmenter import Segmenter, load_model
from nucseg_tf.inference.stages import decode
from nucseg_tf.inference.stages.values import Predicted
from nucseg_tf.io.images import images_in, read_image
from nucseg_tf.io.labels import read_labels, write_labels

from .compare import Count, compare_files, compare_labels, join
from .process import ONE_CORE, ONE_THREAD, lines_in, nucseg, stopped
from .rows import Row

MODELS = ("fpn2ws-nuclei", "mask-rcnn-nuclei", "jacobkie-nuclei")
WHOLE = 4096  # px, of a tile that no image here fills
TILES = (1024, 768, 512, 320)  # px
SHARDS = 3
Check = tuple[str, Callable[[], Row]]


def prepare(data: Path, work: Path) -> None:
    """Copy small fields, and make large ones of four each: work/images and work/large."""
    if (work / "large" / "1.png").is_file():
        return
    fields = [(read_image(file).pixels, file) for file in images_in(data / "val" / "images")]
    small = [file for pixels, file in fields if pixels.size < 100_000][:4]
    middle = [(pixels, file) for pixels, file in fields if pixels.size > 300_000][:8]
    for folder in ("images", "large"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for file in (*small, *(file for _, file in middle[:2])):
        shutil.copyfile(file, work / "images" / file.name)
    for number in range(2):
        four = [pixels[:512, :640] for pixels, _ in middle[4 * number : 4 * number + 4]]
        mosaic = np.block([four[:2], four[2:]])
        cv2.imwrite(str(work / "large" / f"{number}.png"), mosaic)


class Prediction:
    """The variations of one model.

    Args:
        model: its name.
        work: folder with images/ and large/; results go there, too.
    """

    def __init__(self, model: str, work: Path):
        self.model, self.work = model, work / model
        self.images = images_in(work / "images")
        self.large = images_in(work / "large")
        self.work.mkdir(exist_ok=True)

    def checks(self) -> Iterator[Check]:
        """Name and function of each."""
        yield "again", self.again
        yield "threads", self.threads
        yield "workers", self.workers
        yield "order", self.order
        yield "alone", self.alone
        yield "shards", self.shards
        yield "resumed", self.resumed
        yield "zarr", self.zarr
        yield "pieces", self.pieces
        yield "engines", self.engines
        yield "whole", lambda: self.tiles(WHOLE)
        for tile in TILES:
            yield f"tile{tile}", lambda tile=tile: self.tiles(tile)

    def again(self) -> Row:
        again = self._predict("again", PYTHONHASHSEED="1")
        return compare_files(self._base(), again, "another process, another PYTHONHASHSEED")

    def threads(self) -> Row:
        one = self._predict("one_core", before=ONE_CORE, **ONE_THREAD)
        return compare_files(self._base(), one, "one core, one thread")

    def workers(self) -> Row:
        folders = [self._predict(f"workers{n}", "--workers", n) for n in (1, 4)]
        rows = [compare_files(self._base(), folder, "") for folder in folders]
        return join("`--workers` 1 and 4, instead of 2", rows)

    def order(self) -> Row:
        back = self._predict("back", images=self.images[::-1])
        labels = self._files(self._base(), back, "files in another order on the command line")
        rows = [sorted((f / "objects.csv").read_text().splitlines()) for f in (self._base(), back)]
        table = Row("", "rows of objects.csv", "none" if rows[0] == rows[1] else "some rows")
        return join(labels.varied, [labels, table])

    def alone(self) -> Row:
        together = self.work / "alone"
        for image in self.images:
            alone = self._predict(f"alone_{image.stem}", images=[image])
            together.mkdir(exist_ok=True)
            name = f"{image.stem}_labels.tif"
            shutil.copyfile(alone / name, together / name)
        return self._files(self._base(), together, "each image in a run of its own")

    def shards(self) -> Row:
        for number in range(1, SHARDS + 1):
            self._predict("shards", "--shard", f"{number}/{SHARDS}")
        nucseg("merge", self.work / "shards")
        for left in (self.work / "shards").glob("*of*"):
            left.unlink()
        varied = f"`--shard` 1/{SHARDS} to {SHARDS}/{SHARDS} and `nucseg merge`"
        return compare_files(self._base(), self.work / "shards", varied)

    def resumed(self) -> Row:
        out = self.work / "resumed"
        shutil.rmtree(out, ignore_errors=True)
        command = self._command(out, "--workers", 1)
        if not stopped(*command, when=lambda: lines_in(out / ".run.jsonl") > 2):
            raise SystemExit(f"{out}: ended before it could be stopped")
        nucseg(*command)
        return compare_files(
            self._base(), out, "stopped by SIGTERM after some images, and gone on with"
        )

    def zarr(self) -> Row:
        import zarr

        from nucseg_tf.io.omezarr.write_image import write_image

        folder, out = self.work / "zarr_images", self.work / "zarr"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        out.mkdir(exist_ok=True)
        for image in self.images:
            write_image(folder / f"{image.stem}.zarr", read_image(image).pixels)
        self._predict("zarr_tables", images=[folder])
        for image in self.images:
            level = zarr.open_array(folder / f"{image.stem}.zarr" / "labels" / "nuclei" / "0")
            write_labels(out / f"{image.stem}_labels.tif", np.asarray(level[:]))
        return self._files(self._base(), out, "labels in OME-Zarr instead of TIFF")

    def pieces(self) -> Row:
        """The same image in memory and whole, or in temporary files and in blocks."""
        count, segmenter = Count(), self._segmenter()
        for image in self.large:
            pixels = read_image(image).pixels
            whole = segmenter.predict(pixels)
            before = scratch.SMALL, decode.Decode.__init__.__defaults__
            scratch.SMALL, decode.Decode.__init__.__defaults__ = 1000, (None, 400)
            try:
                count.add(whole, np.array(segmenter.predict(pixels)))
            finally:
                scratch.SMALL, decode.Decode.__init__.__defaults__ = before
        return count.row("in temporary files and in blocks of 400 px, instead of whole")

    def engines(self) -> Row:
        keras = self._predict("keras", "--engine", "keras", engine=())
        stems = [image.stem for image in self.images]
        varied = "`--engine keras` instead of openvino, both f32"
        return compare_labels(self._base(), keras, varied, stems)

    def tiles(self, tile: int) -> Row:
        """Large images in other tiles."""
        count, segmenter, largest = Count(), self._loaded, 0.0
        for image, usual in zip(self.large, self._usual, strict=True):
            other = segmenter.predict_raw(read_image(image).pixels, Options(tile=tile))
            count.add(*(segmenter.decode(each).labels for each in (usual, other)))
            pairs = zip(_maps(usual), _maps(other), strict=True)
            largest = max([largest, *(float(np.abs(a - b).max()) for a, b in pairs)])
        text = f"{largest:.2g} of the maps" if largest else ""
        varied = "the image whole" if tile == WHOLE else f"`--tile {tile}`"
        return count.row(f"{varied} instead of tiles of {segmenter.family.tile} px", text)

    @cached_property
    def _loaded(self) -> Segmenter:
        return self._segmenter()

    @cached_property
    def _usual(self) -> list[Predicted]:
        """What the network gives of the large images in the usual tiles."""
        pixels = (read_image(image).pixels for image in self.large)
        return [self._loaded.predict_raw(each, Options()) for each in pixels]

    def _base(self) -> Path:
        return self._predict("base", "--workers", 2)

    def _command(self, out: Path, *flags: object, images=None, engine=("openvino",)) -> list:
        chosen = ("--engine", *engine) if engine else ()
        files = self.images if images is None else images
        command = ["predict", *files, "--out", out, "--model", self.model]
        return [*command, "--precision", "f32", *chosen, *flags]

    def _predict(
        self, name: str, *flags: object, images=None, engine=("openvino",), before=(), **environment
    ) -> Path:
        """Results of a run, which is done once; shards of one share a folder."""
        out = self.work / name
        shard = f"-{str(flags[1]).replace('/', 'of')}" if "--shard" in flags else ""
        if not (out / f"run{shard}.json").is_file():
            command = self._command(out, *flags, images=images, engine=engine)
            nucseg(*command, before=before, **environment)
        return out

    def _files(self, one: Path, two: Path, varied: str) -> Row:
        """Label images of two folders, pixel by pixel, their numbers included."""
        pairs = [
            [read_labels(folder / f"{image.stem}_labels.tif") for folder in (one, two)]
            for image in self.images
        ]
        other = sum(not np.array_equal(*pair) for pair in pairs)
        nuclei = sum(int(first.max()) for first, _ in pairs)
        compared = f"{len(pairs)} label images, {nuclei} nuclei"
        return Row(varied, compared, f"{other} images" if other else "none")

    def _segmenter(self) -> Segmenter:
        return load_model(self.model, engine="openvino", precision="f32")


def _maps(predicted: Predicted) -> list[np.ndarray]:
    """The maps of all zooms and views; none of Mask R-CNN, which gives boxes."""
    raw: Any = [level.data for level in predicted.levels]
    flat = [view for each in raw for view in (each if isinstance(each, list) else [each])]
    maps = [getattr(each, "maps", each) for each in flat]
    return [each for each in maps if isinstance(each, np.ndarray)]


def checks(work: Path, model: str) -> Iterator[Check]:
    """All of a model, with names of their own."""
    for name, check in Prediction(model, work).checks():
        yield f"{model}-{name}", check
