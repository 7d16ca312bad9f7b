"""A tool in a benchmark, from its own environment to the report."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from evaluation.conftest import FIELDS, OPTIONS
from evaluation.peers.conftest import packages_of

from nucseg_tf.commands.benchmark import benchmark as command
from nucseg_tf.errors import ImageReadError, PeerError, SomeImagesFailed
from nucseg_tf.evaluation.benchmark import failures, left_out, run_benchmark
from nucseg_tf.evaluation.entries import parse_entries
from nucseg_tf.evaluation.report import write_report
from nucseg_tf.evaluation.sections import left_out_table
from nucseg_tf.inference.stages.read import Read


@pytest.fixture
def run(folders, environments, weights):
    """Runs a benchmark of the tool, with weights, and of labels."""

    def run(peer=f"stardist={weights}", **options):
        runs = parse_entries([], [f"hand={folders / 'perfect'}"], [peer])
        return run_benchmark(
            folders / "data", folders / "out", runs, options=OPTIONS | {"invert": None}, **options
        )

    return run


def record(folders):
    return json.loads((folders / "out/predictions/stardist/run.json").read_text())


def test_labels_time_and_memory(run, folders, weights):
    result = run()
    assert result["entries"] == ["stardist", "hand"]
    assert failures(result) == left_out(result) == []
    overall = next(p for p in result["summary"] if p["entry"] == "stardist" and p["images"] == 4)
    assert overall["scores"]["f1_0.95"][0] == 1
    peer = result["runs"][0]
    assert (peer["kind"], peer["family"], peer["source"]) == ("peer", "StarDist 0.1", str(weights))
    cost = peer["cost"]
    assert cost["images"] == len(FIELDS)
    assert cost["mpx"] == pytest.approx(sum(truth.size for truth, _ in FIELDS.values()) / 1e6)
    assert cost["seconds"] > 0
    assert cost["memory_mb"] > 5
    assert set(cost["each_s"]) == {"a", "b", "c", "d"}
    folder = folders / "out" / "predictions" / "stardist"
    names = {path.name for path in folder.iterdir()}
    assert names == {"run.json", "peer.log", *(f"{name}_labels.tif" for name in "abcd")}
    assert "print what it likes" in (folder / "peer.log").read_text()
    page = write_report(folders / "out").read_text()
    assert "StarDist 0.1" in page
    assert "Left out" not in page


def test_what_is_the_same_is_kept_and_the_rest_predicted(run, folders, weights):
    run()
    first = record(folders)
    assert record(folders) == first  # not even started
    (folders / "out/predictions/stardist/b_labels.tif").unlink()
    run()
    assert set(record(folders)["cost"]["each_s"]) == {"b"}
    (weights / "weights_best.h5").write_text("2")
    run()
    assert set(record(folders)["cost"]["each_s"]) == {"a", "b", "c", "d"}


def test_a_benchmark_stopped_on_the_way_goes_on(run, folders):
    assert run(progress=lambda done, total, name: False) is None
    made = list((folders / "out/predictions/stardist").glob("*_labels.tif"))
    assert "cost" not in record(folders)
    assert not (folders / "out/predictions/stardist/prepared").exists()
    assert made
    run()
    assert len(record(folders)["cost"]["each_s"]) <= 4 - 1


def test_one_image_that_fails_counts_as_missed(run, monkeypatch):
    monkeypatch.setenv("FAKE", "fails")
    result = run()
    assert [(row["run"], row["image"]) for row in failures(result)] == [
        ("stardist", name) for name in "bcd"
    ]
    assert failures(result)[0]["reason"] == "stardist: ValueError: too small ... for me"
    assert result["runs"][0]["cost"]["images"] == 1


@pytest.fixture
def damaged(monkeypatch):
    """Reading image c fails."""

    def fail(self, item):
        if item.stem == "c":
            raise ImageReadError(f"{item}: damaged")
        return read(self, item)

    read = Read.__call__
    monkeypatch.setattr(Read, "__call__", fail)


@pytest.mark.usefixtures("damaged")
def test_an_image_that_has_no_plane_to_show_is_told_of(run):
    result = run()
    (row,) = failures(result)
    assert (row["run"], row["image"]) == ("stardist", "c")
    assert row["reason"].endswith("damaged")


@pytest.mark.usefixtures("damaged")
def test_a_tool_that_fails_on_all_that_it_is_given_has_no_score(run, monkeypatch):
    monkeypatch.setenv("FAKE", "always")
    (row,) = left_out(run())
    assert row["reason"].startswith("stardist: fails on every image. stardist: ValueError")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no environment", "no Python environment"),
        ("not installed", "stardist is not installed"),
        ("broken", r"cannot be imported in its environment \(SyntaxError"),
        ("no weights", r"weights cannot be had here \(OSError: URL fetch.*--peers stardist=FOLDER"),
        ("bad weights", r"cannot be loaded as its weights \(ValueError"),
        ("missing weights", r"cannot be loaded as its weights \(UserWarning: Couldn't find any"),
        ("corrupted", r"weights cannot be had here \(ValueError: 2D_versatile_fluo cannot be"),
        ("always", r"stardist: fails on every image\. stardist: ValueError: too small"),
        ("dies", r"ended with code 7.*print what it likes"),
    ],
)
def test_a_tool_that_cannot_be_run_is_left_out(
    case,
    message,
    run,
    folders,
    environments,
    weights,
    monkeypatch,
    caplog,
):
    packages = packages_of(environments / "stardist")
    peer = "stardist" if case in ("no weights", "corrupted") else f"stardist={weights}"
    if case == "no environment":
        monkeypatch.setenv("NUCSEG_PEERS", str(folders))
    if case == "not installed":
        (packages / "stardist-0.1.dist-info" / "METADATA").unlink()
        (packages / "stardist-0.1.dist-info").rmdir()
    if case == "broken":
        (packages / "stardist" / "models.py").write_text("this is no Python")
    if case == "bad weights":
        (weights / "weights_best.h5").write_text("nothing")
    if case == "missing weights":
        (weights / "weights_best.h5").rename(weights / "weights_best.part")
    if case in ("corrupted", "always", "dies"):
        monkeypatch.setenv("FAKE", case)
    seen = []
    result = run(peer, progress=lambda done, total, name: seen.append((done, total)) or True)
    (row,) = left_out(result)
    assert row["run"] == "stardist"
    assert re.search(message, row["reason"])
    assert row["reason"] in caplog.text
    assert result["entries"] == ["hand"]
    assert seen[-1][0] == seen[-1][1]
    table = pd.read_csv(folders / "out" / "failures.csv")
    assert table["run"].tolist() == ["stardist"]
    assert "could not be run here" in left_out_table(result)


def test_where_nothing_can_be_run_it_is_an_error(folders, environments):
    runs = parse_entries([], [], ["stardist,cellpose"])
    with pytest.raises(PeerError, match=r"nothing could be run.*weights.*no Python environment"):
        run_benchmark(folders / "data", folders / "out", runs, options=OPTIONS | {"invert": None})


def test_the_command_ends_with_code_3(folders, environments, capsys):
    with pytest.raises(SomeImagesFailed, match="cellpose could not be run; see"):
        command(
            data=folders / "data",
            out=folders / "out",
            peers=("cellpose",),
            labels=(f"hand={folders / 'perfect'}",),
        )
    assert "report.html" in capsys.readouterr().out
