"""The command that bilayers makes of its configuration."""

from __future__ import annotations

import inspect
from pathlib import Path

import yaml

from nucseg_tf.commands.predict import predict
from nucseg_tf.registry import WRITERS

CONFIG = Path(__file__).parents[3] / "workflow" / "bilayers" / "config.yaml"
SAID = yaml.safe_load(CONFIG.read_text())


def test_parameters_are_options_of_the_command():
    known = inspect.signature(predict).parameters.keys() | set(WRITERS.names())
    flags = [item["cli_tag"].removeprefix("--") for item in SAID["parameters"]]
    assert set(flags) <= known
    assert "out" in flags


def test_images_stand_first_and_alone():
    [images] = SAID["inputs"]
    assert (images["cli_tag"], images["cli_order"]) == ("", 1)
    assert SAID["exec_function"]["cli_command"] == "nucseg predict"


def test_results_are_looked_for_where_they_are_written():
    [folder] = [item["default"] for item in SAID["parameters"] if item.get("output_dir_set")]
    assert {item["folder_name"] for item in SAID["outputs"]} == {folder}


def test_what_the_schema_wants_of_each_kind():
    """Of bilayers_schema 0.1.0, which is in no package registry (docs/clusters.md)."""
    common = {"name", "type", "label", "description", "optional", "section_id", "mode", "default"}
    for item in SAID["parameters"]:
        assert common | {"cli_tag"} <= item.keys()
        assert item["type"] != "dropdown" or {"options", "multiselect"} <= item.keys()
        assert item["type"] != "checkbox" or "append_value" in item
    for item in SAID["inputs"] + SAID["outputs"]:
        assert common | {"cli_tag", "unique_string"} <= item.keys()
        wanted = {"subtype", "depth", "timepoints", "tiled", "pyramidal"}
        assert item["type"] != "image" or wanted <= item.keys()
