"""Nuclei copied from another field: in focus beside those there, or blurred behind them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np
from scipy import ndimage

from nucseg_tf.data.roi import whole_nuclei

SMALLEST = 30  # px, of nuclei that are copied
TRIES = (6, 40)  # places that are tried in a ROI
NEAR = (0.75, 1.1)  # distance of two centres, in sums of their radii
HIDDEN = 0.15  # share of a nucleus that another may hide
CONTRAST = 0.35  # spread of the logarithm of brightness against those around
HALO = 3  # px around a nucleus, to which its light reaches
DEFOCUS = (0.3, 0.8)  # diameters, standard deviation
DIM = (0.1, 0.5)  # of light out of focus


def paste_beside(
    image: np.ndarray,
    labels: np.ndarray,
    donor_image: np.ndarray,
    donor_labels: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Copy nuclei so that they touch those that are there, or overlap a little.

    Light adds up, as in a wide-field microscope; half of the time the one in front hides the other.

    Args:
        image, labels: (S, S) float32 and int32 of the ROI.
        donor_image, donor_labels: of the ROI that gives its nuclei.
        rng: random numbers.

    Returns:
        New image and labels.
    """
    copies = list(_cut_out(donor_image, donor_labels))
    hosts, contrast = _hosts(image, labels)
    if not copies or not hosts:
        return image, labels
    image, labels = image.copy(), labels.copy()
    sizes = np.bincount(np.maximum(labels, 0).ravel()).tolist()
    for _ in range(rng.integers(*TRIES)):
        light, mask = _turn(copies[rng.integers(len(copies))], rng)
        centre, radius = hosts[rng.integers(len(hosts))]
        own = math.sqrt(mask.sum() / math.pi)
        angle, reach = rng.uniform(0, 2 * math.pi), rng.uniform(*NEAR) * (own + radius)
        middle = (centre[0] + reach * math.sin(angle), centre[1] + reach * math.cos(angle))
        corner = [round(m - length / 2) for m, length in zip(middle, mask.shape, strict=True)]
        field, patch = _windows(corner, mask.shape, labels.shape)
        if patch is None:
            continue
        mine, there, light = mask[patch], labels[field], light[patch]
        visible = _visible(mine, there, sizes, bool(rng.integers(2)))
        if visible is None:
            continue
        light = light * (contrast * math.exp(rng.normal(0, CONTRAST)))
        lit = image[field] + light
        if rng.integers(2):  # in front of, or behind, what it overlaps
            lit = np.where(mine & (there > 0), np.where(visible, light, image[field]), lit)
        image[field] = lit
        there[visible] = len(sizes)
        sizes.append(int(visible.sum()))
        hosts.append((middle, own))
    return image, labels


def _hosts(image: np.ndarray, labels: np.ndarray) -> tuple[list, float]:
    """Centre and radius (px) of each nucleus, and how much brighter they are than background."""
    indices = np.unique(labels[labels > 0])
    if not len(indices):
        return [], 0.0
    areas = np.bincount(labels[labels > 0])[indices]
    centres = ndimage.center_of_mass(labels > 0, labels, indices)
    ground = np.median(image[labels == 0]) if (labels == 0).any() else 0.0
    contrast = float(np.median(image[labels > 0]) - ground)
    hosts = list(zip(centres, np.sqrt(areas / math.pi), strict=True))
    return hosts, max(contrast, 0.05)


def _cut_out(image: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Light, 1 on average inside and fading around, and mask of each whole nucleus."""
    whole = np.where(whole_nuclei(labels), labels, 0)
    ground = labels == 0
    for index, box in enumerate(ndimage.find_objects(whole), start=1):
        if box is None:
            continue
        place = tuple(
            slice(max(b.start - HALO, 0), min(b.stop + HALO, n))
            for b, n in zip(box, labels.shape, strict=True)
        )
        mask = whole[place] == index
        around = image[place][ground[place]]
        if mask.sum() < SMALLEST or not around.size:
            continue
        light = image[place] - np.median(around)
        mean = light[mask].mean()
        if mean <= 0.02:
            continue
        soft = cv2.GaussianBlur(cv2.dilate(mask.astype(np.float32), np.ones((3, 3))), (0, 0), 1.0)
        others = (labels[place] != index) & ~ground[place]
        yield (light / mean * soft * ~others).astype(np.float32), mask


def _turn(copy: tuple[np.ndarray, np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    turned = [np.rot90(array, turns) for array in copy]
    return [array[:, ::-1] if mirrored else array for array in turned]


def _windows(corner, shape, whole) -> tuple[tuple, tuple | None]:
    """Where a patch lies in the ROI, and what of it; None if that is nothing."""
    field, patch = [], []
    for start, length, limit in zip(corner, shape, whole, strict=True):
        low, high = max(start, 0), min(start + length, limit)
        if high <= low:
            return (), None
        field.append(slice(low, high))
        patch.append(slice(low - start, high - start))
    return tuple(field), tuple(patch)


def _visible(mine: np.ndarray, there: np.ndarray, sizes: list, front: bool) -> np.ndarray | None:
    """The pixels that a new nucleus gets; None where too much of one would be hidden."""
    under = there[mine]
    if not under.size or (under < 0).any():
        return None
    counts = np.bincount(under)
    if counts[1:].sum() > HIDDEN * under.size:
        return None
    hidden = np.flatnonzero(counts[1:]) + 1
    if any(counts[label] > HIDDEN * sizes[label] for label in hidden):
        return None
    visible = mine if front else mine & (there == 0)
    pieces = cv2.connectedComponents(visible.astype(np.uint8), connectivity=4)[0]
    return visible if pieces == 2 else None  # the background is one


def blur_behind(
    image: np.ndarray,
    donor_image: np.ndarray,
    donor_labels: np.ndarray,
    diameter: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Add the light of nuclei far out of focus; see `paste_beside` for the arguments."""
    sigma = rng.uniform(*DEFOCUS) * max(diameter, 4.0)
    sharp = np.where(donor_labels > 0, donor_image, 0.0).astype(np.float32)
    light = cv2.GaussianBlur(sharp, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    highest = float(light.max())
    return image + light * (rng.uniform(*DIM) / highest) if highest > 0 else image
