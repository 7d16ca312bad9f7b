"""Predictions of plates and folders: jobs, what is made again, slips, and a real run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import prediction
import pytest
import tifffile
import yaml
from checks import DesignError
from reference.drawn import drawn_nuclei

from nucseg_tf.__main__ import main

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "prediction.schema.yaml"
DESIGN = {"results": "out", "inputs": {"p": "images", "q": ["more", "and more"]}, "shards": 3}
KILLED_ONCE = """#!{python}
import os, pathlib, subprocess, sys, time
program = subprocess.Popen(["{python}", "-m", "nucseg_tf", *sys.argv[1:]])
first, lines = pathlib.Path("killed"), pathlib.Path("out/p/.run-1of2.jsonl")
while "1/2" in sys.argv and not first.exists() and program.poll() is None:
    if lines.exists() and lines.read_bytes().count(b"\\n") >= 2:
        program.kill()
        first.write_text(lines.read_text())
    time.sleep(0.002)
sys.exit(program.wait() % 256)
"""


def read(**changes):
    return prediction.read_prediction({**DESIGN, **changes}, SCHEMA, ROOT, "my.yaml")


class Laboratory:
    """A folder of images, in which the workflow runs."""

    def __init__(self, folder: Path, program: str, **changes):
        self.folder = folder
        for name in ("images", "more", "and more", "bin"):
            (folder / name).mkdir()
        self.program = folder / "bin" / "nucseg"
        self.program.write_text(program)
        self.program.chmod(0o755)
        self.configure(**changes)

    def configure(self, **changes) -> None:
        (self.folder / "my.yaml").write_text(yaml.safe_dump({**DESIGN, **changes}))

    def snakemake(self, *arguments: str, code: int = 0) -> str:
        snakefile = str(ROOT / "workflow" / "predict" / "Snakefile")
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile, "--cores", "2"]
        path = f"{self.program.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            [*command, "--configfile", "my.yaml", *arguments],
            cwd=self.folder,
            env=os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache"), "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def waiting(self) -> dict[str, int]:
        """How many jobs of each rule would run now."""
        text = self.snakemake("--dry-run")
        table = re.search(r"^job +count\n-.*?\n(.*?)^total", text, re.MULTILINE | re.DOTALL)
        rows = (line.split() for line in table[1].splitlines()) if table else ()
        return {rule: int(count) for rule, count in rows if rule != "all"}


@pytest.fixture
def laboratory(tmp_path):
    """With a stand-in for the program."""
    stub = Path(__file__).with_name("stub.py")
    return Laboratory(tmp_path, f'#!/bin/sh\nexec {sys.executable} {stub} "$@"\n')


def test_inputs_become_jobs(laboratory):
    assert laboratory.waiting() == {"predict": 6, "merge": 2}
    laboratory.configure(report=True, table="parquet", shards=1)
    assert laboratory.waiting() == {"predict": 2, "merge": 2, "report": 2}


def test_the_linter_has_no_objection(laboratory):
    laboratory.snakemake("--lint")


def test_a_run_and_what_is_made_again(laboratory):
    out = laboratory.folder / "out" / "q"
    options = {"channel": "DAPI 2", "overlay": True, "pixel_size": 0.5, "t": "1:3"}
    inputs = {"q": DESIGN["inputs"]["q"]}
    laboratory.configure(inputs=inputs, shards=2, report=True, options=options)
    laboratory.snakemake()
    assert {path.name for path in out.iterdir()} == {"objects.csv", "run.json", "report.html"}
    merge, *parts = filter(None, (out / "objects.csv").read_text().splitlines())
    assert merge == "out/q --table csv"
    assert parts == [
        f"more and more --out out/q --model fpn2ws-nuclei --shard {number}/2 --device cpu "
        "--workers 2 --channel=DAPI 2 --overlay=True --pixel-size=0.5 --t=1:3"
        for number in (1, 2)
    ]
    assert "Nothing to be done" in laboratory.snakemake("--dry-run", "--config", "gpus=1")
    (out / "report.html").unlink()
    assert laboratory.waiting() == {"report": 1}
    (laboratory.folder / "and more" / "new.tif").touch()
    assert laboratory.waiting() == {"predict": 2, "merge": 1, "report": 1}


def test_images_that_fail_are_no_failure(laboratory):
    (laboratory.folder / "fails_3").mkdir()
    (laboratory.folder / "out/p").mkdir(parents=True)
    (laboratory.folder / "out/p/failures.csv").touch()  # as merge would write
    laboratory.configure(inputs={"p": "fails_3"}, shards=1)
    assert "Some images failed, see out/p/failures.csv" in laboratory.snakemake()


def test_a_part_that_fails_is_tried_again(laboratory):
    (laboratory.folder / "fails_1").mkdir()
    laboratory.configure(inputs={"p": "fails_1"}, shards=1)
    assert laboratory.snakemake(code=1).count("Trying to restart job") == 2
    assert not (laboratory.folder / "out/p/run-1of1.json").exists()


def test_defaults_and_lists():
    design = read()
    assert design["inputs"] == {"p": ["images"], "q": ["more", "and more"]}
    assert (design["table"], design["report"], design["options"]) == ("csv", False, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shard": 2}, "unknown key 'shard'; did you mean 'shards'"),
        ({"shards": 0}, "shards: 0 is less than the minimum of 1"),
        ({"inputs": {"p": 1}}, "inputs.p: 1: expected a path, or a list of paths"),
        ({"inputs": {"a/b": "x"}}, "inputs: 'a/b': letters, digits and - . _"),
        ({"model": "fpn2ws-nucli"}, "model: there is no 'fpn2ws-nucli'; did you mean"),
        ({"options": {"t": 63}}, "options.t: 63: must be in quotes, for YAML reads 1:3 as 63"),
        ({"options": {"chanel": 0}}, "options: unknown flag --chanel; did you mean '--channel'?"),
        ({"options": {"tile": "big"}}, "options: --tile: expected a whole number"),
        ({"options": {"out": "x"}}, "options: out is said by the workflow"),
        ({"results": "images/out"}, "inputs.p: images holds the results, images/out"),
    ],
)
def test_slips(changes, message):
    with pytest.raises(DesignError) as error:
        read(**changes)
    assert message in str(error.value)
    assert "my.yaml: " in str(error.value)


def test_the_template_can_be_used():
    config = yaml.safe_load((ROOT / "workflow" / "predict" / "config.yaml").read_text())
    assert prediction.read_prediction(config, SCHEMA, ROOT, "it")["options"] == {"channel": "DAPI"}


@pytest.mark.slow
def test_a_part_that_is_killed_gives_the_table_of_one_run(tmp_path):
    program = KILLED_ONCE.format(python=sys.executable)
    laboratory = Laboratory(tmp_path, program, inputs={"p": "images"}, shards=2)
    for number in range(6):
        image = np.roll(drawn_nuclei()[0], 3 * number, axis=1)
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", image)
    text = laboratory.snakemake("--set-threads", "predict=1")
    assert text.count("Trying to restart job") == 1
    assert "0.tif" in (tmp_path / "killed").read_text()
    whole, out = tmp_path / "whole", tmp_path / "out" / "p"
    assert main(["predict", str(tmp_path / "images"), "--out", str(whole)]) == 0
    assert {file.name for file in out.iterdir()} == {file.name for file in whole.iterdir()}
    assert (out / "objects.csv").read_bytes() == (whole / "objects.csv").read_bytes()
    assert "Nothing to be done" in laboratory.snakemake("--dry-run")
