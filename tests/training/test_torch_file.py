"""Arrays of PyTorch files that reach beyond their values."""

import numpy as np
import pytest
from reference.fuzzing.files import torch_file

from nucseg_tf.errors import InitialisationError
from nucseg_tf.training.torch_file import read_torch


def test_arrays(tmp_path):
    (tmp_path / "a.pth").write_bytes(torch_file((2, 3), (3, 1)))
    ((name, array),) = read_torch(tmp_path / "a.pth")
    assert name == "a.weight"
    np.testing.assert_array_equal(array, np.arange(6).reshape(2, 3))


@pytest.mark.parametrize(
    ("shape", "steps"),
    [
        ((2, 4), (4, 1)),  # behind the last value
        ((2, 3), (100, 1)),
        ((2, 3), (-3, 1)),  # before the first
        ((10**6, 10**6), (0, 0)),  # one value as 4 TB
        ((-1, 3), (3, 1)),
        (("a", 3), (3, 1)),
        ((2,), (3, 1)),
    ],
)
def test_arrays_that_lie_elsewhere_are_refused(tmp_path, shape, steps):
    (tmp_path / "a.pth").write_bytes(torch_file(shape, steps))
    with pytest.raises(InitialisationError, match=r"a\.pth: is no PyTorch file of arrays"):
        read_torch(tmp_path / "a.pth")
