"""From a configuration to trainings and rows of reports, and messages about slips."""

import copy
from collections import Counter
from pathlib import Path

import pytest
import yaml
from checks import DesignError
from design import entries, lengths, read_design, rois, trainings

WORKFLOW = Path(__file__).parents[2] / "workflow"
SCHEMA = WORKFLOW / "schemas" / "config.schema.yaml"
CONFIG = {
    "results": "out",
    "data": {"simulate": {"cell_lines": ["U2OS"], "fields": {"train": 1, "val": 1, "test": 1}}},
    "training_sets": {"one": {"groups": ["U2OS"]}},
    "store": {"config": "smoke", "rois": 100},
    "models": {
        "A": {"config": "smoke", "cycles": 10, "batch": 4, "inits": {"random": "random"}},
        "B": {"config": "smoke", "cycles": 1, "batch": 8, "inits": {"random": "random", "x": "y"}},
    },
    "baselines": {"Base": "jacobkie-nuclei"},
    "experiments": {
        "sizes": {
            "models": ["A"],
            "sets": ["one"],
            "inits": ["random"],
            "sizes": [0.25, 1],
            "replicates": 2,
            "baselines": ["Base"],
        },
        "policies": {"models": ["A"], "sets": ["one"], "inits": ["random"], "policies": ["full"]},
    },
}


def read(change=lambda config: None) -> dict:
    config = copy.deepcopy(CONFIG)
    change(config)
    return read_design(config, SCHEMA, "my.yaml")


def test_defaults_are_filled_in():
    part = read()["experiments"]["policies"]
    assert (part["sizes"], part["cycles"], part["replicates"]) == ([1], [1], 1)
    assert (part["split"], part["baselines"]) == ("test", [])
    assert read()["gpus"] == 0
    assert read()["models"]["A"]["set"] == []


def test_an_experiment_is_all_combinations_and_their_replicates():
    paths = [training.path for training in trainings(read(), "sizes")]
    assert paths == [
        "A/one/random/full/0.25/1/1",
        "A/one/random/full/0.25/1/2",
        "A/one/random/full/1/1/1",
        "A/one/random/full/1/1/2",
    ]


def test_experiments_share_equal_trainings():
    design = read()
    assert set(trainings(design, "policies")) < set(trainings(design, "sizes"))


def test_rows_name_what_differs_and_join_replicates():
    assert list(entries(read(), "sizes")) == [
        ("A 0.25x ROIs", ["A/one/random/full/0.25/1/1", "A/one/random/full/0.25/1/2"]),
        ("A 1x ROIs", ["A/one/random/full/1/1/1", "A/one/random/full/1/1/2"]),
        ("Base", ["baselines/Base"]),
    ]
    assert [name for name, _ in entries(read(), "policies")] == ["A"]


def test_a_cycle_is_one_pass_over_the_store():
    """100 ROIs in batches of 4 are 25 steps; 0.25 of them 6, half of 10 passes 5."""
    design = read()
    assert lengths(design, {"model": "A", "size": "1", "cycles": "1"}) == (10, 25)
    assert lengths(design, {"model": "A", "size": "0.25", "cycles": "0.5"}) == (5, 6)
    assert lengths(design, {"model": "B", "size": "0.01", "cycles": "0.1"}) == (1, 1)
    assert rois(design, "0.25") == 25
    design["models"]["A"]["cycles"] = 30  # 22.5 and 7.5 passes: halves go up
    assert lengths(design, {"model": "A", "size": "1", "cycles": "0.75"})[0] == 23
    assert lengths(design, {"model": "A", "size": "1", "cycles": "0.25"})[0] == 8


def test_rows_of_a_report_differ():
    def change(config):
        config["baselines"]["a"] = "jacobkie-nuclei"
        config["experiments"]["policies"]["baselines"] = ["a"]

    with pytest.raises(DesignError, match="two rows are called a"):
        read(change)


def rename(old, new, *path):
    def change(config):
        for key in path:
            config = config[key]
        config[new] = config.pop(old)

    return change


def put(value, *path):
    def change(config):
        for key in path[:-1]:
            config = config[key]
        config[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename("store", "stroe"), "my.yaml: 'store' is missing"),
        (rename("batch", "bacth", "models", "A"), "models.A: unknown key 'bacth'; did you mean"),
        (put(["C"], "experiments", "sizes", "models"), "sizes.models: there is no 'C'; expected"),
        (put(["fulll"], "experiments", "sizes", "policies"), "'fulll'; did you mean 'full'"),
        (put(["x"], "experiments", "sizes", "inits"), "inits, of A: there is no 'x'"),
        (put(["two"], "experiments", "sizes", "sets"), "sets: there is no 'two'"),
        (put(["base"], "experiments", "sizes", "baselines"), "did you mean 'Base'"),
        (put("9", "experiments", "sizes", "table"), "table: expected one of 1,"),
        (put("base", "baselines"), "baselines"),
        (put(["data.roi=64"], "models", "A", "set"), "all models share the ROI stores"),
        (put("a+b", "results"), "results: 'a+b': a folder, without"),
        (put({}, "experiments"), "experiments"),
        (put(0, "store", "rois"), "store.rois: 0 is less than the minimum"),
        (put("U20S", "data", "simulate", "cell_lines", 0), "did you mean 'U2OS'"),
        (put("s.csv", "data", "samples"), "data: expected one of samples and simulate"),
        (put(["a b"], "set"), "set.0"),
        (put({"title": "x"}, "experiments", "none"), "names no models"),
        (put({"models": ["A"]}, "experiments", "none"), "'sets' is missing"),
    ],
)
def test_slips_are_explained(change, message):
    with pytest.raises(DesignError) as error:
        read(change)
    assert message in str(error.value)


@pytest.mark.parametrize("file", sorted((WORKFLOW / "config").glob("*.yaml")), ids=lambda f: f.stem)
def test_shipped_designs_can_be_read(file):
    design = read_design(yaml.safe_load(file.read_text()), SCHEMA, file.name)
    assert all(list(entries(design, name)) for name in design["experiments"])


def test_the_paper_has_its_trainings():
    """Every combination in the paper's list of runs, Metadata.csv; of repeated ones at most four.

    Left out: the Kaggle 5th-place model and Cellpose, which are not of this program.
    """
    file = WORKFLOW / "config" / "paper.yaml"
    design = read_design(yaml.safe_load(file.read_text()), SCHEMA, file.name)
    found = Counter(
        training.path.rpartition("/")[0]
        for training in set().union(*(trainings(design, name) for name in design["experiments"]))
    )
    pre, once = "pre-initialised", {}
    for model in ("FPN2-WS", "MRCNN"):
        once |= {f"{model}/All/{pre}/full/{size}/1": 1 for size in ("0.125", "0.25", "0.5", "2")}
        once |= {f"{model}/All/{pre}/full/1/{cycles}": 1 for cycles in ("0.25", "0.5", "0.75")}
        families = ("blur", "contrast", "noise", "scaling")
        once |= {f"{model}/All/{pre}/min_{family}/1/1": 1 for family in families}
        sets = ("MCF10A", "MCF10A_HCT116", "MCF10A_HCT116_U2OS")
        once |= {f"{model}/{some}/{pre}/full/1/1": 1 for some in sets}
        once[f"{model}/MCF10A/random/full/1/1"] = 1
        for start in (pre, "random"):
            once |= {f"{model}/All/{start}/{policy}/1/1": 4 for policy in ("full", "none")}
    once |= {f"MRCNN/Eosinophils/{pre}/full/{size}/1": 1 for size in ("0.25", "1")}
    assert found == once
    assert found.total() == 64
