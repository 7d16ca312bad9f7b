from dataclasses import replace

import numpy as np

from nucseg_tf.data.mosaic import join_fields
from nucseg_tf.data.sample import Sample, median_diameter


def field(side: int = 20, group: str = "a", grey: float = 0.5) -> Sample:
    labels = np.zeros((side, side), np.uint16)
    labels[2:8, 2:8], labels[12:18, 10:16] = 1, 2
    return Sample(np.full((side, side), grey, np.float16), labels, median_diameter(labels), group)


def test_fields_are_joined_to_squares_and_keep_all_their_nuclei():
    (joined,) = join_fields([field(grey=n) for n in range(9)], 50)
    assert joined.image.shape == joined.labels.shape == (60, 60)
    assert len(np.unique(joined.labels)) == 1 + 18
    assert joined.diameter == field().diameter
    assert [joined.image[20 * row, 20 * row] for row in range(3)] == [0, 4, 8]


def test_only_fields_of_one_group_and_shape_are_joined_and_large_ones_are_left():
    mixed = [field(group="a")] * 3 + [field(group="b")] * 3
    assert join_fields(mixed, 40) == []
    assert join_fields([field(40)] * 4, 40) == []
    assert len(join_fields([field()] * 9, 40)) == 2


def test_fields_of_which_only_regions_are_known_are_left_out():
    part = replace(field(), regions=((0, 0, 9, 9),))
    assert len(join_fields([field()] * 4, 40)) == 1
    assert join_fields([*[field()] * 3, part], 40) == []
