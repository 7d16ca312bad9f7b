"""A loaded model as a function from arrays to nuclei."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from typing import Any

import numpy as np

from nucseg_tf.engines.base import Device
from nucseg_tf.engines.choose import check, compile_with
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.options import Options
from nucseg_tf.inference.runner import Stage
from nucseg_tf.inference.stages.decode import Decode
from nucseg_tf.inference.stages.network import Network
from nucseg_tf.inference.stages.scale import Scale, find_zoom
from nucseg_tf.inference.stages.values import Found, Predicted, Scaled
from nucseg_tf.io.arrays import check_array
from nucseg_tf.models import zoo
from nucseg_tf.schema import Thresholds
from nucseg_tf.types import Image, Instances

LOG = logging.getLogger(__name__)
ARRAY = Path("array")  # what stands for the file of an image that comes from none


class Segmenter:
    """A loaded model, ready to find nuclei in arrays.

    Args:
        model: network, normalisation and thresholds.
        engine: "auto", or the name of what computes the network, see `engines.choose`.
        precision: "auto", "f32" or "bf16".
        device: to compute on; None leaves everything as the caller has set it up.

    Raises:
        ModelError: the weights do not fit the network.
        UsageError: engine, precision or device are unknown or not to be had here.
    """

    def __init__(
        self,
        model: zoo.LoadedModel,
        engine: str = "keras",
        precision: str = "auto",
        device: Device | None = None,
    ):
        self.model, self.info, self.family = model, model.info, model.info.family
        able, checked = self.family.engines, self.info.precisions
        self.network = compile_with(
            engine, precision, model.source, device=device, able=able, checked=checked
        )
        self._run = self.family.runner(self.network)

    @property
    def thresholds(self) -> Any:
        """The thresholds of the model."""
        return self.info.thresholds

    def inverts(self, asked: bool | None) -> bool:
        """Whether dark and bright of images are exchanged: as asked, else as it was trained.

        Arrays that are given to `predict` and its kin are taken as they are.
        """
        if asked is None and self.info.invert:
            LOG.warning(
                "%s was trained with --invert: images are inverted; --invert=false leaves them",
                self.info.name,
            )
        return self.info.invert if asked is None else asked

    def stages(self, options: Options, tile: int | None = None) -> list[Stage]:
        """The stages from an `Image` to `Found`: scale, network, decode; see `inference.stages`.

        Args:
            options: how to scale and predict.
            tile: px, instead of that of the options.
        """
        return [
            Scale(self.info, options, self.network.engine, self.network.precision),
            Network(self.family, self._run, options, self.thresholds, tile),
            Decode(self.family, self.thresholds, self.info.diameter, self.info.confidence),
        ]

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
        diameter: float | str | None = None,
        tile: int | None = None,
        tta: int = 1,
    ) -> Instances:
        """Find the nuclei of one image.

        Args:
            image: (H, W) or (H, W, 1), integer or float, any size from 1 x 1 up.
            pixel_size: µm; rescales to the model's pixel size, if it has one.
            diameter: typical nucleus, px; rescales to the model's. Goes before `pixel_size`. "auto"
                finds it, "native" leaves the image as it is; without, the model says which.
            tile: side of the tiles in which large images are predicted, px; the family's usual one
                without.
            tta: test-time augmentation; how many of the square's eight symmetries the maps are
                averaged over, or vote on detections, 1 (none) to 8. Takes that many times as long.

        Returns:
            Label image and scores: the confidence in each nucleus, if model.yaml has that section,
            else the raw scores of the family.

        Raises:
            ImageReadError: if the array has another shape or type, or values that are not finite.
            UsageError: if tile, pixel size, diameter or tta make no sense.
        """
        return self.find(image, Options(None, None, pixel_size, diameter, tile, tta)).instances

    def find(self, image: np.ndarray, options: Options) -> Found:
        """The nuclei of one image, and at what scale they were found.

        Args:
            image: as of `predict_instances`, errors too.
            options: pixel size, diameter, tile and tta.
        """
        self.check(options)
        value: Any = Image(check_array(image), options.pixel_size, ARRAY)
        for stage in self.stages(options):
            value = stage(value)
        return value

    def diameter_of(self, found: Found) -> float | None:
        """The diameter, px, that brings an image to the zoom at which its nuclei were found.

        Turned or otherwise like it, the image needs no looking at again. None where its regions
        had zooms of their own.
        """
        return None if found.zooms is not None else self.info.diameter / found.image.zoom

    def predict_raw(
        self, image: np.ndarray, options: Options, thresholds: Thresholds | None = None
    ) -> Predicted:
        """What the network gives of one image before decoding.

        Args:
            image: (H, W).
            options: scale, tile and tta.
            thresholds: other ones than the model's.
        """
        return self.look(self.scale(image, options), options, thresholds)

    def scale(self, image: np.ndarray, options: Options) -> Scaled:
        """One image (H, W) as the network is to see it."""
        self.check(options)
        stage = Scale(self.info, options, self.network.engine, self.network.precision)
        return stage(Image(image, options.pixel_size, ARRAY))

    def look(
        self, scaled: Scaled, options: Options, thresholds: Thresholds | None = None
    ) -> Predicted:
        """What the network gives of what `scale` made, or of a part of it (`windows`)."""
        network = Network(self.family, self._run, options, thresholds or self.thresholds)
        return network(scaled)

    def decode(self, predicted: Predicted, thresholds: Thresholds | None = None) -> Instances:
        """The nuclei of an image, by the model's thresholds or others."""
        decode = Decode(self.family, thresholds or self.thresholds, self.info.diameter)
        return decode(predicted).instances

    def check(self, options: Options) -> None:
        """Refuse options that make no sense for any image.

        Raises:
            UsageError: naming the option, what is expected and what came.
        """
        if options.tile is not None:
            self.family.check_tile(options.tile)
            if options.tile < self.family.sensible_tile:
                _say_small(options.tile, self.family.sensible_tile, self.family.tile)
        if not 1 <= options.tta <= 8:
            raise UsageError(f"--tta: expected 1 to 8 symmetries. Received: {options.tta}.")
        find_zoom(self.info, options.pixel_size, options.diameter)


@functools.cache  # once, not for each image
def _say_small(tile: int, sensible: int, usual: int) -> None:
    LOG.warning(
        "--tile %d: below %d px, images larger than a tile take many times as long, and outlines "
        "near seams change (docs/reliability/determinism.md); the usual tile has %d px",
        *(tile, sensible, usual),
    )


def load_model(
    name: str | Path,
    models_dir: Path | None = None,
    *,
    engine: str = "auto",
    precision: str = "auto",
    device: Device | None = None,
) -> Segmenter:
    """Load a shipped model by name, or a model folder by path.

    Args:
        name: of the model, or its folder.
        models_dir: folder to search first.
        engine: what computes the network: "openvino", "keras", or "auto", which takes OpenVINO on
            CPUs and Keras on GPUs.
        precision: "f32"; "bf16"; or "auto": bf16 where the CPU computes it and the model's scores
            have been checked in it.
        device: "cpu", "gpu" or "auto"; None leaves TensorFlow as you have set it up.

    Raises:
        ModelError: if it is missing, damaged or of another format.
        UsageError: engine, precision or device are unknown or not to be had here.
    """
    check(engine, precision)
    model = zoo.load(name, models_dir)
    if model.info.confidence is None:
        LOG.info("%s: its scores are raw, no probabilities (scripts/calibrate.py)", name)
    return Segmenter(model, engine, precision, device)
