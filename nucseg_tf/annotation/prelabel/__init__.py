"""Preliminary labels, to be corrected by hand."""

from nucseg_tf.annotation.prelabel.image import CLASSICAL, Settings, label, prelabel_image

__all__ = ["CLASSICAL", "Settings", "label", "prelabel_image"]
