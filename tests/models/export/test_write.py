import json
from importlib import import_module

import numpy as np
import pytest

from nucseg_tf.__main__ import main
from nucseg_tf.engines.openvino import load_openvino
from nucseg_tf.errors import ModelError, OutputError, UsageError
from nucseg_tf.models import zoo
from nucseg_tf.models.export import compare, write
from nucseg_tf.models.export.formats import Format, Written
from nucseg_tf.models.export.write import export_network, new_folder


def test_each_form_gives_what_keras_gives(exported):
    _, description = exported
    (part,) = description["parts"].values()
    assert part["largest_difference"] < 1e-4
    assert [each["what"] for each in part["inputs"] + part["outputs"]] == ["image", "maps"]


def test_the_description_has_what_decoding_takes(exported, model):
    folder, description = exported
    info = zoo.read_info(model)
    assert description["thresholds"] == info.thresholds.model_dump(mode="json")
    assert description["normalisation"] == {"low": 1.0, "high": 99.8, "least": -0.5, "most": 2.0}
    assert description["channels"] == ["distance", "border"]
    assert description["scale"]["diameter"] == 34.0
    assert description["tiles"] == {"side": 1536, "multiple": 32, "context": 128, "mirrored": 16}
    assert description["sha256"] == zoo.verify(model)
    for part in description["parts"].values():
        assert (folder / part["file"]).exists()


SHAPES = ((3, 64, 32, 1), (1, 32, 160, 1), (1, 64, 64, 1))  # none is one that `compare` tries


def test_openvino_takes_any_size_in_float32_by_name(exported, model):
    folder, description = exported
    if description["form"] != "openvino":
        return
    ov = load_openvino()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.Core().compile_model(folder / "network.xml", "CPU", settings)
    network = zoo.load(model).network
    for shape in SHAPES:
        image = np.random.default_rng(0).random(shape, np.float32)
        np.testing.assert_allclose(compiled({"image": image})["maps"], network(image), atol=1e-5)


def test_onnx_takes_any_size_by_name_and_says_how_to_use_it(exported, model):
    folder, description = exported
    if description["form"] != "onnx":
        return
    session = import_module("onnxruntime").InferenceSession(folder / "network.onnx")
    network = zoo.load(model).network
    for shape in SHAPES:
        image = np.random.default_rng(0).random(shape, np.float32)
        (maps,) = session.run(["maps"], {"image": image})
        np.testing.assert_allclose(maps, network(image), atol=1e-5)
    (port,) = session.get_inputs()
    assert port.shape == ["batch", "height", "width", 1]
    said = session.get_modelmeta().custom_metadata_map
    assert said["model"] == "small"
    assert json.loads(said["thresholds"]) == description["thresholds"]
    text = (folder / "network.onnx").read_bytes()
    assert b"tf_half_pixel_for_nn" not in text  # withdrawn from ONNX


class Wrong(Format):
    """Writes a file, and computes something else."""

    name = "wrong"

    def write(self, source, folder, description):
        (folder / "network").write_text("x")
        return {
            "network": Written(
                folder / "network", ("image",), ("maps",), lambda image: [image.repeat(2, 3) + 9]
            )
        }


def test_what_gives_something_else_is_not_written(model, tmp_path, monkeypatch):
    monkeypatch.setitem(write.FORMATS, "wrong", Wrong())
    with pytest.raises(ModelError, match=r"maps differs from Keras' by 1?\d"):
        export_network(str(model), tmp_path / "out", "wrong")
    assert list(tmp_path.iterdir()) == []


def test_another_shape_is_another_answer():
    assert compare._difference(np.zeros((1, 2)), np.zeros((2, 1))) == float("inf")
    assert compare._difference(np.zeros(2), np.array([0.0, -3.0])) == 3.0


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists already"), new_folder(tmp_path / "out"):
        pass
    argv = ["models", "export", "fpn2ws-nuclei", str(tmp_path / "out"), "--to", "savedmodel"]
    assert main(argv) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    def stop():
        with new_folder(tmp_path / "out") as temporary:
            (temporary / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(write.FORMATS["onnx"], "packages", ("numpy", "not_there"))
    with pytest.raises(
        UsageError, match=r"--to onnx: not_there not installed.*nucseg-tf\[export\]"
    ):
        write.FORMATS["onnx"].check()
