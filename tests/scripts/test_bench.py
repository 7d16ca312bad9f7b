"""The command, from results to page and figure; and nucseg_tf by stage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile
from bench import earlier_parts
from speed import tools, worker
from speed.figure import draw, highest
from speed.parts import goes_on

BENCH = Path(__file__).parents[2] / "scripts" / "bench.py"


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCH), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_shows_earlier_results(tmp_path, result):
    earlier, page, figure = (tmp_path / name for name in ("bench.json", "page.md", "figure.png"))
    earlier.write_text(json.dumps(result))
    done = bench("--from", earlier, "--markdown", page, "--figure", figure)
    assert done.returncode == 0, done.stderr
    assert "| nucseg_tf | 1 (0.5-2) |" in done.stdout
    assert done.stdout.strip() in page.read_text()
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--parts", "whole,sizes"], "Received: sizes"), (["--rounds", "0"], "expected 1 or more")],
)
def test_refuses_what_makes_no_sense(arguments, message):
    done = bench(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_resume_keeps_what_was_measured_on_this_machine(tmp_path, result):
    file = tmp_path / "bench.json"
    file.write_text(json.dumps(result))
    assert earlier_parts(file, result) == result["parts"]
    result["machine"]["cores"] = 64
    with pytest.raises(SystemExit, match="other machine cores: 2, now 64"):
        earlier_parts(file, result)


@pytest.mark.parametrize(
    ("heights", "drawn"), [([1.0], 1.0), ([3.0, 0.5], 3.0), ([9.0, 0.5, 2.0], 2.0)]
)
def test_bars_far_above_the_others_are_cut_off(heights, drawn):
    assert highest(heights) == drawn


@pytest.mark.parametrize(
    ("runs", "errors", "on"),
    [([3.0, 9.0], {}, True), ([3.0, 11.0], {}, False), ([3.0], {"a": "gone"}, False)],
)
def test_a_slow_tool_is_not_asked_for_a_larger_field(runs, errors, on):
    row = {"runs": {"a": [{"wall_s": wall} for wall in runs]}, "errors": errors}
    assert goes_on(row, "a", patience_s=10) is on


def test_figure_of_nothing(tmp_path, result):
    result["parts"] = {}
    draw(result, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_our_stages_have_the_names_of_the_tables(tmp_path, toy):
    images, times = tmp_path / "images", tmp_path / "times.json"
    images.mkdir()
    for number in range(2):
        tifffile.imwrite(images / f"f{number}.tif", toy[0])
    tool = tools.ours("fpn2ws-nuclei")
    command = (*tool.staged, str(images), "--out", str(tmp_path / "out"), "--times", str(times))
    subprocess.run(command, env=tool.env, check=True, capture_output=True)
    found = json.loads(times.read_text())
    assert list(found["stages"]) == list(worker.NAMES)
    assert found["images"] == 2
    assert found["mpx"] == pytest.approx(2 * toy[0].size / 1e6)
    assert found["stages"]["network"]["cpu_s"] > 0
    assert (tmp_path / "out" / "f1_labels.tif").exists()


def test_another_tool_gets_nothing_of_our_environment(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    tool = tools.rival("stardist", "python", "weights")
    assert "PYTHONPATH" not in tool.env
    assert tool.predict[0] == "python"
    assert Path(tool.predict[1]).is_file()
    assert tool.predict[2:] == ("--model", "weights")


def test_versions_of_packages_that_are_there():
    found = tools.packages(sys.executable, ("numpy", "no-such-package"))
    assert set(found) == {"python", "numpy"}


def test_no_such_interpreter():
    with pytest.raises(SystemExit, match="is no Python that runs"):
        tools.packages("no-such-python", ())
