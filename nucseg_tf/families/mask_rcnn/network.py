"""Mask R-CNN: the network and its losses.

B images, S side of a ROI, A anchors, G padded true boxes, P proposals, R boxes, M cells a side of
a mask. Boxes (y0, x0, y1, x1), float32 px, half-open.

Source: He et al., "Mask R-CNN" (2017); Zaki et al. (2020), Methods, for nuclei. What differs from
the published network: one class, so that a sigmoid says whether a box holds a nucleus, and finer
features for the masks (see `backbone`).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from nucseg_tf.families.mask_rcnn import boxes, matching, proposals, sampling
from nucseg_tf.families.mask_rcnn.anchors import anchors_of
from nucseg_tf.families.mask_rcnn.config import Architecture
from nucseg_tf.families.mask_rcnn.heads import build_box_head, build_mask_head
from nucseg_tf.families.mask_rcnn.losses import binary, smooth_l1
from nucseg_tf.families.mask_rcnn.roi_align import roi_align
from nucseg_tf.layers import pyramid as backbone

FINEST = 56.0  # px; smaller boxes are read from the finest level, be it of stride 2 or 4


class MaskRCNN(keras.Model):
    """Backbone, region proposal network and heads.

    Args:
        arch: the architecture; `arch.detector` has the settings of this family.
        pretrained: let segmentation-models load the encoder's ImageNet weights.
    """

    def __init__(self, arch: Architecture, pretrained: bool = False):
        super().__init__(name="mask_rcnn")
        self.settings = settings = arch.detector
        self.backbone = backbone.build_backbone(
            arch.encoder, arch.filters, settings.mask_filters, pretrained
        )
        self.rpn = proposals.build_rpn(arch.filters, settings.rpn_filters, len(settings.ratios))
        self.box_head = build_box_head(settings.box_cells, arch.filters, settings.box_units)
        self.mask_head = build_mask_head(
            settings.mask_cells,
            settings.mask_filters or arch.filters,
            settings.mask_filters or arch.filters,
            settings.mask_convolutions,
            settings.mask_enlarge,
        )
        self.built = True

    def call(self, image, training=None):
        """Image (B, S, S, 1) to the levels, and logits (B, A) and offsets (B, A, 4) of anchors."""
        levels = self.backbone(image, training=training)
        count = len(backbone.STRIDES)
        logits, offsets = proposals.run_rpn(self.rpn, levels[:count])
        return {"levels": levels, "rpn_logits": logits, "rpn_offsets": offsets}

    def anchors(self, height, width):
        """(A, 4) anchors of an image of this size; see `anchors_of`."""
        settings = self.settings
        return anchors_of(height, width, backbone.STRIDES, settings.sizes, settings.ratios)

    def score_boxes(self, levels, rois):
        """Logits (B, R) and offsets (B, R, 4) of boxes (B, R, 4)."""
        settings = self.settings
        count = len(backbone.BOX_STRIDES)
        features = roi_align(
            levels[:count], rois, backbone.BOX_STRIDES, settings.box_cells, 2, FINEST
        )
        logits, offsets = self.box_head(ops.reshape(features, (-1, *features.shape[2:])))
        number = ops.shape(rois)[1]
        return ops.reshape(logits, (-1, number)), ops.reshape(offsets, (-1, number, 4))

    def draw_masks(self, levels, rois):
        """Mask logits (B, R, M, M) of boxes (B, R, 4)."""
        settings = self.settings
        fine = bool(settings.mask_filters)
        strides = backbone.MASK_STRIDES if fine else backbone.BOX_STRIDES
        chosen = levels[len(backbone.STRIDES) :] if fine else levels[: len(strides)]
        samples = 1 if fine else 2
        features = roi_align(chosen, rois, strides, settings.mask_cells, samples, FINEST)
        logits = self.mask_head(ops.reshape(features, (-1, *features.shape[2:])))
        return ops.reshape(logits, (-1, ops.shape(rois)[1], *logits.shape[1:3]))

    def losses_of(self, outputs: dict, targets: dict) -> dict[str, Any]:
        """The five losses, each a scalar; 0 where there is nothing to compare.

        Args:
            outputs: of `call`.
            targets: "boxes" (B, G, 4) and "ids" (B, G) int32 of the nuclei, 0 for padding;
                "labels" (B, S, S) int32, where those ids stand, negative where nothing is known;
                "noise" (B, N) in [0, 1), N at least A and P + G.

        Returns:
            {name: scalar}: "rpn_score", "rpn_box", "score", "box", "mask".
        """
        settings, labels = self.settings, targets["labels"]
        size = labels.shape[1:3]
        anchors = self.anchors(*size)
        found = self._rpn_losses(outputs, targets, anchors)
        count = settings.train_proposals
        rois, valid = self.propose(outputs, size, 3 * count, count, settings.proposal_overlap)
        index, kind, rois = sampling.choose(rois, valid, targets, settings.rois, settings.roi_share)
        truth = ops.take_along_axis(targets["boxes"], ops.expand_dims(index, -1), axis=1)
        chosen = ops.cast(kind >= 0, "float32")
        nucleus = ops.cast(kind == 1, "float32")
        logits, offsets = self.score_boxes(outputs["levels"], rois)
        found["score"] = binary(logits, nucleus, chosen)
        found["box"] = smooth_l1(offsets, boxes.encode(truth, rois), nucleus)
        most = max(1, round(settings.rois * settings.roi_share))  # nuclei stand first
        logits = self.draw_masks(outputs["levels"], rois[:, :most])
        ids = ops.take_along_axis(targets["ids"], index[:, :most], axis=1)
        target, known = sampling.mask_targets(labels, ids, rois[:, :most], logits.shape[-1])
        weight = known * nucleus[:, :most, None, None]
        found["mask"] = binary(logits, target, weight)
        return found

    def _rpn_losses(self, outputs: dict, targets: dict, anchors) -> dict[str, Any]:
        settings = self.settings
        truth, valid = targets["boxes"], targets["ids"] > 0
        every = ops.expand_dims(anchors, 0)
        index, kind = matching.match(every, truth, valid, 0.7, 0.3, best=True)
        kind = ops.where(sampling.unknown(targets["labels"], every) & (kind == 0), -1, kind)
        noise = targets["noise"][:, : anchors.shape[0]]
        picked, there = matching.sample(kind, noise, settings.rpn_anchors, 0.5)
        kind = ops.take_along_axis(kind, picked, axis=1)
        index = ops.take_along_axis(index, picked, axis=1)
        logits = ops.take_along_axis(outputs["rpn_logits"], picked, axis=1)
        wide = ops.expand_dims(picked, -1)
        offsets = ops.take_along_axis(outputs["rpn_offsets"], wide, axis=1)
        truth = ops.take_along_axis(truth, ops.expand_dims(index, -1), axis=1)
        there = ops.cast(there, "float32")
        nucleus = ops.cast(kind == 1, "float32") * there
        wanted = boxes.encode(truth, ops.take(anchors, picked, axis=0))
        return {
            "rpn_score": binary(logits, nucleus, there),
            "rpn_box": smooth_l1(offsets, wanted, nucleus),
        }

    def propose(
        self, outputs: dict, size: tuple[int, int], candidates: int, count: int, overlap: float
    ):
        """Where the region proposal network sees a nucleus.

        Args:
            outputs: of `call`.
            size: height and width of the image, px.
            candidates: anchors that are looked at, those of the highest scores.
            count: P, at most.
            overlap: IoU above which the worse of two is dropped.

        Returns:
            (B, P, 4) boxes, the best first, and (B, P) bool, whether each is one.
        """
        found, _, valid = proposals.propose(
            ops.stop_gradient(outputs["rpn_logits"]),
            ops.stop_gradient(outputs["rpn_offsets"]),
            self.anchors(*size),
            size,
            candidates,
            count,
            overlap,
        )
        return found, valid


def encoder_layers(network: MaskRCNN) -> list[keras.layers.Layer]:
    """All layers of the pre-trained part, for freezing during the cold start."""
    return [
        layer
        for layer in network.backbone._flatten_layers(include_self=False, recursive=True)
        if not isinstance(layer, keras.Model) and backbone.is_encoder(layer.name)
    ]
