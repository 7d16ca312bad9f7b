import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.basedir)
sys.path.insert(0, str(WORKFLOW / "scripts"))

import design as plan
import fields as data
import names
import runs as table
from checks import DesignError

SCHEMAS = WORKFLOW / "schemas"
SOURCE = ", ".join(str(file) for file in workflow.configfiles) or "the configuration"


def read_config():
    """The design and the fields of the sample sheet, checked before anything runs."""
    if not config:
        raise WorkflowError("choose a configuration: --configfile workflow/config/lab.yaml")
    try:
        design = plan.read_design(config, SCHEMAS / "config.schema.yaml", SOURCE)
        names.check_names(design, WORKFLOW.parent, SOURCE)
        sheet = design["data"].get("samples")
        fields = data.read_sheet(Path(sheet), SCHEMAS / "samples.schema.yaml") if sheet else []
        names.check_splits(design, fields, SOURCE)
    except DesignError as error:
        raise WorkflowError(str(error)) from None
    return design, fields


DESIGN, FIELDS = read_config()
R = DESIGN["results"].rstrip("/")
EXPERIMENTS = list(DESIGN["experiments"])
LINES = DESIGN["data"].get("simulate", {}).get("cell_lines", [])
NOTE = "The fields are simulated." if LINES else f"The fields are those of {DESIGN['data']['samples']}."
INVERT = "--invert" if DESIGN["invert"] else ""  # of whatever reads images
SPLIT = "--split-binary" if DESIGN["split_binary"] else ""  # of whatever reads masks
DEVICE = "gpu" if DESIGN["gpus"] else "cpu"  # a resource: another machine makes nothing out of date


wildcard_constraints:
    replicate=r"\d+",
    size=r"[\d.e-]+",
    cycles=r"[\d.e-]+",
    split="[^/]+",
    line="[^/]+",
    experiment="[^/]+",
    **{axis: "[^/]+" for axis in ("model", "set", "init", "policy", "method", "baseline")},


container: DESIGN.get("container", f"dist/nucseg-tf-{DEVICE}.sif")


def settings(*groups):
    """KEY=VALUE pairs as flags of nucseg."""
    return " ".join(f"--set {shlex.quote(pair)}" for group in groups for pair in group)


def policy_of(name):
    return DESIGN["policies"].get(name, name)


def made_of(*values):
    """The files behind names in the configuration; what is made of them is made anew with them."""
    return [str(file) for value in values for file in names.files_of(value, WORKFLOW.parent)]


def prelabels_to_correct():
    """Of fields without a mask, ready for `nucseg annotate`."""
    waiting = any(field.split == data.UNLABELLED for field in FIELDS)
    return f"{R}/data/{data.UNLABELLED}/prelabels/objects.csv" if waiting else []


def fields_of(split):
    """Files that a split is made of; simulated folders, or the images and masks of the sheet."""
    if LINES:
        return expand(f"{R}/simulated/{split}/{{line}}", line=LINES)
    chosen = [field for field in FIELDS if field.split == split]
    return [str(file) for field in chosen for file in (field.image, field.mask) if file]


def found_fields(split, folders):
    """The fields of a split; `folders` are those that its simulation wrote."""
    found = data.find_simulated(split, folders) if LINES else FIELDS
    return [field for field in found if field.split == split]


def training_settings(wildcards):
    """What the design sets of a training's configuration; --requeue begins anew if it changes."""
    model = DESIGN["models"][wildcards.model]
    epochs, steps = plan.lengths(DESIGN, wildcards)
    length = (
        f"training.batch={model['batch']}",
        f"training.epochs={epochs}",
        f"training.steps_per_epoch={steps}",
        f"training.seed={wildcards.replicate}",
    )
    return settings(DESIGN["set"], model["set"], length, [f"augment={policy_of(wildcards.policy)}"])


def of_rows(wildcards, pattern):
    """Paths after a pattern, one for each run in an experiment's report."""
    split = DESIGN["experiments"][wildcards.experiment]["split"]
    rows = plan.entries(DESIGN, wildcards.experiment)
    return [pattern.format(R=R, split=split, path=path) for _, paths in rows for path in paths]


def results():
    """Models, predictions and scores: one that is lost is made again, and what depends on it."""
    rows = [
        (DESIGN["experiments"][name]["split"], path)
        for name in EXPERIMENTS
        for _, paths in plan.entries(DESIGN, name)
        for path in paths
    ]
    models = [f"{R}/runs/{t.path}/model" for name in EXPERIMENTS for t in plan.trainings(DESIGN, name)]
    predictions = [f"{R}/predictions/{split}/{path}" for split, path in rows]
    scores = [f"{R}/scores/{split}/{path}/scores.json" for split, path in rows]
    return sorted({*models, *predictions, *scores})


def label_flags(wildcards):
    """--labels of nucseg benchmark, one a row of the report."""
    split = DESIGN["experiments"][wildcards.experiment]["split"]
    rows = [
        (name, "+".join(f"{R}/predictions/{split}/{path}" for path in paths))
        for name, paths in plan.entries(DESIGN, wildcards.experiment)
    ]
    return " ".join(f"--labels {shlex.quote(f'{name}={folders}')}" for name, folders in rows)
