import numpy as np
import pytest
import yaml

from nucseg_tf.errors import InitialisationError, ModelError
from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.models import weights, zoo

ARCH = Architecture(encoder="mobilenetv2", filters=8)


@pytest.fixture(scope="module")
def network():
    return zoo.build(ARCH)


@pytest.fixture
def folder(tmp_path, network):
    info = zoo.ModelInfo(name="small", architecture=ARCH, diameter=20.0)
    return zoo.save_model(tmp_path / "small", info, network, "# small\n")


def test_saved_model_gives_the_same_maps(folder, network):
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    loaded = zoo.load(folder)
    np.testing.assert_allclose(loaded.network(image), network(image), atol=1e-6)
    assert loaded.info.diameter == 20.0
    assert {file.name for file in folder.iterdir()} == {
        "model.yaml", "model.weights.h5", "README.md", "sha256"
    }  # fmt: skip


def test_half_precision_halves_the_file_and_hardly_changes_the_maps(tmp_path, network):
    image = np.random.default_rng(0).random((1, 64, 64, 1), np.float32)
    info = zoo.ModelInfo(name="half", architecture=ARCH, diameter=20.0)
    full = zoo.save_model(tmp_path / "full", info, network, "")
    half = zoo.save_model(tmp_path / "half", info, network, "", "float16")
    sizes = [(path / "model.weights.h5").stat().st_size for path in (half, full)]
    assert sizes[0] < 0.65 * sizes[1]
    np.testing.assert_allclose(zoo.load(half).network(image), network(image), atol=5e-3)


@pytest.mark.parametrize("name", zoo.HASHED)
def test_changed_file_is_refused_and_named(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=name):
        zoo.load(folder)


def test_missing_weights_are_named(folder):
    (folder / "model.weights.h5").unlink()
    with pytest.raises(ModelError, match=r"model\.weights\.h5"):
        zoo.load(folder)


def test_newer_format_says_update(folder):
    values = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(yaml.safe_dump({**values, "format": 2}))
    with pytest.raises(ModelError, match=r"format 2.*Update"):
        zoo.read_info(folder)


def test_weights_of_another_architecture_are_refused(folder):
    other = zoo.build(Architecture(encoder="mobilenetv2", filters=16))
    with pytest.raises(ModelError, match="shape"):
        weights.load_weights(other, folder / "model.weights.h5")


def test_unknown_model_names_what_is_known(tmp_path):
    with pytest.raises(ModelError, match="fpn2ws-nuclei"):
        zoo.find_model("nothing-of-that-name")
    with pytest.raises(ModelError, match=r"no model\.yaml"):
        zoo.find_model(tmp_path)
    (tmp_path / "packed.zip").touch()
    with pytest.raises(ModelError, match=r"models import \S+packed.zip"):
        zoo.find_model(tmp_path / "packed.zip")


def test_models_are_found_in_the_environment_and_the_models_dir(folder, monkeypatch):
    assert zoo.find_model("small", folder.parent) == folder
    monkeypatch.setenv("NUCSEG_MODELS", str(folder.parent))
    assert zoo.find_model("small") == folder


def test_transfer_sets_what_fits(folder):
    other = zoo.build(Architecture(encoder="mobilenetv2", filters=16))
    count = len(weights.transfer_weights(other, folder / "model.weights.h5"))
    assert 200 < count < len(other.weights)  # the encoder, not the decoder
    stored = dict(weights.read_weights(folder / "model.weights.h5"))
    kernel = next(v for v in other.weights if v.path.endswith("block_1_expand/kernel"))
    same = next(v for k, v in stored.items() if k.endswith("block_1_expand/kernel"))
    np.testing.assert_array_equal(np.asarray(kernel), same)


def test_transfer_of_nothing_is_an_error(folder):
    other = zoo.build(Architecture(encoder="resnet18", filters=24))
    with pytest.raises(InitialisationError, match="arrays fit the network"):
        weights.transfer_weights(other, folder / "model.weights.h5")


def test_weights_that_are_not_finite_are_not_saved(tmp_path, network):
    kernel = network.trainable_variables[0]
    before = np.asarray(kernel)
    kernel.assign(before * np.nan)
    with pytest.raises(ModelError, match="not finite"):
        weights.save_weights(network, tmp_path / "x.h5")
    kernel.assign(before)
    assert not list(tmp_path.iterdir())


def test_shipped_models_verify_and_are_small():
    shipped = [path for path in zoo.list_models().values() if path.parent == zoo.SHIPPED]
    assert shipped
    for path in shipped:
        zoo.verify(path)
        assert sum(file.stat().st_size for file in path.iterdir()) < 12e6
