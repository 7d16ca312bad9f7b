"""The module, the workflow and its configuration, as a parser of Nextflow's language reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from reftrace import ConfigFile, Module

FOLDER = Path(__file__).parents[3] / "workflow" / "nextflow"
MODULE = "modules/nucseg/predict/main.nf"

pytestmark = pytest.mark.slow  # `make clusters-test`


def test_the_module_is_one_process():
    [process] = Module.from_file(str(FOLDER / MODULE)).processes
    assert process.name == "NUCSEG_PREDICT"
    assert len(process.containers) == len(process.condas) == 1


def test_the_workflow_includes_the_module():
    [include] = Module.from_file(str(FOLDER / "main.nf")).includes
    assert (FOLDER / f"{include.from_module}.nf").resolve() == (FOLDER / MODULE).resolve()


def test_the_configuration_is_of_the_process():
    result = ConfigFile.from_file(str(FOLDER / "nextflow.config"))
    assert result.error is None
    scopes = [scope for part in result.config_file.process_scopes for scope in part.named_scopes]
    assert "NUCSEG_PREDICT" in {scope.name for scope in scopes}
