"""From an image to its nuclei, and from files to result files."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from nucseg_tf.config import Decode, Detect, Positions
from nucseg_tf.errors import ImageReadError, NucsegError, UsageError
from nucseg_tf.inference.engines import ENGINES, Engine
from nucseg_tf.inference.measure import measure
from nucseg_tf.inference.tiling import resize
from nucseg_tf.io.files import atomic_path, ensure_folder
from nucseg_tf.io.images import check_finite, list_images, read_image
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.normalise import normalise
from nucseg_tf.io.writers.geojson import write_geojson
from nucseg_tf.io.writers.imagej import write_imagej_rois
from nucseg_tf.io.writers.overlay import write_overlay
from nucseg_tf.models import zoo
from nucseg_tf.types import Image, Instances

LOG = logging.getLogger(__name__)
ZOOM_LIMITS = (1 / 8, 8.0)  # beyond these, --diameter or --pixel-size is surely a slip


@dataclass(frozen=True)
class Options:
    """What `predict_files` reads and writes besides label images."""

    channel: int | str | None = None
    z: int | str | None = None
    pixel_size: float | None = None
    diameter: float | None = None
    tile: int | None = None
    tta: int = 1
    overlay: bool = False
    rois: bool = False
    geojson: bool = False


class Segmenter:
    """A loaded model, ready to find nuclei in arrays.

    Args:
        model: network, normalisation and thresholds.
    """

    def __init__(self, model: zoo.LoadedModel):
        self.model = model
        self.info = model.info
        self.engine: Engine = ENGINES[model.info.architecture.family](model.network)

    @property
    def settings(self) -> Decode | Detect | Positions:
        """The thresholds of the model."""
        return getattr(self.info, self.engine.section)

    def predict(self, image: np.ndarray, **options: Any) -> np.ndarray:
        """Label image of the nuclei; see `predict_instances` for arguments and errors.

        Returns:
            (H, W) int32: 0 background, 1..N.
        """
        return self.predict_instances(image, **options).labels

    def predict_instances(
        self,
        image: np.ndarray,
        *,
        pixel_size: float | None = None,
        diameter: float | None = None,
        tile: int | None = None,
        tta: int = 1,
    ) -> Instances:
        """Find the nuclei of one image.

        Args:
            image: (H, W) or (H, W, 1), integer or float, any size from 1 x 1 up.
            pixel_size: µm; rescales to the model's pixel size, if it has one.
            diameter: typical nucleus, px; rescales to the model's. Goes before `pixel_size`.
            tile: side of the tiles in which large images are predicted, px; the family's usual one
                without.
            tta: test-time augmentation; how many of the square's eight symmetries the maps are
                averaged over, or vote on detections, 1 (none) to 8. Takes that many times as long.

        Returns:
            Label image and scores.

        Raises:
            ImageReadError: if the array has another shape or type, or values that are not finite.
            UsageError: if tile, pixel size, diameter or tta make no sense.
        """
        image = _checked(image)
        raw = self.predict_raw(image, Options(None, None, pixel_size, diameter, tile, tta))
        return self.decode(raw, image.shape)

    def predict_raw(self, image: np.ndarray, options: Options, settings: Any = None) -> Any:
        """What the network gives of one image before decoding; see `inference.engines`.

        Args:
            image: (H, W).
            options: scale, tile and tta.
            settings: thresholds other than the model's.
        """
        self.check(options)
        zoom = self.zoom(options.pixel_size, options.diameter)
        scaled = normalise(image, self.info.normalisation.low, self.info.normalisation.high)
        if not scaled.any():  # a constant image: nothing to see
            return self.engine.empty(image.shape)
        tile = options.tile or self.engine.tile
        raw = self.engine.run(resize(scaled, zoom), tile, options.tta, settings or self.settings)
        return raw if zoom == 1 else self.engine.rescale(raw, image.shape, zoom)

    def decode(self, raw: Any, shape: tuple[int, int], settings: Any = None) -> Instances:
        """The nuclei of an image (H, W), by the model's thresholds or others."""
        return self.engine.decode(raw, shape, settings or self.settings)

    def check(self, options: Options) -> None:
        """Refuse options that make no sense for any image.

        Raises:
            UsageError: naming the option, what is expected and what came.
        """
        if options.tile is not None:
            self.engine.check_tile(options.tile)
        if not 1 <= options.tta <= 8:
            raise UsageError(f"--tta: expected 1 to 8 symmetries. Received: {options.tta}.")
        self.zoom(options.pixel_size, options.diameter)

    def zoom(self, pixel_size: float | None, diameter: float | None) -> float:
        """The factor that brings an image to the scale that the model was trained at.

        Raises:
            UsageError: if it is no positive number, or beyond `ZOOM_LIMITS`.
        """
        for name, value in (("--pixel-size", pixel_size), ("--diameter", diameter)):
            if value is not None and not (np.isfinite(value) and value > 0):
                raise UsageError(f"{name}: expected a positive number. Received: {value}.")
        factor = 1.0
        if diameter is not None:
            factor = self.info.diameter / diameter
        elif pixel_size is not None and self.info.pixel_size is not None:
            factor = pixel_size / self.info.pixel_size
        if not ZOOM_LIMITS[0] <= factor <= ZOOM_LIMITS[1]:
            raise UsageError(
                f"--diameter or --pixel-size: would rescale the image by {factor:.3g}, beyond "
                f"{ZOOM_LIMITS[0]:g} to {ZOOM_LIMITS[1]:g}. Diameters are in pixels; the model "
                f"was trained at {self.info.diameter:.0f} px."
            )
        return 1.0 if abs(factor - 1) < 0.02 else factor


def _checked(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or not image.size or image.dtype.kind not in "uifb":
        raise ImageReadError(
            f"Expected one grey image of shape (H, W), integer or float. "
            f"Received: shape {image.shape}, {image.dtype}. Choose one channel or plane."
        )
    if image.dtype == bool:
        image = image.astype(np.uint8)
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ImageReadError("The image has values that are not finite (NaN or infinite).")
    return image


def load_model(name: str | Path, models_dir: Path | None = None) -> Segmenter:
    """Load a shipped model by name, or a model folder by path.

    Raises:
        ModelError: if it is missing, damaged or of another format.
    """
    return Segmenter(zoo.load(name, models_dir))


@dataclass
class Outcome:
    """What became of the files.

    Attributes:
        done: an entry an image: name, shape, nuclei, seconds.
        failures: (path, reason) of the images that could not be done.
        left_out: images not tried, because the run was stopped.
    """

    done: list[dict[str, Any]] = field(default_factory=list)
    failures: list[tuple[Path, str]] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)


def predict_files(
    paths: Sequence[Path],
    out: Path,
    segmenter: Segmenter,
    options: Options,
    progress: Callable[[int, int, str], bool] = lambda done, total, name: True,
) -> Outcome:
    """Predict image files and folders of them.

    Writes STEM_labels.tif (and overlay, ImageJ ROIs, GeoJSON on request) per image, objects.csv,
    and failures.csv if images had to be left out.

    Args:
        paths: files, or folders of them.
        out: folder for the results, made if need be.
        segmenter: the model.
        options: how to read, what to write.
        progress: called after each image with its number, the count and its name; says whether to
            go on.

    Returns:
        What was done and what failed.

    Raises:
        UsageError: if two images have the same stem, and so would overwrite each other's results.
        OutputError: if `out` cannot be written.
    """
    files = list_images(paths)
    _refuse_same_stem(files)
    ensure_folder(out)
    segmenter.check(options)
    outcome, tables = Outcome(), []
    for number, file in enumerate(files, start=1):
        began = time.perf_counter()
        try:
            image = read_image(file, options.channel, options.z, options.pixel_size)
            check_finite(image)
            instances, table = predict_image(image, segmenter, options)
            write_image_results(out, image, instances, options)
        except Exception as error:  # whatever is wrong with one image, the others are done
            reason = str(error) if isinstance(error, NucsegError) else repr(error)
            LOG.error("%s", reason if str(file) in reason else f"{file}: {reason}")
            LOG.debug("", exc_info=error)
            _remove_results(out, file)
            outcome.failures.append((file, reason))
        else:
            tables.append(table)
            height, width = image.pixels.shape
            outcome.done.append(
                {
                    "image": file.name,
                    "height": height,
                    "width": width,
                    "nuclei": len(instances.scores),
                    "seconds": round(time.perf_counter() - began, 3),
                }
            )
        if not progress(number, len(files), file.name):
            outcome.left_out = files[number:]
            break
    _write_tables(out, tables, outcome.failures)
    return outcome


def _remove_results(out: Path, file: Path) -> None:
    """Remove what an earlier run left of an image that failed now."""
    for ending in ("_labels.tif", "_overlay.png", "_rois.zip", ".geojson"):
        (out / f"{file.stem}{ending}").unlink(missing_ok=True)


def _refuse_same_stem(files: Sequence[Path]) -> None:
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(file.stem.lower(), file)
        if other != file:
            raise UsageError(
                f"{other} and {file} have the same stem, so their results would overwrite each "
                f"other. Predict them into different folders (--out)."
            )


def predict_image(
    image: Image, segmenter: Segmenter, options: Options
) -> tuple[Instances, pd.DataFrame]:
    """Nuclei of one image and the table that measures them."""
    instances = segmenter.predict_instances(
        image.pixels,
        pixel_size=image.pixel_size,
        diameter=options.diameter,
        tile=options.tile,
        tta=options.tta,
    )
    if not len(instances.scores):
        LOG.warning("%s: no nucleus found", image.path)
    table = measure(instances.labels, image.pixels, instances.scores, image.pixel_size)
    table.insert(0, "image", image.path.name)
    return instances, table


def write_image_results(out: Path, image: Image, instances: Instances, options: Options) -> None:
    """Write the files that belong to one image."""
    stem = image.path.stem
    write_labels(out / f"{stem}_labels.tif", instances.labels, pixel_size=image.pixel_size)
    if options.overlay:
        write_overlay(out / f"{stem}_overlay.png", image.pixels, instances.labels)
    if options.rois:
        write_imagej_rois(out / f"{stem}_rois.zip", instances.labels)
    if options.geojson:
        write_geojson(out / f"{stem}.geojson", instances.labels, instances.scores)


def _write_tables(out: Path, tables: list[pd.DataFrame], failures: list[tuple[Path, str]]) -> None:
    if not tables:
        empty = measure(np.zeros((1, 1), np.int32))
        empty.insert(0, "image", "")
        tables = [empty]
    with atomic_path(out / "objects.csv") as temporary:
        filled = [table for table in tables if len(table)] or tables[:1]
        pd.concat(filled).to_csv(temporary, index=False, float_format="%.9g")
    (out / "failures.csv").unlink(missing_ok=True)  # of an earlier run into the same folder
    if failures:
        with (
            atomic_path(out / "failures.csv") as temporary,
            temporary.open("w", newline="", encoding="utf-8") as stream,
        ):
            writer = csv.writer(stream)
            writer.writerow(["image", "reason"])
            writer.writerows((str(path), reason) for path, reason in failures)


def backend_device() -> str:
    """The device that the network runs on, as Keras names it."""
    return keras.distribution.list_devices()[0]
