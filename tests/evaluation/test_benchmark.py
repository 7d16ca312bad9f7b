from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from evaluation.conftest import FIELDS, write
from reference.drawn import draw

from nucseg_tf.data import fields
from nucseg_tf.data.regions import write_regions
from nucseg_tf.errors import DataError, NucsegError, UsageError
from nucseg_tf.evaluation.benchmark import PARTS, failures, read_benchmark, run_benchmark
from nucseg_tf.evaluation.entries import parse_entries
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.writers.geojson import write_geojson


def part_of(result, group, entry):
    return next(p for p in result["summary"] if (p["group"], p["entry"]) == (group, entry))


def test_scores_of_each_tool_and_group(both):
    result = both[0]
    assert result["entries"] == ["FPN2-WS", "hand"]
    tool = part_of(result, "HCT-116", "FPN2-WS")["scores"]
    assert tool["f1_0.70"][0] == pytest.approx(2 * 3 / (7 + 8))
    assert tool["f1_0.50"][0] == pytest.approx(2 * 5 / (7 + 8))
    assert tool["false_negatives"][0] == pytest.approx(100 * 4 / 7)
    assert tool["false_positives"][0] == pytest.approx(100 * 5 / 7)
    assert part_of(result, "Other", "FPN2-WS")["scores"]["f1_0.70"][0] == 0
    overall = part_of(result, "all images", "FPN2-WS")
    assert overall["scores"]["f1_0.70"][0] == pytest.approx(2 * 3 / (9 + 8))
    for group in ("HCT-116", "Other", "all images"):
        perfect = part_of(result, group, "hand")
        assert perfect["scores"]["f1_0.95"] == [1, None, None]
        assert perfect["scores"]["boundary_distance"] == [0, None, None]
        assert perfect["counts"] == {"bias": 0, "low": 0, "high": 0}
    assert failures(result) == []


def test_files_hold_what_is_returned(both):
    result, out = both
    names = {path.name for path in out.iterdir()}
    assert names == {"benchmark.json", "scores.csv", "summary.csv", "panels"}
    assert read_benchmark(out) == json.loads(json.dumps(result, default=lambda value: value.item()))
    scores = pd.read_csv(out / "scores.csv")
    assert len(scores) == 8
    row = scores[(scores["run"] == "FPN2-WS") & (scores["image"] == "a")].iloc[0]
    assert row["f1_0.70"] == pytest.approx(2 / 11)
    empty = scores[(scores["run"] == "FPN2-WS") & (scores["image"] == "d")].iloc[0]
    assert empty["f1_0.70"] == 1
    summary = pd.read_csv(out / "summary.csv")
    chosen = (summary["score"] == "f1_0.70") & (summary["group"] == "HCT-116")
    assert summary[chosen]["value"].tolist() == pytest.approx([0.4, 1])
    assert summary[chosen]["low"].isna().all()
    assert set(result) == {"format", "note", *PARTS}


def test_killed_while_it_writes_over_another_no_report_is_left(folders, benchmark, monkeypatch):
    _, out = benchmark(f"tool={folders / 'tool'}")
    (out / "report.html").touch()

    def kill(path, table):
        raise KeyboardInterrupt

    monkeypatch.setattr("nucseg_tf.evaluation.benchmark._write_table", kill)
    with pytest.raises(KeyboardInterrupt):
        benchmark(f"hand={folders / 'perfect'}")
    assert {path.name for path in out.iterdir()} == {"scores.csv", "summary.csv", "panels"}


def test_the_same_benchmark_gives_the_same_scores(both, folders, benchmark):
    labels = (f"FPN2-WS={folders / 'tool'}", f"hand={folders / 'perfect'}")
    again, _ = benchmark(*labels, out="again")
    assert again["summary"] == both[0]["summary"]
    assert again["images"] == both[0]["images"]


def test_pictures_of_the_images_chosen(both):
    result, out = both
    pictures = {str(path.relative_to(out / "panels")) for path in out.rglob("panels/*/*.png")}
    kinds = (
        "truth",
        *(f"{e}_{k}" for e in result["entries"] for k in ("prediction", "difference")),
    )
    assert pictures == {f"{image}/{kind}.png" for image in result["panels"] for kind in kinds}
    assert result["panels"] == {"c": "the worst image", "a": "median of HCT-116"}


def test_repeated_runs(folders, benchmark):
    result, _ = benchmark(f"net={folders / 'tool'}+{folders / 'perfect'}")
    part = part_of(result, "HCT-116", "net")
    assert (part["runs"], part["interval"]) == (2, "t")
    # t(0.975, 1) = 12.7062; values 0.4 and 1: 0.7 -+ 12.7062 * 0.3
    assert part["scores"]["f1_0.70"] == pytest.approx([0.7, 0.7 - 3.81186, 0.7 + 3.81186], abs=1e-4)


def test_a_run_without_pairs_does_not_hide_the_others(folders, benchmark):
    for name, (truth, _) in FIELDS.items():
        write(folders / "none" / f"{name}.tif", (0 * truth).astype(np.uint16))
    result, out = benchmark(f"net={folders / 'perfect'}+{folders / 'none'}")
    part = part_of(result, "HCT-116", "net")
    assert part["scores"]["boundary_distance"] == [0, None, None]
    summary = pd.read_csv(out / "summary.csv").set_index(["group", "score"])
    assert summary.loc[("HCT-116", "boundary_distance"), "runs"] == 1
    assert summary.loc[("HCT-116", "f1_0.70"), "runs"] == 2


def test_labels_may_stay_in_the_folders_of_the_data_set(folders, benchmark):
    table = folders / "groups.csv"
    table.write_text("image,group\na,Other\nb,new\nc,new\nd,new\n")
    other = 0 * FIELDS["HCT-116/a"][0].astype(np.uint16)
    write(folders / "perfect" / "Other" / "a.tif", other)  # would be of another image
    result, _ = benchmark(f"hand={folders / 'perfect'}", groups=table)
    assert failures(result) == []
    assert part_of(result, "Other", "hand")["scores"]["f1_0.95"][0] == 1
    assert part_of(result, "new", "hand")["scores"]["f1_0.95"][0] == 1


def test_truth_is_read_once_for_all_runs(folders, benchmark, monkeypatch):
    read = []
    original = fields.read_any_labels
    monkeypatch.setattr(
        fields, "read_any_labels", lambda *args: read.append(args) or original(*args)
    )
    tools = [f"{name}={folders / 'perfect'}" for name in ("x", "y", "z")]
    result, _ = benchmark(*tools)
    # To check it, to score it, and for its picture.
    assert len(read) == 2 * len(result["images"]) + len(result["panels"])


def test_only_finished_regions_count(folders, benchmark):
    mask = folders / "data" / "masks" / "Other" / "c.tif"
    write_regions(mask, [(0, 0, 2, 2)])  # PAIR without its second nucleus
    result, _ = benchmark(f"tool={folders / 'tool'}", f"hand={folders / 'perfect'}")
    rows = {row["run"]: row for row in result["scores"] if row["image"] == "c"}
    assert [(rows[n]["n_truth"], rows[n]["n_pred"]) for n in ("tool", "hand")] == [(1, 0), (1, 1)]


def test_labels_of_other_programs(folders, benchmark):
    for name, (truth, _) in FIELDS.items():
        (folders / "data" / "masks" / f"{name}.tif").unlink()
        write_geojson(folders / "data" / "masks" / f"{name}.geojson", truth)
    for name, (truth, _) in FIELDS.items():
        stem = name.split("/")[1]
        (folders / "others").mkdir(exist_ok=True)
        np.save(folders / "others" / f"{stem}_seg.npy", {"masks": truth.astype(np.uint16)})
    result, _ = benchmark(f"cellpose={folders / 'others'}", f"hand={folders / 'perfect'}")
    assert failures(result) == []
    for entry in ("cellpose", "hand"):
        assert part_of(result, "all images", entry)["scores"]["f1_0.95"][0] == 1


def test_pieces_of_binary_masks_are_nuclei(folders, benchmark):
    apart = draw("11..2\n11..2")
    for place in ("data/masks/Other/c.tif", "perfect/Other/c.tif"):
        write(folders / place, (255 * (apart > 0)).astype(np.uint8))
    write(folders / "data" / "images" / "Other" / "c.tif", (40 * apart).astype(np.uint8))
    counts = []
    for split in (False, True):
        result, _ = benchmark(
            f"hand={folders / 'perfect'}", out=f"split {split}", split_binary=split
        )
        row = next(row for row in result["scores"] if row["image"] == "c")
        counts.append((row["n_truth"], row["n_pred"]))
    assert counts == [(1, 1), (2, 2)]
    assert result["options"]["split_binary"]


# --- bad input -------------------------------------------------------------------------------


def test_a_missing_prediction_counts_as_all_missed(folders, benchmark, caplog):
    (folders / "perfect" / "HCT-116" / "a.tif").unlink()
    result, out = benchmark(f"hand={folders / 'perfect'}")
    part = part_of(result, "HCT-116", "hand")
    assert part["scores"]["false_negatives"][0] == pytest.approx(100 * 5 / 7)
    assert part["scores"]["f1_0.50"][0] == pytest.approx(2 * 2 / (7 + 2))
    (failure,) = failures(result)
    assert (failure["run"], failure["image"]) == ("hand", "a")
    assert "no label image a_labels.tif" in failure["reason"]
    assert "no label image" in caplog.text
    assert pd.read_csv(out / "failures.csv")["image"].tolist() == ["a"]
    benchmark(f"tool={folders / 'tool'}")
    assert not (out / "failures.csv").exists()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((16, 5), np.uint16), r"(16, 5) differs from (5, 16)"),
        (np.full((5, 16), 0.5, np.float32), "not whole numbers"),
        (np.full((5, 16), -1, np.int16), "negative"),
        (np.ones((3, 5, 16), np.uint16), "more than two dimensions"),
    ],
)
def test_labels_that_cannot_be_used_count_as_all_missed(folders, benchmark, labels, message):
    import tifffile

    file = folders / "tool" / "a_labels.tif"
    tifffile.imwrite(file, labels, photometric="minisblack")
    result, _ = benchmark(f"tool={folders / 'tool'}")
    (failure,) = failures(result)
    assert str(file) in failure["reason"]
    assert message in failure["reason"]
    assert part_of(result, "HCT-116", "tool")["predicted"] == 2


def test_two_label_images_of_one_image_are_refused(folders, benchmark):
    write_labels(folders / "tool" / "a_labels.tiff", draw("11\n22"))
    with pytest.raises(DataError, match=r"a_labels\.tif and a_labels\.tiff claim the same image"):
        benchmark(f"tool={folders / 'tool'}")


def test_a_folder_of_other_labels_is_refused(folders, benchmark):
    (folders / "empty").mkdir()
    with pytest.raises(DataError, match="none of 4 images; expected a_labels"):
        benchmark(f"x={folders / 'empty'}")
    with pytest.raises(UsageError, match="nowhere"):
        benchmark(f"x={folders / 'nowhere'}")


def test_models_are_checked_before_anything_is_done(folders):
    damaged = folders / "damaged"
    damaged.mkdir()
    (damaged / "model.yaml").write_text("format: 1")
    for name, message in (("no-such-model", "no model"), (str(damaged), "incomplete model")):
        with pytest.raises(NucsegError, match=message):
            run_benchmark(folders / "data", folders / "out", parse_entries([name], []), options={})
    assert not (folders / "out").exists()


def test_a_stop_leaves_nothing_half_done(folders, benchmark):
    seen = []

    def progress(done, total, name):
        seen.append((done, total, name))
        return done < 2

    result, out = benchmark(f"tool={folders / 'tool'}", progress=progress)
    assert result is None
    assert seen == [(1, 4, "tool: scored a"), (2, 4, "tool: scored b")]
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"format": 0}', '{"format": 1}'])
def test_a_damaged_result_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "benchmark.json").write_text(text)
    with pytest.raises(DataError, match=r"benchmark\.json"):
        read_benchmark(tmp_path)
