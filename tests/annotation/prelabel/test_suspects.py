"""Which nuclei are suspects, why, and in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference.drawn import draw

from nucseg_tf.annotation.prelabel import suspects


def nuclei(areas, image="a.tif", **columns) -> pd.DataFrame:
    """Nuclei of which nothing is unusual but what is said."""
    usual = {"solidity": 0.97, "touches_edge": False, "confidence": 0.95, "touching": False}
    count = len(areas)
    content = {"image": image, "label": range(1, count + 1), "area_px": areas} | usual | columns
    return pd.DataFrame(content, index=range(count))


def test_touching_includes_corners_but_not_gaps():
    labels = draw("""
        11...3.4
        .122...4
        ...2....
        5.6...77
        ........
        8.......
        .9......
    """)
    # 1 and 2 share an edge; 2 meets 6 at a corner, and 8 meets 9 at one of the other kind. 3 and 4
    # are a pixel apart, as are 5 and 6.
    found = np.flatnonzero(suspects.touching(labels)) + 1
    assert found.tolist() == [1, 2, 6, 8, 9]
    assert suspects.touching(np.zeros((4, 5), np.int32)).shape == (0,)


def test_size_is_judged_by_the_field():
    # Log areas: median log 100; the deviations are 0, so that the least spread of 0.2 counts, and
    # 3 of it are a factor of exp(0.6) = 1.82.
    table = nuclei([100] * 9 + [190, 175, 52, 58])
    assert np.flatnonzero(suspects.unusual_sizes(table)).tolist() == [9, 11]


def test_a_spread_out_field_allows_more():
    # Log areas -0.8, -0.6 ... 0.8 about log 100: median deviation 0.4, spread 0.593, limit 1.78.
    areas = 100 * np.exp(np.linspace(-0.8, 0.8, 9))
    table = nuclei([*areas, 100 * np.exp(1.7), 100 * np.exp(2.3)])
    # With the two, the median rises to log 100 + 0.2 and the median deviation to 0.6.
    assert suspects.unusual_sizes(table).sum() == 0
    table = nuclei([*areas, *areas, 100 * np.exp(2.3)])
    assert np.flatnonzero(suspects.unusual_sizes(table)).tolist() == [18]


def test_nuclei_cut_by_the_edge_are_not_small():
    cut = [False] * 9 + [True, True]
    table = nuclei([100] * 9 + [10, 900], touches_edge=cut)
    assert np.flatnonzero(suspects.unusual_sizes(table)).tolist() == [10]


def test_few_nuclei_have_no_usual_size():
    table = nuclei([100, 100, 100, 9000])
    assert not suspects.unusual_sizes(table).any()


def test_fields_of_few_nuclei_are_judged_by_their_group():
    fields = [nuclei([100] * 4, f"A/{name}.tif") for name in "xyz"]
    fields += [nuclei([100, 400], "A/w.tif"), nuclei([400, 400], "B/w.tif")]
    table = pd.concat(fields, ignore_index=True)
    assert np.flatnonzero(suspects.unusual_sizes(table)).tolist() == [13]


def test_reasons_are_joined():
    table = nuclei(
        [100] * 10,
        confidence=[0.84, 0.85, *[0.95] * 8],
        solidity=[0.89, 0.97, 0.9, *[0.97] * 7],
        touching=[True, False, False, True, *[False] * 6],
    )
    table.loc[0, "area_px"] = 1000
    marked = suspects.mark(table).set_index("label")
    assert marked.loc[1, "reasons"] == "low confidence;unusual size;unusual shape;touching"
    assert marked.loc[4, "reasons"] == "touching"
    assert marked.loc[[2, 3], "reasons"].tolist() == ["", ""]
    assert marked.loc[1, "suspect"] == marked["suspect"].sum() == 1
    assert marked["suspect"].dtype.kind == "i"
    assert "touching" not in marked


def test_at_most_a_quarter_of_a_field_are_suspects():
    table = pd.concat(
        [
            nuclei([100] * 10, "crowded.tif", confidence=np.linspace(0.3, 0.8, 10), touching=True),
            nuclei([100] * 9, "good.tif", confidence=[0.99] * 8 + [0.5]),
            nuclei([100] * 3, "few.tif", confidence=[0.8, 0.4, 0.7]),
            nuclei([100] * 2, "sure.tif"),
        ],
        ignore_index=True,
    )
    marked = suspects.mark(table)
    chosen = marked[marked["suspect"] == 1].groupby("image", sort=False)["label"].apply(list)
    # The two worst of ten, the only doubtful one of nine, the worst of three, and none.
    assert chosen.to_dict() == {"crowded.tif": [1, 2], "good.tif": [9], "few.tif": [2]}
    crowded = marked[marked["image"] == "crowded.tif"]
    assert (crowded["reasons"] == "low confidence;touching").all()
    assert sorted(marked["rank"]) == list(range(1, 25))


def test_touching_alone_makes_no_suspect():
    marked = suspects.mark(nuclei([100] * 4, touching=True))
    assert marked["reasons"].tolist() == ["touching"] * 4
    assert marked["suspect"].sum() == 0


def test_order():
    table = nuclei(
        [100] * 5,
        confidence=[0.95, 0.86, 0.80, 0.90, 0.86],
        solidity=[0.97, 0.97, 0.97, 0.89, 0.92],
        touching=[True, False, False, False, False],
    )
    # More than touching: 3 (0.80 - 0.015 = 0.785), 4 (0.90 - 0.055 = 0.845). Then 5 (0.86 - 0.04),
    # 2 (0.86 - 0.015) and last 1, as touching counts for nothing.
    assert suspects.mark(table)["label"].tolist() == [3, 4, 5, 2, 1]


def test_rank_is_over_all_images_and_rows_are_by_image():
    table = pd.concat(
        [
            nuclei([100, 100], "b.tif", confidence=[0.95, 0.5]),
            nuclei([100, 100], "a.tif", confidence=[0.7, 0.6]),
        ],
        ignore_index=True,
    )
    marked = suspects.mark(table)
    assert marked["image"].tolist() == ["b.tif", "b.tif", "a.tif", "a.tif"]
    assert marked["label"].tolist() == [2, 1, 2, 1]
    assert marked["rank"].tolist() == [1, 4, 2, 3]


def test_unknown_confidence_is_no_reason():
    marked = suspects.mark(nuclei([100, 100], confidence=np.nan))
    assert marked["suspect"].tolist() == [0, 0]
    assert sorted(marked["rank"]) == [1, 2]


def test_no_nuclei():
    table = nuclei([]).astype({"touching": bool, "touches_edge": bool})
    assert list(suspects.mark(table).columns[-3:]) == ["suspect", "reasons", "rank"]


@pytest.mark.parametrize("column", ["suspect", "rank"])
def test_numbers_stay_whole_in_files(column, tmp_path):
    suspects.mark(nuclei([100, 90])).to_csv(tmp_path / "a.csv", index=False)
    assert pd.read_csv(tmp_path / "a.csv")[column].dtype.kind == "i"
