from __future__ import annotations

import subprocess
import sys
from itertools import product
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from nucseg_tf.engines import cache
from nucseg_tf.engines import openvino as module
from nucseg_tf.engines.base import EngineError, Part, Source
from nucseg_tf.engines.keras import Keras
from nucseg_tf.engines.openvino import OpenVino
from nucseg_tf.errors import UsageError
from nucseg_tf.families.fpn2ws.config import Architecture
from nucseg_tf.models import zoo

SHAPES = ((1, 64, 96, 1), (2, 32, 64, 1), (1, 160, 32, 1))


def batches():
    rng = np.random.default_rng(0)
    return [rng.random(shape, np.float32) for shape in SHAPES]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return zoo.build(Architecture(encoder="mobilenetv2", filters=8))


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NUCSEG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "openvino"


def never():
    raise AssertionError("the network was asked for")


def test_both_engines_give_the_same_maps(network, own_cache):
    source = Source(lambda: network, "some key")
    compiled = OpenVino().compile(source)
    again = OpenVino().compile(Source(never, "some key"))
    for batch in batches():
        expected = network(batch, training=False)
        for engine in (Keras().compile(source), compiled, again):
            np.testing.assert_allclose(engine(batch), expected, atol=1e-5)
    assert (compiled.engine, compiled.precision, compiled.device) == ("openvino", "f32", "cpu")


def test_another_key_is_another_network(network, own_cache):
    OpenVino().compile(Source(lambda: network, "one"))
    with pytest.raises(AssertionError, match="asked for"):
        OpenVino().compile(Source(never, "two"))


def test_another_version_of_openvino_is_another_network(network, own_cache, monkeypatch):
    OpenVino().compile(Source(lambda: network, "one"))
    monkeypatch.setattr(module.load_openvino(), "__version__", "1999")
    with pytest.raises(AssertionError, match="asked for"):
        OpenVino().compile(Source(never, "one"))


def test_a_network_without_a_key_is_not_kept(network, own_cache):
    OpenVino().compile(Source(lambda: network))
    assert not own_cache.exists()


def test_where_the_cache_cannot_be_written_it_computes_all_the_same(network, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUCSEG_CACHE", str(tmp_path / "file"))
    compiled = OpenVino().compile(Source(lambda: network, "key"))
    batch = batches()[0]
    np.testing.assert_allclose(compiled(batch), network(batch), atol=1e-5)


def test_a_damaged_network_is_converted_anew(network, own_cache, monkeypatch):
    OpenVino().compile(Source(lambda: network, "key"))
    (weights,) = own_cache.glob("*/network.bin")
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\x7f")
    compiled = OpenVino().compile(Source(lambda: network, "key"))
    batch = batches()[0]
    np.testing.assert_allclose(compiled(batch), network(batch), atol=1e-5)
    assert cache.read(weights.parent, weights.parent.name) is not None


def test_networks_that_enlarge_bilinearly(own_cache):
    network = zoo.build(Architecture(encoder="mobilenetv2", filters=8, head="upsample"))
    source = Source(lambda: network)
    engines = [Keras().compile(source), OpenVino().compile(source)]
    for batch, engine in product(batches(), engines):
        np.testing.assert_allclose(engine(batch), network(batch), atol=1e-5)


def scale_and_sum(image, scale):
    """Of two arguments, to two results; each the only one of its shape."""
    return image * scale, ops.sum(image, axis=(1, 2, 3))


PAIR = Part(scale_and_sum, ((None, None, None, 1), (None, 1, 1, 1)))
ROOT = Part(ops.sqrt, ((None,),))


def test_a_network_of_several_parts(network, own_cache):
    def split(given):
        assert given is network
        return {"pair": PAIR, "root": ROOT}

    source = Source(lambda: network, "key", split)
    converted = OpenVino().compile(source)
    image, scale = batches()[1], np.array([2, 3], np.float32).reshape(-1, 1, 1, 1)
    for compiled in (Keras().compile(source), converted, OpenVino().compile(Source(never, "key"))):
        assert {*compiled.parts} == {"pair", "root"}
        scaled, total = compiled.parts["pair"](image, scale)
        np.testing.assert_allclose(scaled, image * scale)
        np.testing.assert_allclose(total, image.sum(axis=(1, 2, 3)), rtol=1e-5)
        np.testing.assert_allclose(compiled.parts["root"](np.array([4, 9], np.float32)), [2, 3])


def test_many_arguments_and_results_keep_their_order(network, own_cache):
    inputs = [np.full((1,), i, np.float32) for i in range(12)]  # "10" sorts before "2"
    part = Part(lambda *arrays: [array + 1 for array in arrays], ((None,),) * len(inputs))
    compiled = OpenVino().compile(Source(lambda: network, split=lambda _: {"next": part}))
    assert [float(found[0]) for found in compiled.parts["next"](*inputs)] == [*range(1, 13)]


def test_results_are_kept_when_it_computes_again(network, own_cache):
    root = OpenVino().compile(Source(lambda: network, split=lambda _: {"root": ROOT})).parts["root"]
    first = root(np.array([4.0], np.float32))
    root(np.array([9.0], np.float32))
    assert first == [2]


def test_exact_parts_are_computed_in_f32(network, own_cache, monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(module, "_settings", lambda precision: asked.append(precision) or {})
    for exact in (True, False):
        part = Part(ops.sqrt, ((None,),), exact)
        OpenVino().compile(Source(lambda: network, split=lambda _, p=part: {"root": p}), "bf16")
    assert asked == ["f32", "bf16"]


def test_a_network_that_cannot_be_converted(network, own_cache):
    def strange(batch):
        raise ValueError("what is that?")

    parts = {"network": Part(strange, ((None,),))}
    with pytest.raises(EngineError, match=r"cannot be converted: (.|\n)*what is that"):
        OpenVino().compile(Source(lambda: network, split=lambda _: parts))


def test_it_does_not_compute_on_gpus():
    with pytest.raises(UsageError, match="needs keras"):
        OpenVino().compile(Source(never), device="gpu")


def test_one_compilation_serves_all_shapes(network):
    traced = []

    def counting(batch, training=False):
        traced.append(batch.shape)
        return network(batch, training=training)

    counting._flatten_layers = network._flatten_layers
    compiled = Keras().compile(Source(lambda: counting))
    for batch in batches():
        compiled(batch)
    assert traced == [(None, None, None, 1)]


def test_keras_compiles_when_it_is_called_first(network):
    def never_traced(batch):
        raise AssertionError("it was traced")

    part = Part(never_traced, ((None,),))
    compiled = Keras().compile(Source(lambda: network, split=lambda _: {"network": part}))
    with pytest.raises(AssertionError, match="traced"):
        compiled(np.zeros(1, np.float32))


def test_it_is_imported_without_telemetry(tmp_path):
    code = (
        "import sys; from nucseg_tf.engines.openvino import load_openvino; load_openvino();"
        "assert 'openvino_telemetry' not in sys.modules;"
        "assert 'openvino.tools.ovc.telemetry_stub' in sys.modules"
    )
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not list(tmp_path.iterdir())


def test_a_signal_after_another_thread_has_let_go_of_a_network():
    code = """
import gc, os, signal, threading
from nucseg_tf import load_model
held = [load_model("fpn2ws-nuclei", engine="openvino")]
thread = threading.Thread(target=lambda: (held.clear(), gc.collect()))
thread.start()
thread.join()
received = []
signal.signal(signal.SIGTERM, lambda number, frame: received.append(number))
os.kill(os.getpid(), signal.SIGTERM)
assert received == [signal.SIGTERM]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
