"""The nucleus under a click by its light alone, where no network sees one.

From the click rays go out; on each, the outline lies where the light falls to the middle between
the click's level and that of the surroundings, as far as another nucleus or the limit at most.
So the outline is star-shaped about the click.

h rows, w columns of a window; A rays.
"""

from __future__ import annotations

import numpy as np

RAYS = 64
REACH = 1.0  # typical diameters that an outline is away from the click at most
SMOOTH = 0.04  # typical diameters, standard deviation
CONTRAST = 3.0  # least difference of the levels, in deviations of the surroundings
NEIGHBOURS = 9  # rays about each whose median is taken
DARK = 25  # percentile of the surroundings' level


def grow(
    image: np.ndarray, place: tuple[int, int], taken: np.ndarray, diameter: float
) -> np.ndarray | None:
    """The outline about a click.

    Args:
        image: (h, w), float32, some diameters about the click.
        place: row and column of the click.
        taken: (h, w) bool, pixels of other nuclei; not `place`.
        diameter: of the typical nucleus, px.

    Returns:
        (h, w) bool; None where there is no light to speak of.
    """
    import cv2

    smooth = cv2.GaussianBlur(image, (0, 0), max(0.5, SMOOTH * diameter))
    free = smooth[~taken]
    level = float(smooth[place])
    dark = float(np.percentile(free, DARK))
    noise = float(np.median(np.abs(free[free <= dark] - dark))) * 1.5
    if level - dark <= CONTRAST * noise or level <= dark:
        return None
    reach = max(2, round(REACH * diameter))
    radii = _radii(smooth, place, taken, (level + dark) / 2, reach)
    angles = np.arange(RAYS) * 2 * np.pi / RAYS
    corners = np.stack([place[1] + radii * np.cos(angles), place[0] + radii * np.sin(angles)], 1)
    mask = np.zeros(image.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(corners * 16).astype(np.int32)], 1, shift=4)
    mask[place] = 1
    return (mask > 0) & ~taken


def _radii(
    smooth: np.ndarray, place: tuple[int, int], taken: np.ndarray, middle: float, reach: int
) -> np.ndarray:
    """How far the outline is on each ray, (A,) px."""
    from scipy.ndimage import median_filter

    angles = np.arange(RAYS)[:, None] * 2 * np.pi / RAYS
    steps = np.arange(1, 2 * reach + 1) / 2
    rows = np.rint(place[0] + steps * np.sin(angles)).astype(int)
    columns = np.rint(place[1] + steps * np.cos(angles)).astype(int)
    height, width = smooth.shape
    inside = (rows >= 0) & (columns >= 0) & (rows < height) & (columns < width)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    ends = ~inside | taken[rows, columns] | (smooth[rows, columns] < middle)
    ends[:, -1] = True
    return median_filter(steps[ends.argmax(1)] - 0.5, NEIGHBOURS, mode="wrap")
