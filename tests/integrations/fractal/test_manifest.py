"""The manifest as it is shipped, and the task without Fractal's packages."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from reference.drawn import drawn_discs

import nucseg_tf
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.integrations.fractal.find_nuclei import find_nuclei
from nucseg_tf.io.omezarr.write_image import write_image

PACKAGE = Path(nucseg_tf.__file__).parent
[TASK] = json.loads((PACKAGE / "__FRACTAL_MANIFEST__.json").read_text())["task_list"]


def test_the_task_is_where_the_manifest_says():
    assert TASK["type"] == "parallel"
    assert (PACKAGE / TASK["executable_parallel"]).is_file()


def test_the_manifest_asks_for_what_the_task_takes():
    schema = TASK["args_schema_parallel"]
    parameters = inspect.signature(find_nuclei).parameters
    required = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
    assert list(schema["properties"]) == list(parameters)
    assert schema["required"] == required == ["zarr_url"]
    for name, said in schema["properties"].items():
        assert said["description"] != "Missing description"
        assert name in required or said["default"] == parameters[name].default


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.zarr"
    write_image(path, drawn_discs(1)[None], "CYX", channels=["DAPI"], pixel_size=0.5)
    return path


def test_labels_and_table_have_the_names_that_were_asked_for(image):
    names = {"label_name": "dapi", "table_name": "dapi rows"}
    find_nuclei(zarr_url=str(image), channel="0", **names)
    labels = zarr.open_array(image / "labels" / "dapi" / "0", mode="r")[:]
    table = zarr.open_group(image / "tables" / "dapi rows", mode="r")
    assert table.attrs["region"] == {"path": "../labels/dapi"}
    np.testing.assert_array_equal(table["obs/label"][:], np.unique(labels)[1:])
    assert not (image / "labels" / "nuclei").exists()
    with pytest.raises(UsageError, match="labels 'dapi' or a table 'dapi rows' already"):
        find_nuclei(zarr_url=str(image), **names)
    find_nuclei(zarr_url=str(image), overwrite=True, **names)


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II")
    with pytest.raises(DataError, match="no image of OME-Zarr"):
        find_nuclei(zarr_url=str(tmp_path / "a.tif"))
    plate = zarr.open_group(tmp_path / "p.zarr", mode="w")
    plate.attrs["ome"] = {"plate": {"wells": []}}
    with pytest.raises(DataError, match="takes one of its images"):
        find_nuclei(zarr_url=str(tmp_path / "p.zarr"))


def test_an_image_that_fails_says_why(image):
    with pytest.raises(DataError, match="GFP"):
        find_nuclei(zarr_url=str(image), channel="GFP")


def test_messages_speak_of_parameters(image, monkeypatch):
    find_nuclei(zarr_url=str(image))
    with pytest.raises(UsageError, match=r"which stay\. Replace them with `overwrite`\.$"):
        find_nuclei(zarr_url=str(image))
    with pytest.raises(UsageError, match=r"^`diameter`: expected auto, native or a positive"):
        find_nuclei(zarr_url=str(image), diameter="big")
    with pytest.raises(DataError, match="`channel` 'GFP' is unknown"):
        find_nuclei(zarr_url=str(image), channel="GFP", overwrite=True)
    monkeypatch.setattr("nucseg_tf.inference.inside.os.access", lambda *_: False)
    with pytest.raises(UsageError, match=r"cannot be written into it\.$"):
        find_nuclei(zarr_url=str(image), overwrite=True)


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a"])
def test_names_that_are_paths_are_refused(image, name):
    with pytest.raises(UsageError, match="expected names"):
        find_nuclei(zarr_url=str(image), label_name=name)
