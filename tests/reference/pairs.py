"""Small images and masks, and files of them, for tests of data sets."""

import cv2
import numpy as np
import tifffile


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        cv2.imwrite(str(path), array)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")


def picture(shape=(8, 9), dtype=np.uint16):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def two_nuclei(shape=(8, 9)):
    labels = np.zeros(shape, np.uint16)
    labels[1:3, 1:3] = 1
    labels[5:7, 5:8] = 2
    return labels
