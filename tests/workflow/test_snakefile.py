"""Snakemake reads the workflow, its linter is content, and slips in a design are explained."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "workflow" / "config"


def snakemake(folder: Path, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "workflow" / "Snakefile"]
    return subprocess.run(
        [*map(str, command), "--directory", str(folder), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
    )


def changed(folder: Path, old: str, new: str) -> Path:
    """The configuration of the smoke test with one slip."""
    text = (CONFIG / "smoke.yaml").read_text()
    assert old in text
    file = folder / "my.yaml"
    file.write_text(text.replace(old, new))
    return file


@pytest.mark.parametrize(
    ("name", "jobs"),
    # Trainings: both models x random, pre-initialised x 2 replicates, and FPN2-WS x none x 2.
    [("smoke", {"train": 10, "simulate": 12, "prelabel": 1, "predict_baseline": 1}),
     ("paper", {"train": 64, "roi_store": 15, "benchmark": 10})],
)  # fmt: skip
def test_designs_become_jobs(tmp_path, name, jobs):
    done = snakemake(tmp_path, "--dry-run", "--configfile", CONFIG / f"{name}.yaml")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    counts = {words[0]: int(words[1]) for words in lines if len(words) == 2 and words[1].isdigit()}
    assert jobs.items() <= counts.items()


def test_how_images_and_masks_are_read_is_said_to_every_job(tmp_path):
    file = changed(tmp_path, "results:", "invert: true\nsplit_binary: true\nresults:")
    done = snakemake(tmp_path, "--dry-run", "--printshellcmds", "--configfile", file)
    assert done.returncode == 0, done.stderr
    inverting = ("validate", "augment", "train", "predict", "prelabel", "benchmark")
    splitting = ("validate", "augment", "train", "evaluate", "benchmark")
    lines = [line for line in done.stdout.splitlines() if "nucseg " in line]
    for names, flag in ((inverting, "--invert"), (splitting, "--split-binary")):
        having = {line.split("nucseg ")[1].split()[0] for line in lines if f"{flag} " in line}
        lacking = {line.split("nucseg ")[1].split()[0] for line in lines if f"{flag} " not in line}
        assert having == {*names}
        assert not having & lacking


def test_the_linter_has_no_objection(tmp_path):
    done = snakemake(tmp_path, "--lint", "--configfile", CONFIG / "smoke.yaml")
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("replicates", "replicats", "unknown key 'replicats'; did you mean 'replicates'"),
        ("jacobkie-nuclei", "jacobkie-nucli", "'jacobkie-nucli'; did you mean 'jacobkie-nuclei'"),
        ("groups: all", "groups: [HeLa]", "groups with training fields: there is no 'HeLa'"),
        ("config: mask_rcnn", "config: mask_rcn", "mask_rcn: no such file or configuration"),
        ("data.roi=64", "data.roii=64", "data.roii: unknown key; did you mean 'roi'"),
        ("random: random", "random: randm", "inits: there is no 'randm'"),
        ("Jacobkie]", "FPN2-WS]", "there is no 'FPN2-WS'"),
        ("  simulate:", "  simulated:", "unknown key 'simulated'; did you mean 'simulate'"),
    ],
)
def test_slips_are_said_before_anything_runs(tmp_path, old, new, message):
    done = snakemake(tmp_path, "--dry-run", "--configfile", changed(tmp_path, old, new))
    assert done.returncode == 1
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_missing_mask_names_line_and_file(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"image")
    (tmp_path / "samples.csv").write_text("image,mask,group,split\na.tif,b.tif,HeLa,test\n")
    text = (CONFIG / "lab.yaml").read_text()
    (tmp_path / "my.yaml").write_text(text)
    done = snakemake(tmp_path, "--dry-run", "--configfile", tmp_path / "my.yaml")
    assert done.returncode == 1
    assert "samples.csv, line 2: mask b.tif: no such file" in done.stdout + done.stderr


def test_without_a_configuration_it_names_one(tmp_path):
    done = snakemake(tmp_path, "--dry-run")
    assert done.returncode == 1
    assert "workflow/config/lab.yaml" in done.stdout + done.stderr
