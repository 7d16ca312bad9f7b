from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.commands.settings import settings_and_fields


@pytest.fixture
def data(tmp_path) -> Path:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for name in "ab":
            tifffile.imwrite(tmp_path / kind / f"{name}.tif", np.eye(9, dtype=np.uint8))
    return tmp_path


def test_choices_of_the_command_line_go_before_the_configuration(data):
    chosen = {"channel": "1", "z": None, "invert": True, "split_binary": False}
    settings, (train, validation) = settings_and_fields(Path("smoke"), data, (), **chosen)
    assert settings.data.reading == {
        "channel": 1, "z": None, "invert": True, "split_binary": False
    }  # fmt: skip
    assert len(train) == len(validation) == 1


def test_what_is_not_chosen_stays_as_configured(data):
    changes = ("data.invert=true", "data.split_binary=true", "data.z=3")
    none = {"channel": None, "z": None, "invert": False, "split_binary": False}
    settings, _ = settings_and_fields(Path("smoke"), data, changes, **none)
    assert settings.data.reading == {
        "channel": None, "z": 3, "invert": True, "split_binary": True
    }  # fmt: skip
