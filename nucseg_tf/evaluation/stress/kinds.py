"""What may be done to a field, by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.stress import crowd, debris, geometry, light
from nucseg_tf.evaluation.stress.crowd import Cutout
from nucseg_tf.evaluation.stress.scene import Scene

PLAIN = "plain"
Change = Callable[[Scene, np.random.Generator, Sequence[Cutout]], Scene | None]


def _still(change: Callable[..., Scene], *values: float) -> Change:
    return lambda scene, rng, cutouts: change(scene, *values)


def _drawn(change: Callable[..., Scene | None], *values: debris.Draw) -> Change:
    return lambda scene, rng, cutouts: change(scene, rng, *values)


# Name of a kind: in words, what it does.
KINDS: dict[str, tuple[str, Change]] = {
    PLAIN: ("the field as it is", lambda scene, rng, cutouts: scene),
    "zoom_0.33": ("a third of the size", _still(geometry.zoom, 1 / 3)),
    "zoom_0.6": ("0.6 of the size", _still(geometry.zoom, 0.6)),
    "zoom_1.7": ("1.7 times the size", _still(geometry.zoom, 1.7)),
    "zoom_3": ("three times the size", _still(geometry.zoom, 3.0)),
    "one_nucleus": ("2.5 diameters around a nucleus that lies free", _drawn(geometry.one_nucleus)),
    "crowded": ("nuclei of other fields, alike in size and brightness, that touch", crowd.crowd),
    "blur_0.1": ("Gaussian blur of 0.1 diameters", _still(light.blur, 0.1)),
    "blur_0.2": ("Gaussian blur of 0.2 diameters", _still(light.blur, 0.2)),
    "noise": ("20 photons a pixel of a nucleus, read noise of 2", _drawn(light.noise)),
    "gamma_0.5": ("gamma 0.5: dim parts brighter", _still(light.gamma, 0.5)),
    "gamma_2": ("gamma 2: dim parts darker", _still(light.gamma, 2.0)),
    "shading": ("light that falls to 0.15 across the field", _drawn(light.shade)),
    "slope": ("a background that rises to that of nuclei across the field", _drawn(light.slope)),
    "sixteen_bits": ("1000 + 12 times the image, 16 bits", _still(light.sixteen_bits)),
    "saturated": ("half of the pixels of nuclei white", _still(light.saturate)),
    "jpeg": ("JPEG of quality 30", _still(light.jpeg, 30)),
    "glare": ("a soft oval of background as bright as nuclei", _drawn(light.glare)),
    "inverted_patch": ("a fifth of the field inverted, and ignored", _drawn(light.inverted_patch)),
    "dead_cell": ("one nucleus 20 times as bright as the others", _drawn(light.dead_cell)),
    "empty": ("no nuclei: background", _drawn(debris.empty)),
    "specks": ("no nuclei: dim points", _drawn(debris.litter, debris.specks)),
    "fibres": ("no nuclei: thin, bent threads", _drawn(debris.litter, debris.fibres)),
    "dust": ("no nuclei: bright, angular grains", _drawn(debris.litter, debris.dust)),
    "haze": ("no nuclei: soft clouds, larger than nuclei", _drawn(debris.litter, debris.haze)),
}


def alter(kind: str, scene: Scene, cutouts: Sequence[Cutout], seed: int = 0) -> Scene | None:
    """Do to a scene what a kind stands for; the same arguments give the same outcome.

    Args:
        kind: one of KINDS.
        scene: the field.
        cutouts: nuclei of its data set, for crowds.
        seed: another seed is another draw.

    Returns:
        The altered scene; None where the kind cannot be made of this field.

    Raises:
        UsageError: there is no such kind.
    """
    check_kinds([kind])
    words = f"{kind}/{scene.name}".encode()
    return KINDS[kind][1](scene, np.random.default_rng([seed, zlib.crc32(words)]), cutouts)


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise UsageError, with the kinds that there are, if one is unknown."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UsageError(
            f"there is no kind {', '.join(unknown)}; expected some of {', '.join(KINDS)}"
        )
