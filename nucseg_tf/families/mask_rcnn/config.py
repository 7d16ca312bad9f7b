"""What can be said of Mask R-CNN in a configuration, and what tuning tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field as Limits
from pydantic import model_validator

from nucseg_tf import schema
from nucseg_tf.schema import Count, Fraction, Positive, Strict

if TYPE_CHECKING:
    from nucseg_tf.config import Config

LEAST_SCORE = 0.2  # of detections that tuning looks at
SMALLEST_SIDE = 1.0  # px; smaller proposals and detections are dropped


MOST_WIDTH = 4096  # four times the published; a model folder must not ask for any memory
Width = Annotated[int, Limits(ge=1, le=MOST_WIDTH)]
OwnWidth = Annotated[int, Limits(ge=0, le=MOST_WIDTH)]
Several = Annotated[tuple[Positive, ...], Limits(max_length=16)]
Cells = Annotated[int, Limits(ge=1, le=128)]


class Detector(Strict):
    """Anchors, proposals, heads. Counts are for a ROI of 256 x 256 px."""

    sizes: Annotated[tuple[Positive, ...], Limits(max_length=16)] = (
        8.0,
        16.0,
        32.0,
        64.0,
        128.0,
    )  # px, anchors of each level
    ratios: Several = (
        0.5,
        1.0,
        2.0,
    )  # width over height
    rpn_filters: Width = 64
    box_cells: Cells = 7
    box_units: Width = 256
    mask_cells: Cells = 28
    mask_filters: Annotated[int, Limits(ge=0, le=MOST_WIDTH)] = (
        32  # of finer features; 0: of the pyramid's own
    )
    mask_convolutions: Annotated[int, Limits(ge=1, le=16)] = 3
    mask_enlarge: bool = False
    most_nuclei: Count = 160  # true ones in a ROI; of more, the rest is left out of the training
    rpn_anchors: Count = 192  # that train the region proposal network
    train_proposals: Count = 200
    proposal_overlap: Fraction = 0.7  # IoU above which the worse of two is dropped
    rois: Count = 64  # that train the heads
    roi_share: Annotated[float, Limits(gt=0, lt=1)] = 0.5  # of nuclei among them, at most

    @model_validator(mode="after")
    def _levels(self) -> Detector:
        if len(self.sizes) != 5:
            raise ValueError("sizes: one for each of the five levels (strides 4 to 64 px)")
        return self


class Architecture(schema.Architecture):
    """Encoder, channels of the pyramid, and what detects on it."""

    family: Literal["mask_rcnn"] = "mask_rcnn"
    detector: Detector = Detector()


class Detect(schema.Thresholds):
    """Thresholds of the detections."""

    score: Fraction = 0.5  # of detections that are kept
    overlap: Fraction = 0.6  # IoU of boxes above which the worse of two is dropped
    mask: Fraction = 0.5  # probability from which a pixel is nucleus
    same: Fraction = 0.5  # share of masks in common, above which they are one nucleus


GRID = {
    "score": (LEAST_SCORE, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    "mask": (0.35, 0.4, 0.45, 0.5, 0.55, 0.6),
    "same": (0.3, 0.4, 0.5, 0.6, 0.7),
    "min_area": (0, 6, 12, 20),
}


def check(config: Config, detector: Detector) -> None:
    """Refuse counts that a ROI does not have; ValueError."""
    roi = config.data.roi
    if roi % 64:
        raise ValueError("data.roi: a multiple of 64 for mask_rcnn")
    boxes = detector.most_nuclei + detector.train_proposals
    if detector.rois > boxes:
        raise ValueError(f"model.detector.rois: at most most_nuclei + train_proposals, {boxes}")
    anchors = len(detector.ratios) * sum((roi // stride) ** 2 for stride in (4, 8, 16, 32, 64))
    if detector.rpn_anchors > anchors:
        raise ValueError(f"model.detector.rpn_anchors: a ROI of this size has {anchors}")
