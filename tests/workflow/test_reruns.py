"""What is made again after a change, and what is not; with a stand-in for the program."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = """
results: results
data: {samples: samples.csv}
training_sets: {mine: {groups: all}}
store: {config: mine.yaml, rois: 8}
models: {A: {config: mine.yaml, cycles: 1, batch: 4, inits: {random: random}}}
experiments:
  e: {models: [A], sets: [mine], inits: [random], replicates: 2, policies: [simple]}
  m: {models: [A], sets: [mine], inits: [random], policies: [simple], split: manual}
"""
SHEET = """image,mask,group,split
a.tif,a_mask.tif,HeLa,train
b.tif,b_mask.tif,HeLa,train
c.tif,c_mask.tif,HeLa,test
c.tif,c_manual.tif,HeLa,manual
d.tif,,HeLa,
"""


class Laboratory:
    """A folder with a design, in which the workflow has been run once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.env = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
        self.env["PATH"] = f"{folder / 'bin'}:{self.env['PATH']}"
        for name in re.findall(r"\w+\.tif", SHEET):
            (folder / name).write_text(name)
        (folder / "samples.csv").write_text(SHEET)
        (folder / "mine.yaml").write_text("name: mine\n")
        (folder / "my.yaml").write_text(DESIGN)
        (folder / "bin").mkdir()
        program = folder / "bin" / "nucseg"
        stub = Path(__file__).with_name("stub.py")
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {stub} "$@"\n')
        program.chmod(0o755)

    def snakemake(self, *arguments: str) -> str:
        snakefile = str(ROOT / "workflow" / "Snakefile")
        command = [sys.executable, "-m", "snakemake", "--snakefile", snakefile]
        done = subprocess.run(
            [*command, "--cores", "2", "--configfile", "my.yaml", *arguments],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def waiting(self) -> dict[str, int]:
        """How many jobs of each rule would run now."""
        text = self.snakemake("--dry-run")
        table = re.search(r"^job +count\n-.*?\n(.*?)^total", text, re.MULTILINE | re.DOTALL)
        rows = (line.split() for line in table[1].splitlines()) if table else ()
        return {rule: int(count) for rule, count in rows if rule != "all"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    laboratory = Laboratory(tmp_path_factory.mktemp("my laboratory"))
    laboratory.snakemake()
    return laboratory


@pytest.fixture
def laboratory(finished, tmp_path):
    """A copy, times of files included."""
    folder = tmp_path / "copy of it"
    shutil.copytree(finished.folder, folder, symlinks=True)
    copy = object.__new__(Laboratory)
    copy.folder, copy.env = (
        folder,
        dict(finished.env, PATH=f"{folder / 'bin'}:{os.environ['PATH']}"),
    )
    return copy


def test_a_second_run_does_nothing(laboratory):
    assert laboratory.waiting() == {}
    assert (
        "results/data/unlabelled"
        in (laboratory.folder / "results/data/unlabelled/prelabels/objects.csv").read_text()
    )


def test_of_a_lost_result_it_and_what_depends_on_it_is_made_again(laboratory):
    shutil.rmtree(laboratory.folder / "results/predictions/test/A/mine/random/simple/1/1/2")
    jobs = {"predict": 1, "evaluate": 1, "benchmark": 1, "runs": 1}
    assert laboratory.waiting() == jobs


def test_a_corrected_mask_trains_anew_even_after_an_interruption(laboratory):
    (laboratory.folder / "a_mask.tif").write_text("corrected")
    laboratory.snakemake("--until", "fields")
    jobs = laboratory.waiting()
    assert (jobs["training_set"], jobs["roi_store"], jobs["train"]) == (1, 1, 2)
    assert (jobs["predict"], jobs["evaluate"], jobs["benchmark"]) == (3, 3, 2)


def test_a_corrected_test_mask_scores_anew_and_trains_nothing(laboratory):
    (laboratory.folder / "c_mask.tif").write_text("corrected")
    laboratory.snakemake("--until", "fields")
    jobs = laboratory.waiting()
    assert jobs["evaluate"] == 2
    assert "train" not in jobs


def test_another_test_field_trains_nothing(laboratory):
    with (laboratory.folder / "samples.csv").open("a") as file:
        file.write("e.tif,e_mask.tif,HeLa,test\n")
    for name in ("e.tif", "e_mask.tif"):
        (laboratory.folder / name).write_text(name)
    jobs = laboratory.waiting()
    assert jobs["predict"] == 2
    assert not {"train", "roi_store"} & set(jobs)


def test_a_changed_configuration_file_trains_anew(laboratory):
    (laboratory.folder / "mine.yaml").write_text("name: mine\ntraining: {learning_rate: 0.5}\n")
    assert laboratory.waiting()["train"] == 2


def test_more_gpus_make_nothing_out_of_date(laboratory):
    assert "Nothing to be done" in laboratory.snakemake("--dry-run", "--config", "gpus=1")


def test_commands_say_what_the_design_says(laboratory):
    """Seeds, length, first weights, and which rows a report has."""
    results = laboratory.folder / "results"
    for replicate in (1, 2):
        text = (results / f"runs/A/mine/random/simple/1/1/{replicate}/model/model.yaml").read_text()
        assert f"--set training.seed={replicate}" in text
        assert "--set training.steps_per_epoch=2" in text  # 8 ROIs in batches of 4
        assert "--init random" in text
    text = (results / "benchmarks/e/report.html").read_text()
    assert "--data results/data/test.csv" in text
    runs = "A=results/predictions/test/A/mine/random/simple/1/1"
    assert f"{runs}/1+{runs.removeprefix('A=')}/2" in text
    assert "The fields are those of samples.csv." in text
    assert "--data results/data/manual.csv" in (results / "benchmarks/m/report.html").read_text()
