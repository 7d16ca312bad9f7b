from __future__ import annotations

import numpy as np
import pytest
import tifffile
from scale.test_estimate import field

from nucseg_tf.__main__ import main
from nucseg_tf.errors import UsageError
from nucseg_tf.inference.options import parse_diameter


def test_it_prints_a_line_an_image(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", field(30).astype(np.uint16))
    tifffile.imwrite(tmp_path / "b.tif", np.full((50, 60), 7, np.uint8))
    (tmp_path / "c.tif").write_text("no image")
    assert main(["diameter", str(tmp_path)]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert 20 < float(lines[1].split()[0]) < 40
    assert lines[2].split()[0] == "none"
    assert "c.tif" in lines[3]


@pytest.mark.parametrize(("text", "value"), [("auto", "auto"), ("native", "native"), ("30", 30.0)])
def test_a_diameter_is_a_word_or_a_number(text, value):
    assert parse_diameter(text) == value
    assert parse_diameter(None) is None


@pytest.mark.parametrize("text", ["Auto", "-3", "0", "nan", "thirty"])
def test_other_diameters_are_refused_before_the_model_is_loaded(
    text, tmp_path, capsys, monkeypatch
):
    def loads(*arguments, **options):
        raise AssertionError("loaded")

    monkeypatch.setattr("nucseg_tf.inference.segmenter.load_model", loads)
    with pytest.raises(UsageError, match=f"Received: {text}"):
        parse_diameter(text)
    tifffile.imwrite(tmp_path / "a.tif", np.eye(20, dtype=np.uint8))
    command = ["predict", str(tmp_path / "a.tif"), "--out", str(tmp_path / "o")]
    assert main([*command, f"--diameter={text}"]) == 2
    assert "--diameter: expected auto, native or a positive number" in capsys.readouterr().err


def test_of_dark_nuclei_the_negative_is_looked_at(tmp_path, capsys):
    image = field(30).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image)
    tifffile.imwrite(tmp_path / "b.tif", 65535 - image)
    assert main(["diameter", str(tmp_path / "a.tif")]) == 0
    assert main(["diameter", str(tmp_path / "b.tif"), "--invert"]) == 0
    _, plain, _, inverted = capsys.readouterr().out.splitlines()
    assert plain.split()[:2] == inverted.split()[:2]
