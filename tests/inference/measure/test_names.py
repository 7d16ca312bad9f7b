from __future__ import annotations

import pytest

from nucseg_tf.inference.measure.names import name_columns


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DAPI", "DAPI"),
        ("w1 Hoechst, 33342", "w1_Hoechst_33342"),
        ('=HYPERLINK("x")', "HYPERLINK_x"),
        ("-1", "1"),
        ("a\nb\tc;d", "a_b_c_d"),
        ("β-Tubulin", "β_Tubulin"),
        ("__x__", "x"),
        ("", "channel_1"),
        ("…", "channel_1"),
    ],
)
def test_names_are_safe(name, expected):
    assert name_columns([name], ["mean"], []) == [{"mean": f"{expected}_mean"}]


def test_names_are_unique():
    ends = ("mean", "ring_mean")
    channels = ["a", "A", "a", "a_2", "a ring", "feret", "a"]
    found = name_columns(channels, ends, ["feret_mean"])
    columns = [column for names in found for column in names.values()]
    assert len(set(columns)) == len(columns)
    assert [names["mean"] for names in found] == [
        "a_mean", "A_mean", "a_2_mean", "a_2_2_mean", "a_ring_2_mean", "feret_2_mean", "a_3_mean"
    ]  # fmt: skip
