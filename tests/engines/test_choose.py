from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nucseg_tf.engines import choose as module
from nucseg_tf.engines import hardware
from nucseg_tf.engines.base import WHOLE, Compiled, Engine, EngineError, Source
from nucseg_tf.engines.choose import check, choose, choose_precision, compile_with
from nucseg_tf.errors import UsageError
from nucseg_tf.registry import ENGINES

BOTH = ("keras", "openvino")


@pytest.fixture
def machine(monkeypatch):
    """A machine with a CPU that OpenVINO knows, without a GPU; as it were with one if asked."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(__spec__=object()))
    monkeypatch.setattr(hardware, "known_cpu", lambda: True)
    monkeypatch.setattr(hardware, "driver_finds_gpu", lambda: False)
    return monkeypatch


def with_gpu(machine, found: bool) -> None:
    machine.setattr(hardware, "driver_finds_gpu", lambda: True)
    machine.setattr("nucseg_tf.engines.tensorflow.finds_gpu", lambda: found)


def test_auto_is_openvino_on_cpus(machine):
    assert choose(None, BOTH) == choose("auto", BOTH) == choose("cpu", BOTH) == "openvino"


def test_auto_is_keras_on_gpus(machine):
    with_gpu(machine, True)
    assert choose("auto", BOTH) == choose(None, BOTH) == "keras"
    assert choose("cpu", BOTH) == "openvino"
    with_gpu(machine, False)  # TensorFlow has no code for it
    assert choose("auto", BOTH) == "openvino"


def test_auto_is_keras_for_a_gpu_that_is_asked_for(machine):
    assert choose("gpu", BOTH) == "keras"


def test_auto_is_keras_where_openvino_is_missing(machine):
    machine.setitem(sys.modules, "openvino", None)
    assert choose("cpu", BOTH) == "keras"


def test_auto_is_keras_on_other_cpus_and_for_families_that_need_it(machine):
    assert choose("cpu", ("keras",)) == "keras"
    machine.setattr(hardware, "known_cpu", lambda: False)
    assert choose("cpu", BOTH) == "keras"


def test_auto_is_keras_where_a_backend_of_keras_is_chosen(machine):
    machine.setenv("KERAS_BACKEND", "jax")
    assert choose("cpu", BOTH) == "keras"


def test_a_missing_openvino_that_is_asked_for_says_what_to_do(machine):
    machine.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError, match="pip install openvino"):
        check("openvino", "auto")


@pytest.mark.parametrize(
    ("engine", "precision", "message"),
    [
        ("tensorrt", "auto", "no 'tensorrt'; expected one of auto, keras, openvino"),
        ("auto", "f16", "auto, f32 or bf16. Received: f16"),
    ],
)
def test_what_is_unknown_is_refused(engine, precision, message):
    with pytest.raises(UsageError, match=message):
        check(engine, precision)


class Stub(Engine):
    """Computes nothing."""

    precisions = ("f32", "bf16")

    def __init__(self, name: str, fails: bool = False):
        self.name, self.fails = name, fails

    def compile(self, source, precision="f32", device=None):
        if self.fails:
            raise EngineError("it is too large")
        return Compiled({WHOLE: lambda batch: batch}, source, self.name, precision, "cpu")


@pytest.fixture
def stubs(machine):
    for name in BOTH:
        machine.setitem(ENGINES._entries, name, Stub(name, fails=name == "openvino"))


def test_what_an_engine_cannot_compute_keras_does(stubs, caplog):
    source = Source(lambda: None)
    with caplog.at_level("INFO"):
        assert compile_with("auto", "auto", source, able=BOTH).engine == "keras"
    assert "it is too large" in caplog.text
    with pytest.raises(UsageError, match="it is too large; use keras"):
        compile_with("openvino", "auto", source, able=BOTH)


def test_an_engine_that_a_family_does_without_is_refused(stubs):
    with pytest.raises(UsageError, match="computes no models of this family; use keras"):
        compile_with("openvino", "auto", Source(lambda: None), able=("keras",))


@pytest.mark.parametrize(
    ("wanted", "native", "checked", "chosen"),
    [
        ("auto", True, ("f32", "bf16"), "bf16"),
        ("auto", True, ("f32",), "f32"),
        ("auto", False, ("f32", "bf16"), "f32"),
        ("f32", True, ("f32", "bf16"), "f32"),
        ("bf16", True, ("f32",), "bf16"),
    ],
)
def test_bf16_needs_the_cpu_and_a_check(monkeypatch, wanted, native, checked, chosen):
    monkeypatch.setattr(hardware, "computes_bf16", lambda: native)
    assert choose_precision(wanted, Stub("openvino"), checked) == chosen


def test_bf16_that_is_not_to_be_had_is_refused(monkeypatch):
    monkeypatch.setattr(hardware, "computes_bf16", lambda: False)
    with pytest.raises(UsageError, match="no instructions"):
        choose_precision("bf16", Stub("openvino"), ("f32", "bf16"))
    with pytest.raises(UsageError, match="keras does not compute it"):
        choose_precision("bf16", ENGINES["keras"], ("f32", "bf16"))
    assert choose_precision("auto", ENGINES["keras"], ("f32", "bf16")) == "f32"


def test_a_bf16_that_nobody_checked_is_warned_of(monkeypatch, caplog):
    monkeypatch.setattr(hardware, "computes_bf16", lambda: True)
    choose_precision("bf16", Stub("openvino"), ("f32",))
    assert "not been checked" in caplog.text


@pytest.mark.parametrize(
    ("text", "able"),
    [
        ("flags\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t: fpu amx_tile amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t: fpu avx512f\nbugs\t: bf16\n", False),
        ("", False),
    ],
)
def test_instructions_of_the_cpu(monkeypatch, tmp_path, text, able):
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "cpuinfo")
    assert hardware.computes_bf16() is able


def test_a_machine_without_cpuinfo(monkeypatch, tmp_path):
    monkeypatch.setattr(hardware, "CPUINFO", tmp_path / "none")
    assert hardware.computes_bf16() is False


def test_the_name_of_the_fallback_is_an_engine():
    assert {module.ALWAYS, module.ON_CPUS} <= {*ENGINES.names()}


@pytest.mark.parametrize("backend", ["abc", "", "Tensorflow"])
def test_an_unknown_backend_of_keras_is_wrong_usage(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(UsageError, match=r"KERAS_BACKEND: expected tensorflow.*Received: "):
        check("auto", "auto")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check("auto", "auto")
