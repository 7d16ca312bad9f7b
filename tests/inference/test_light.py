"""The illumination of a run: estimated once, for all of its parts."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from nucseg_tf.inference import light
from nucseg_tf.inference.options import Options
from nucseg_tf.io.sources import FileSource


@pytest.fixture
def sources(tmp_path):
    """Twelve fields, brighter from top to bottom."""
    rng = np.random.default_rng(0)
    slope = np.linspace(0.5, 1.5, 40)[:, np.newaxis]
    (tmp_path / "images").mkdir()
    found = []
    for number in range(12):
        pixels = (rng.uniform(900, 1100, (40, 60)) * slope).astype(np.uint16)
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", pixels)
        found.append(FileSource(tmp_path / "images" / f"{number}.tif"))
    return found


def test_all_parts_go_by_what_the_first_one_saw(sources, tmp_path, monkeypatch):
    first = light.light_of_run(tmp_path, "a key", sources, Options())
    assert first[""][-1].mean() / first[""][0].mean() > 2
    with monkeypatch.context() as patch:
        patch.setattr(light, "estimate_light", None)
        second = light.light_of_run(tmp_path, "a key", sources, Options())
    np.testing.assert_array_equal(second[""], first[""])
    assert light.digest_of(second) == light.digest_of(first) != light.digest_of({})
    light.forget_light(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


@pytest.mark.parametrize("kept", ["of another run", b"", b"PK\x03\x04 cut short"])
def test_what_is_not_of_this_run_is_not_used(sources, tmp_path, kept):
    if isinstance(kept, bytes):
        (tmp_path / light.KEPT).write_bytes(kept)
    else:
        light.light_of_run(tmp_path, kept, sources[1:], Options())
    found = light.light_of_run(tmp_path, "a key", sources, Options())
    np.testing.assert_array_equal(found[""], light.estimate_light(sources, Options())[""])
    assert light.light_of_run(tmp_path, "a key", [], Options()).keys() == {""}


def test_of_two_that_estimate_at_once_the_first_counts(sources, tmp_path, monkeypatch):
    def slow(given, options):
        monkeypatch.undo()
        light.light_of_run(tmp_path, "a key", sources[1:], Options())  # the other, meanwhile
        return light.estimate_light(given, options)

    monkeypatch.setattr(light, "estimate_light", slow)
    found = light.light_of_run(tmp_path, "a key", sources, Options())
    np.testing.assert_array_equal(found[""], light.estimate_light(sources[1:], Options())[""])
