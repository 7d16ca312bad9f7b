from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.config import find_config, load_config
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.sample import load_samples


@pytest.fixture
def data(tmp_path, toy) -> Path:
    """A field with dark nuclei, its mask binary."""
    for kind, array in (("images", 255 - toy[0]), ("masks", (toy[1] > 0).astype(np.uint8) * 255)):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "a.tif", array)
    return tmp_path


def test_fields_are_read_as_the_configuration_says(data, toy, caplog):
    config = load_config(find_config(Path("smoke")), ("data.invert=true", "data.split_binary=true"))
    (sample,) = load_samples(find_fields(data), config)
    assert caplog.messages == []
    assert sample.labels.max() == 3  # A and B touch
    inside = sample.image[toy[1] > 0].astype(float).mean()
    assert inside > sample.image[toy[1] == 0].astype(float).mean() + 0.5


def test_what_hardly_belongs_together_is_told_of_before_a_training(data, caplog):
    load_samples(find_fields(data), load_config(find_config(Path("smoke"))))
    first, second = caplog.messages
    assert first.startswith("a: the background of its image seems bright")
    assert second.startswith("a: nuclei are not brighter than what surrounds them")
