"""The shipped models in each form; apart from tests in whose module all networks are small ones."""

from __future__ import annotations

import json

import pytest

from nucseg_tf.models.export.write import FORMATS, export_network


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["fpn2ws-nuclei", "jacobkie-nuclei", "mask-rcnn-nuclei"])
def test_shipped_models_give_what_keras_gives(name, form, tmp_path):
    folder = export_network(name, tmp_path / "out", form)
    parts = json.loads((folder / "model.json").read_text())["parts"].values()
    assert len(parts) == (3 if name.startswith("mask") else 1)
    assert all(part["largest_difference"] < 1e-3 for part in parts)
