"""ROIs, label images and the macro in a real ImageJ, under a display that nobody sees."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.data.simulate.cell_lines import find_cell_lines
from nucseg_tf.data.simulate.field import simulate_field
from nucseg_tf.data.simulate.write import write_image
from nucseg_tf.io.labels import write_labels
from nucseg_tf.io.stacks import write_label_stack
from nucseg_tf.io.writers.imagej import write_imagej_rois

ROOT = Path(__file__).parents[3]
MACRO = ROOT / "nucseg_tf" / "integrations" / "imagej" / "Find_Nuclei.ijm"
JAR = Path(os.environ.get("NUCSEG_IMAGEJ", "/usr/share/java/ij.jar"))
TELL = 'function tell(text) { File.append(text, "%s"); }\n'

# Waits for the dialog and clicks on its first button, which is OK.
PRESS_OK = """
xdotool search --sync --onlyvisible --name "Find Nuclei" > /dev/null
sleep 0.5
button=$(xdotool search --onlyvisible --name XButtonPeer | head -n 1)
xdotool mousemove --window "$button" 9 9 click 1
"""

pytestmark = pytest.mark.slow  # `make imagej-test`

if not (JAR.exists() and all(map(shutil.which, ("java", "xvfb-run", "xdotool")))):
    pytest.skip(
        "no ImageJ; on Debian: apt-get install imagej xvfb xauth xdotool", allow_module_level=True
    )


def imagej(folder: Path, macro: str, dialog: bool = False) -> tuple[list[str], str]:
    """Runs a macro; the lines that it told, and what ImageJ printed.

    Without `dialog` there is no window of ImageJ; with it, one dialog is answered with OK. Others,
    which errors make, would wait until the time is up.
    """
    told, file = folder / "told.txt", folder / "test.ijm"
    file.write_text(TELL % told + macro + '\ntell("end");\nrun("Quit");\n')
    java = ["java", "-Xmx512m", f"-Duser.home={folder}", "-cp", str(JAR), "ij.ImageJ", "-port0"]
    script = shlex.join([*java, "-macro" if dialog else "-batch", str(file)])
    script += f" & {PRESS_OK} wait" if dialog else ""
    command = ["xvfb-run", "-a", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    told.unlink(missing_ok=True)
    assert lines[-1:] == ["end"], (lines, done.stdout, done.stderr)
    return lines[:-1], done.stdout


@pytest.fixture(scope="module")
def nucseg(tmp_path_factory) -> Path:
    """The program, in a folder whose name shells stumble over."""
    program = tmp_path_factory.mktemp("it's here") / "nucseg"
    call = f'PYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m nucseg_tf "$@"'
    program.write_text(f"#!/bin/sh\n{call}\n")
    program.chmod(0o755)
    return program


def call(program: Path, **arguments: str) -> str:
    """The statement that runs the macro."""
    options = " ".join(f"{name}={value}" for name, value in arguments.items())
    return f'runMacro("{MACRO}", "program=[{program}] {options}");'


def odd_labels() -> np.ndarray:
    """A nucleus with a hole, one in two pieces, one of one pixel, a disc at the edge."""
    rows, columns = np.mgrid[:60, :80]
    labels = np.zeros((60, 80), np.int32)
    labels[(rows - 20) ** 2 + (columns - 20) ** 2 < 200] = 1
    labels[(rows - 20) ** 2 + (columns - 20) ** 2 < 20] = 0
    labels[30:40, 50:60] = labels[42:50, 50:53] = 2
    labels[5, 70] = 3
    labels[(rows - 45) ** 2 + (columns - 3) ** 2 < 150] = 4
    return labels


def test_rois_have_names_places_confidence_and_the_very_pixels(tmp_path):
    labels = odd_labels()
    write_labels(tmp_path / "labels.tif", labels, 0.325, 2.0)
    write_imagej_rois(tmp_path / "rois.zip", labels, [0.5, 0.25, 0.125, 0.9312], t=2, z=3)
    lines, _ = imagej(
        tmp_path,
        f"""
        open("{tmp_path}/labels.tif");
        getVoxelSize(width, height, depth, unit);
        tell("" + width + " " + height + " " + unit);
        roiManager("open", "{tmp_path}/rois.zip");
        for (n = 0; n < roiManager("count"); n++) {{
          roiManager("select", n);
          Roi.getPosition(c, z, t);
          text = Roi.getName + " " + Roi.getProperty("confidence") + " " + c + " " + z + " " + t;
          text += " " + getValue("Area raw") + " " + d2s(getValue("Area"), 9);
          tell(text + " " + getValue("Min") + " " + getValue("Max"));
        }}""",
    )
    assert lines[0] == "0.325 0.65 µm"
    area = np.bincount(labels.ravel())
    for label, (line, confidence) in enumerate(
        zip(lines[1:], ("0.5000", "0.2500", "0.1250", "0.9312"), strict=True), start=1
    ):
        *place, pixels, microns, least, most = line.split()
        assert place == [f"{label:04d}", confidence, "0", "4", "3"]
        assert int(pixels) == area[label]
        assert float(microns) == pytest.approx(area[label] * 0.325 * 0.65, abs=1e-9)
        assert (int(least), int(most)) == (label, label)  # no pixel of anything else


def test_simulated_fields_are_opened_with_their_very_pixels(tmp_path):
    image, _ = simulate_field(find_cell_lines("U2OS")[0], index=1, shape=(64, 96))
    write_image(tmp_path / "field.tif", image, 0.5)
    macro = f"""
open("{tmp_path}/field.tif");
for (y = 0; y < 64; y++) {{
  line = "";
  for (x = 0; x < 96; x++) line = line + getPixel(x, y) + " ";
  tell(line);
}}"""
    lines, _ = imagej(tmp_path, macro)
    np.testing.assert_array_equal([line.split() for line in lines], image.astype(str))


def test_label_stacks_are_calibrated(tmp_path):
    stack = np.stack([odd_labels()] * 3)
    write_label_stack(tmp_path / "stack.tif", stack, "ZYX", (0.5, 0.25), 2.0)
    lines, _ = imagej(
        tmp_path,
        f"""
        open("{tmp_path}/stack.tif");
        getVoxelSize(width, height, depth, unit);
        tell("" + width + " " + height + " " + unit + " " + nSlices);""",
    )
    assert lines == ["0.25 0.5 µm 3"]


def test_the_macro_and_its_dialog_on_a_calibrated_composite_stack(tmp_path, nucseg):
    image, _ = simulate_field(find_cell_lines("HCT116")[0], 1, shape=(160, 192))
    planes = [[image // 3, image], [np.roll(image, 9, 1) // 3, np.roll(image, 9, 1)]]
    tifffile.imwrite(
        tmp_path / "cells, 1.tif",
        np.array(planes, np.uint16),
        imagej=True,
        resolution=(1 / 0.21, 1 / 0.42),
        metadata={"axes": "ZCYX", "mode": "composite", "unit": "um", "spacing": 1.5},
    )
    lines, _ = imagej(
        tmp_path,
        f"""
        open("{tmp_path}/cells, 1.tif");
        Stack.setPosition(2, 2, 1);
        makeOval(5, 6, 17, 18);
        call("ij.Prefs.set", "nucseg.program", "{nucseg}");
        runMacro("{MACRO}");
        getSelectionBounds(x, y, width, height);
        text = getTitle() + "; " + x + " " + y + " " + width + " " + height + " ";
        tell(text + selectionType() + " " + is("changes") + " " + is("composite"));
        for (n = 0; n < roiManager("count"); n++) {{
          roiManager("select", n);
          Stack.getPosition(c, z, t);
          Roi.getPosition(d, e, f);
          text = Roi.getName + " " + Roi.getProperty("confidence") + " " + z + " " + d + " " + e;
          table = getTitle() + " nuclei";
          text += " " + d2s(getValue("Area raw"), 0) + " " + Table.get("area_px", n, table);
          text += " " + d2s(getValue("Area"), 6) + " " + d2s(Table.get("area_um2", n, table), 6);
          tell(text + " " + Table.get("score", n, table));
        }}
        selectImage(getTitle() + " labels");
        getVoxelSize(width, height, depth, unit);
        text = "" + width + " " + height + " " + depth + " " + unit;
        tell(text + " " + bitDepth() + " " + nImages);
        """,
        dialog=True,
    )
    original, *rois, labels = lines
    assert original == "cells, 1.tif; 5 6 17 18 1 0 1"
    assert len(rois) > 3
    for number, roi in enumerate(rois, start=1):
        name, confidence, z, channel, slice_, *areas, score = roi.split()
        assert (name, z, channel, slice_) == (f"{number:04d}", "2", "0", "2")
        assert float(confidence) == pytest.approx(float(score), abs=6e-5)
        assert areas[0] == areas[1]
        # ImageJ writes resolutions with six digits behind the point
        assert float(areas[2]) == pytest.approx(float(areas[3]), rel=1e-6)
        assert float(areas[2]) == pytest.approx(int(areas[0]) * 0.21 * 0.42, abs=2e-6)
    assert labels == "0.21 0.42 1.5 µm 16 2"


def test_the_macro_says_what_nucseg_says(tmp_path, nucseg):
    write_labels(tmp_path / "image.tif", odd_labels())
    wrong = f'open("{tmp_path}/image.tif");\n{call(nucseg, model="fpn2ws-nuclie")}'
    assert "did you mean 'fpn2ws-nuclei'" in imagej(tmp_path, wrong)[1]
    missing = f'open("{tmp_path}/image.tif");\n{call(Path("/no/nucseg"))}'
    assert "Is the path of nucseg right?" in imagej(tmp_path, missing)[1]
    assert "open an image first" in imagej(tmp_path, call(nucseg))[1]
