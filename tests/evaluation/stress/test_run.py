from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest

from nucseg_tf.errors import UsageError
from nucseg_tf.evaluation.stress.run import run_stress
from nucseg_tf.evaluation.stress.sheet import TILE, TITLE, draw_tile, write_sheet
from nucseg_tf.evaluation.stress.table import summarise_stress, to_markdown
from nucseg_tf.imaging.components import components


class Threshold:
    """A model: what is brighter than half the contrast is a nucleus, of 19 px, it says."""

    def stages(self, options):
        return [self]

    def __call__(self, image):
        values = image.pixels.astype(float)
        limit = (np.percentile(values, 1) + np.percentile(values, 99.8)) / 2
        labels, _ = components(values > limit)
        instances = SimpleNamespace(labels=labels)
        return SimpleNamespace(image=SimpleNamespace(diameter=19.0), instances=instances)


@pytest.fixture
def outcomes(scenes):
    kinds = ["plain", "zoom_3", "sixteen_bits", "dead_cell", "dust"]
    return list(run_stress({"m": Threshold()}, {"drawn": scenes}, kinds, fields=2))


@pytest.fixture
def summary(outcomes):
    return summarise_stress(pd.DataFrame([outcome.row() for outcome in outcomes]))


def test_each_kind_is_scored_beside_the_plain_fields(outcomes, summary):
    assert len(outcomes) == 10
    assert {outcome.scene.name for outcome in outcomes} == {"a", "d"}
    rows = summary.set_index("kind")
    assert rows["fields"].tolist() == [2] * 5
    plain = rows.loc["plain"]
    # Of six nuclei two touch and are found as one, whose IoU with the larger is 0.55.
    assert plain["ap_0.5"] == pytest.approx(5 / 6)
    assert plain["ap_0.7"] == pytest.approx(4 / 7)
    assert plain["merges"] == pytest.approx(100 / 6)
    assert plain["change_0.5"] == rows.loc["sixteen_bits", "change_0.5"] == 0
    assert rows.loc["dead_cell", "change_0.5"] < -0.3
    dead = rows.loc["dead_cell"]
    assert dead["ap_0.5"] == pytest.approx(plain["ap_0.5"] + dead["change_0.5"])
    assert rows.loc["dust", "false_nuclei"] > 1
    assert np.isnan(rows.loc["dust", "ap_0.5"])
    assert np.isnan(plain["false_nuclei"])


def test_error_of_the_diameter(outcomes, summary):
    true = [outcome.scene.diameter for outcome in outcomes if outcome.kind == "zoom_3"]
    assert np.median(true) > 50
    error = summary.set_index("kind").loc["zoom_3", "diameter_error"]
    assert error == pytest.approx(np.median(np.abs(19 / np.array(true) - 1)))


def test_markdown_has_a_line_a_kind(summary):
    text = to_markdown(summary)
    assert text.startswith("`m`, drawn:\n\n| Kind | fields |")
    assert "| zoom_3: three times the size | 2 | " in text
    lines = text.strip().splitlines()[2:]
    assert len(lines) == 2 + 5
    assert {line.count("|") for line in lines} == {9}
    assert "nan" not in text


def test_contact_sheet(outcomes, tmp_path):
    tiles = {(outcome.scene.name, outcome.kind): draw_tile(outcome) for outcome in outcomes[:-1]}
    write_sheet(tmp_path / "sheet.png", tiles)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[0] > TITLE + 2 * TILE
    assert sheet.shape[1] >= 5 * TILE
    # Where truth and prediction agree, outlines are white; the last tile is missing.
    assert np.any(np.all(sheet[TITLE:, :TILE] == 255, axis=-1))
    assert np.all(sheet[-TILE:-4, -TILE:] == 40)


def test_unknown_kinds_are_refused_at_once(scenes):
    with pytest.raises(UsageError, match="no kind fog"):
        next(run_stress({"m": Threshold()}, {"drawn": scenes}, ["plain", "fog"], fields=1))
