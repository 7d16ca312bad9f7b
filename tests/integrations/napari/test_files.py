"""Results and label images, opened and saved by napari itself; samples; the manifest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from napari.utils.notifications import notification_manager
from npe2 import PluginManager, PluginManifest
from reference.bright_spots import spots

import nucseg_tf.integrations.napari
from nucseg_tf.inference.options import Options
from nucseg_tf.integrations.napari.reading import read_stack
from nucseg_tf.integrations.napari.writing import write
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.stacks import write_label_stack

MANIFEST = Path(nucseg_tf.integrations.napari.__file__).with_name("napari.yaml")
PLUGIN = "nucseg-tf"
HEADER = "image,label,score,area_px,area_um2,mean_intensity,solidity,eccentricity,touches_edge\n"


def save(layer: Labels, path: Path) -> list[str]:
    """As napari does where our writer is chosen."""
    data, attributes, _ = layer.as_layer_data_tuple()
    return write(str(path), data, attributes)


@pytest.fixture
def results(tmp_path) -> Path:
    """What `nucseg predict` leaves of two images, of which one is there no more."""
    (tmp_path / "in").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    tifffile.imwrite(tmp_path / "in" / "a.tif", spots())
    labels = (spots() > 0).astype(np.int32)
    labels[30:] *= 2
    for name in "ab":
        write_labels(out / f"{name}_labels.tif", labels, pixel_size=0.5)
    rows = [f"{n}.tif,{label},0.{label},64,16.0,9,1.0,0,False\n" for n in "ab" for label in (1, 2)]
    (out / "objects.csv").write_text(HEADER + "".join(rows))
    options = vars(Options()) | {"pattern": None, "columns": None}
    run = {
        "command": "predict",
        "paths": [str(tmp_path / "in")],
        "options": options,
        "model": {"name": "m", "scores": "confidence"},
        "columns": {},
        "failures": [],
        "images": [{"image": f"{n}.tif", "name": n, "nuclei": 2} for n in "ab"],
    }
    (out / "run.json").write_text(json.dumps(run))
    return out


@pytest.mark.parametrize("what", [".", "run.json"])
def test_a_folder_of_results(results, what, make_napari_viewer):
    viewer = make_napari_viewer()
    viewer.open(results / what, plugin=PLUGIN)
    assert [(layer.name, type(layer)) for layer in viewer.layers] == [
        ("a", Image),
        ("a nuclei", Labels),
        ("b nuclei", Labels),
    ]
    image, labels, _ = viewer.layers
    np.testing.assert_array_equal(image.data, spots())
    np.testing.assert_array_equal(labels.data > 0, spots() > 0)
    np.testing.assert_allclose(labels.scale, 0.5)
    assert labels.features["confidence"].tolist() == [0.1, 0.2]
    assert str(labels.units[0]) == "micrometer"


def test_images_are_looked_for_around_the_results(
    results, monkeypatch, tmp_path_factory, make_napari_viewer
):
    run = json.loads((results / "run.json").read_text())
    (results / "run.json").write_text(json.dumps(run | {"paths": ["in"]}))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    viewer = make_napari_viewer()
    viewer.open(results, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["a", "a nuclei", "b nuclei"]
    (results / "run.json").write_text(json.dumps(run | {"paths": ["gone"]}))
    viewer.layers.clear()
    viewer.open(results, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["a nuclei", "b nuclei"]
    assert "start napari in the folder that it began in" in notification_manager.records[-1].message


def test_a_table_that_cannot_be_read_here_is_left_out(results, monkeypatch, make_napari_viewer):
    (results / "objects.csv").rename(results / "objects.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    viewer = make_napari_viewer()
    viewer.open(results, plugin=PLUGIN)
    assert [layer.name for layer in viewer.layers] == ["a nuclei", "b nuclei"]
    said = notification_manager.records[-1].message
    assert "Labels are shown alone" in said
    assert 'pip install "nucseg-tf[parquet]"' in said


def test_labels_that_were_changed_come_without_measurements(results, make_napari_viewer):
    write_labels(results / "a_labels.tif", (spots() > 150).astype(np.int32), pixel_size=0.5)
    viewer = make_napari_viewer()
    viewer.open(results / "a_labels.tif", plugin=PLUGIN)
    assert "was changed since it was predicted" in notification_manager.records[-1].message
    labels = viewer.layers[-1]
    assert (labels.data.max(), len(labels.features.columns)) == (1, 0)


def test_some_frames_of_a_movie(results, make_napari_viewer):
    labels = (spots(2) > 0).astype(np.int32)
    labels[:, 30:] *= 2
    write_label_stack(results / "m_labels.tif", labels, "TYX")
    run = json.loads((results / "run.json").read_text())
    run["options"]["t"] = "1:3"
    run["images"] = [{"image": "=m.tif", "name": "m", "nuclei": 4}]
    (results / "run.json").write_text(json.dumps(run))
    rows = [f"'=m.tif,{n},0.9,64,16,9,1,0,False,{t}\n" for t in (1, 2) for n in (1, 2)]
    (results / "objects.csv").write_text(HEADER.replace("\n", ",t\n") + "".join(rows))
    viewer = make_napari_viewer()
    viewer.open(results / "m_labels.tif", plugin=PLUGIN)
    (layer,) = viewer.layers
    assert layer.features["index"].tolist() == [1, 2, 3, 4]
    assert layer.metadata["nucseg"]["objects"]["t"].tolist() == [1, 1, 2, 2]


def test_what_is_no_label_image_is_not_opened(tmp_path):
    from nucseg_tf.errors import DataError

    tifffile.imwrite(tmp_path / "a_labels.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(DataError, match="expected labels, whole numbers of one channel"):
        read_stack(tmp_path / "a_labels.tif")


def test_a_label_image_alone(tmp_path, make_napari_viewer):
    stack = (spots(3) > 0).astype(np.int32) * 70_000
    write_label_stack(tmp_path / "s_labels.tif", stack, "ZYX", (0.5, 0.5), 2.0)
    viewer = make_napari_viewer()
    viewer.open(tmp_path / "s_labels.tif", plugin=PLUGIN)
    (labels,) = viewer.layers
    np.testing.assert_array_equal(labels.data, stack)
    np.testing.assert_allclose(labels.scale, (2, 0.5, 0.5))


def test_others_are_not_taken_for_results(tmp_path):
    from nucseg_tf.integrations.napari.reading import get_reader

    (tmp_path / "a.tif").touch()
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(tmp_path / "a.tif")]) is None


def test_too_many_are_refused(tmp_path):
    from nucseg_tf.errors import DataError
    from nucseg_tf.integrations.napari.reading import MOST, read

    for number in range(MOST + 1):
        (tmp_path / f"{number}_labels.tif").touch()
    with pytest.raises(DataError, match="has 51 label images"):
        read(str(tmp_path))


@pytest.mark.parametrize("highest", [3, 300, 70_000, 2**31 - 1])
@pytest.mark.parametrize("count", [2, 3])
def test_labels_are_saved_as_they_are(highest, count, tmp_path):
    data = np.zeros((2, 64, 64)[-count:], np.int64)
    data[..., 3:5, 4:6], data[..., 7, 9] = highest, 2
    layer = Labels(data, scale=(2, 0.5, 0.25)[-count:], units=("um",) * count)
    path = tmp_path / "a_labels.tif"
    assert save(layer, path) == [str(path)]
    labels, placed = read_stack(path)
    np.testing.assert_array_equal(labels, data)
    np.testing.assert_allclose(placed["scale"], layer.scale, rtol=1e-5)


def test_what_is_no_label_image_is_not_saved(tmp_path):
    from nucseg_tf.errors import LabelError

    with pytest.raises(LabelError, match="must be 0 to"):
        save(Labels(np.full((8, 8), 2**31)), tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("key", "shape"), [("field", (512, 640)), ("stack", (8, 192, 256))])
def test_samples(key, shape, make_napari_viewer):
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample(PLUGIN, key)
    assert (layer.data.shape, layer.scale[-1]) == (shape, pytest.approx(0.65))


def test_the_manifest_is_found_and_leads_to_what_there_is():
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.display_name == "nucseg"
    discovered = PluginManager()
    discovered.discover()
    assert discovered.get_manifest(PLUGIN).display_name == "nucseg"


def test_each_command_of_a_menu_docks_a_widget(make_napari_viewer):
    from napari._app_model import get_app_model

    viewer = make_napari_viewer()
    for command in ("open_segment", "open_colour"):
        get_app_model().commands.execute_command(f"{PLUGIN}.{command}").result()
    assert len(viewer.window.dock_widgets) == 2
