import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

WORKFLOW = Path(workflow.basedir).parent
sys.path.insert(0, str(WORKFLOW / "scripts"))

import names
import prediction as plan
from checks import DesignError

SCHEMA = WORKFLOW / "schemas" / "prediction.schema.yaml"
SOURCE = ", ".join(str(file) for file in workflow.configfiles) or "the configuration"


def read_config():
    """The inputs, and what to do with them, checked before anything runs."""
    if not config:
        raise WorkflowError("choose a configuration: --configfile workflow/predict/config.yaml")
    try:
        return plan.read_prediction(config, SCHEMA, WORKFLOW.parent, SOURCE)
    except DesignError as error:
        raise WorkflowError(str(error)) from None


DESIGN = read_config()
R = DESIGN["results"].rstrip("/")
INPUTS = DESIGN["inputs"]
N = DESIGN["shards"]
TABLE = f"objects.{DESIGN['table']}"
DEVICE = "gpu" if DESIGN["gpus"] else "cpu"  # a resource: another machine makes nothing out of date


wildcard_constraints:
    name="[^/]+",
    shard=r"\d+",


container: DESIGN.get("container", f"dist/nucseg-tf-{DEVICE}.sif")
