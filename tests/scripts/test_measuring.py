"""What the benchmark of speed measures with."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from speed import fields, limit, machine
from speed.process import ProcessError, measure
from speed.turns import summarise, take_turns

from nucseg_tf.io.images import read_image


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_measure_tells_waiting_from_computing():
    waits = measure(python("import time; time.sleep(0.5)"))
    works = measure(python("import time\nwhile time.process_time() < 0.5: pass"))
    assert waits["wall_s"] >= 0.5
    assert waits["cpu_s"] < 0.4
    assert works["cpu_s"] >= 0.5


def test_measure_counts_children_that_were_waited_for():
    child = "import time\nwhile time.process_time() < 0.5: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    assert measure(python(code))["cpu_s"] >= 0.5


def test_measure_counts_nothing_of_the_process_that_asks():
    mine = np.ones(50_000_000)  # 400 MB
    assert measure(python("pass"))["peak_mb"] < 100
    assert mine.any()


def test_measure_finds_the_peak_of_memory_that_was_given_back():
    little = measure(python("pass"))["peak_mb"]
    much = measure(python("x = bytearray(200_000_000); del x"))["peak_mb"]
    assert 180 < much - little < 220  # 200,000,000 bytes are 191 MiB


def test_measure_says_what_a_failed_command_said():
    with pytest.raises(ProcessError, match=r"code 3: no such thing"):
        measure(python("import sys; print('no such thing'); sys.exit(3)"))


def test_measure_of_a_program_that_is_not_there():
    with pytest.raises(ProcessError, match=r"(?s)did not start: .*no-such-program"):
        measure(["no-such-program"])


def test_measure_ends_what_takes_too_long():
    with pytest.raises(ProcessError, match=r"code -9, ended after 0\.3 s"):
        measure(python("import time; time.sleep(60)"), limit_s=0.3)


def test_tools_take_turns_and_a_failed_one_is_left_out():
    order: list[str] = []

    def run(name: str) -> dict[str, float]:
        order.append(name)
        if name == "b" and len(order) > 3:
            raise ProcessError("gone")
        return {"wall_s": float(len(order))}

    found = take_turns({name: lambda name=name: run(name) for name in "abc"}, 3)
    assert "".join(order) == "abcabcac"
    assert [row["wall_s"] for row in found["runs"]["a"]] == [1, 4, 7]
    assert len(found["runs"]["b"]) == 1
    assert found["errors"] == {"b": "gone"}


@pytest.mark.parametrize(
    ("values", "median"), [([3.0, 1.0, 2.0], 2.0), ([4.0, 1.0], 2.5), ([7.0], 7.0)]
)
def test_summary_of_figures(values, median):
    assert summarise(values) == {"median": median, "low": min(values), "high": max(values)}


def test_summary_of_nothing():
    assert summarise([]) == {}


def test_shapes_differ_and_have_the_same_pixels():
    found = fields.shapes(20)
    assert len(set(found)) == 20
    assert {height * width for height, width in found} == {fields.PIXELS}


def test_shapes_there_are_not():
    with pytest.raises(SystemExit, match=r"Received: 1000"):
        fields.shapes(1000)


def test_tiled_is_mirrored_where_fields_meet(monkeypatch):
    monkeypatch.setattr(fields, "BLOCK", 64)
    image = fields.tiled((150, 70))
    assert image.shape == (150, 70)
    assert np.array_equal(image[63], image[64])
    assert np.array_equal(image[:, 63], image[:, 64])
    assert np.array_equal(image[:22], image[128:])


def test_usual_fields_are_copies_that_our_reader_reads(tmp_path):
    fields.write_usual(tmp_path / "some", 5)
    files = sorted((tmp_path / "some").iterdir())
    images = [read_image(file).pixels for file in files]
    assert [image.shape for image in images] == [(520, 696)] * 5
    assert np.array_equal(images[0], images[4])
    assert not np.array_equal(images[0], images[1])


def test_usual_fields_of_a_folder_without_them(tmp_path, toy):
    import tifffile

    tifffile.imwrite(tmp_path / "small.tif", toy[0])
    with pytest.raises(SystemExit, match="Found none"):
        fields.write_usual(tmp_path / "some", 5, tmp_path)


def test_busy_seconds_leave_out_idling_waiting_and_guests():
    #               user nice system idle wait irq soft steal guest
    line = "cpu 100 10 20 9999 9999 3 4 500 60 0"
    assert machine.busy_seconds(line, ticks=100) == pytest.approx(1.37)


def test_others_are_not_this_process():
    others = machine.Others()
    end = os.times().user + 0.3
    while os.times().user < end:
        pass
    found = others.cores()
    if found is None:
        pytest.skip("this system does not say how busy it is")
    assert found <= machine.cores() + 0.1


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "macs"),
    [
        # 3 x 3 over 4 channels, 8 out, 10 x 20 px
        ("Convolution", [[1, 4, 10, 20], [8, 4, 3, 3]], [1, 8, 10, 20], 200 * 8 * 4 * 9),
        # each of 8 channels by itself
        ("GroupConvolution", [[1, 8, 10, 20], [8, 1, 1, 3, 3]], [1, 8, 10, 20], 200 * 8 * 9),
        # each of 10 x 20 px spreads over 2 x 2
        (
            "ConvolutionBackpropData",
            [[1, 4, 10, 20], [4, 8, 2, 2]],
            [1, 8, 20, 40],
            200 * 4 * 8 * 4,
        ),
        ("MatMul", [[5, 7], [7, 3]], [5, 3], 105),
        ("Add", [[5, 7], [5, 7]], [5, 7], 0),
        ("Relu", [[5, 7]], [5, 7], 0),
    ],
)
def test_multiply_adds(kind, inputs, output, macs):
    assert limit.macs_of(kind, inputs, output) == macs


def test_rate_is_of_the_best_round():
    found = limit.rate(lambda: np.ones((300, 300)) @ np.ones((300, 300)), 300**3)
    assert found["macs_per_s"] > 0
    assert found["macs_per_cpu_s"] > 0
