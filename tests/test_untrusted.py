"""Files and requests that are made to do harm do none; docs/reliability/untrusted.md lists them."""

from __future__ import annotations

import ast
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest
import yaml
from reference import attacks

from nucseg_tf.console import printable
from nucseg_tf.errors import DataError, ImageReadError, ModelError, OutputError
from nucseg_tf.inference.folder_lock import only_run_in
from nucseg_tf.inference.journal import Journal
from nucseg_tf.io.files import atomic_path
from nucseg_tf.io.omezarr.plate import zarr_plate
from nucseg_tf.io.plates.names import PATTERNS
from nucseg_tf.models.archive import export_model
from nucseg_tf.models.weights import read_weights
from nucseg_tf.models.zoo import SHIPPED, read_info

ROOT = Path(__file__).parents[1]
CODE = ROOT / "nucseg_tf"
# What unpickles, each with what makes it harmless: nothing is called, or the file is our own.
PICKLES = {
    "io/cellpose.py": "stand-ins for all that is named",
    "training/torch_file.py": "four names are allowed",
    "inference/gather.py": "a temporary file of this process",
}
OTHERS = {"inference/light.py": {"np.load", "allow_pickle="}}  # with allow_pickle=False
MODULES = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve"}
CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "shell="),
    *("np.load", "allow_pickle=", "torch.load", "yaml.load", "tempfile.mktemp"),
    *("keras.models.load_model", "keras.saving.load_model", "safe_mode="),
}
SECONDS, MEGABYTES = 3, 300


@pytest.mark.parametrize("attack", [*attacks.IMAGES, *attacks.OTHERS], ids=lambda a: a.what[:60])
def test_files(attack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, began = _peak(), time.monotonic()
    said = attacks.strike(attack, tmp_path)
    assert time.monotonic() - began < SECONDS
    assert _peak() - before < MEGABYTES
    assert attacks.re.search(attack.told, said), said
    assert attack.file in said
    assert not Path(attacks.PWNED).exists()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_process_needs_neither_time_nor_memory_for_a_claim(tmp_path):
    attacks.tiff(10**6)(tmp_path / "a.tif")
    code = (
        "import re, sys, time; from pathlib import Path\n"
        "from nucseg_tf.io.images import read_raw; from nucseg_tf.errors import TooLargeError\n"
        "began = time.monotonic()\n"
        "try: read_raw(Path(sys.argv[1]))\n"
        "except TooLargeError: pass\n"
        "seconds, known = time.monotonic() - began, Path('/proc/self/status').read_text()\n"
        "print(seconds, int(re.search(r'VmHWM:\\s*(\\d+)', known)[1]) / 1024)"  # of it alone
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.tif")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    seconds, megabytes = map(float, said.split())
    assert seconds < 1
    assert megabytes < 300


def test_the_page_says_what_is_tested():
    page = attacks.PAGE.read_text(encoding="utf-8")
    assert page == attacks.with_tables(page), "run python tests/reference/attacks.py"
    for _, _, test in attacks.PAGES:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_nothing_is_unpickled_or_run():
    found = {path.relative_to(CODE).as_posix(): set(_risks(path)) for path in CODE.rglob("*.py")}
    assert {place for place, risks in found.items() if "pickle" in risks} == set(PICKLES)
    others = {place: risks - {"pickle"} for place, risks in found.items()}
    assert {place: risks for place, risks in others.items() if risks} == OTHERS
    assert "allow_pickle=False" in (CODE / "inference" / "light.py").read_text(encoding="utf-8")


def _risks(path: Path) -> Iterator[str]:
    """What a module imports or calls that runs what it is given."""
    text = path.read_text(encoding="utf-8")
    if not any(word.rpartition(".")[2] in text for word in MODULES | CALLS):  # to parse takes long
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
            yield from names & MODULES
        elif isinstance(node, ast.Call):
            said = {ast.unparse(node.func)} | {f"{keyword.arg}=" for keyword in node.keywords}
            yield from said & CALLS


def test_names_do_not_reach_the_terminal(tmp_path, capsys):
    from nucseg_tf.__main__ import main

    assert main(["report", str(tmp_path / "a\x1b[2J\x1b]0;x\x07\u202e")]) != 0
    out, err = capsys.readouterr()
    assert not any(sign in out + err for sign in "\x1b\x07\u202e")
    assert printable("Größe µm\n") == "Größe µm\n"


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.title)
def test_long_names_take_no_time(pattern):
    began = time.monotonic()
    for piece in (
        "A",
        "0",
        "_",
        "_B03",
        "_B03_s1",
        "TimePoint_1/",
        "ZStep_1/",
        "a/",
        "--W1",
        " - x",
    ):
        for end in ("", ".tif", "!"):
            text = (piece * 4096)[:4096]
            long_file = text if "/" in piece else text[:255]
            pattern.matches(long_file + end)
            pattern.leaves_out(long_file + end)
    text = "TimePoint_1/ZStep_1/" * 100 + "_B03_s1_w1" * 200
    pattern.matches(text)
    assert time.monotonic() - began < 1


def test_links_in_the_results_are_not_written_through(tmp_path):
    out, secret = tmp_path / "out", tmp_path / "secret"
    out.mkdir()
    secret.write_text("mine")
    (out / "objects.csv").symlink_to(secret)
    with atomic_path(out / "objects.csv") as temporary:
        temporary.write_text("ours")
    assert not (out / "objects.csv").is_symlink()
    for name in (".objects.csv.part", ".run.jsonl"):
        (out / name).symlink_to(secret)
        with pytest.raises(OutputError, match=r"objects\.csv"):
            Journal(out, "key")
        (out / name).unlink()
    (out / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"\.lock"), only_run_in(out):
        pass
    assert secret.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_files_have_the_permissions_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "a.csv") as temporary:
            temporary.write_text("a")
        Journal(tmp_path, "key")
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert path.stat().st_mode & 0o777 == 0o640, path


def _copy_model(folder: Path) -> Path:
    folder.mkdir()
    for path in (SHIPPED / "mask-rcnn-nuclei").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_model_with_a_link_is_not_handed_on(tmp_path):
    folder, secret = _copy_model(tmp_path / "model"), tmp_path / "id_rsa"
    secret.write_text("key")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to(secret)
    with pytest.raises(ModelError, match=r"README\.md: is a link"):
        export_model(str(folder), tmp_path / "model.zip")
    assert not (tmp_path / "model.zip").exists()


@pytest.mark.parametrize(
    ("key", "value"), [("box_units", 10**9), ("rpn_filters", 10**9), ("sizes", [8.0] * 1000)]
)
def test_layers_of_absurd_width(tmp_path, key, value):
    folder = _copy_model(tmp_path / "model")
    content = yaml.safe_load((folder / "model.yaml").read_text())
    content["architecture"]["detector"][key] = value
    (folder / "model.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ModelError, match=key):
        read_info(folder)


@pytest.mark.parametrize("kind", ["huge", "external", "link", "text"])
def test_weights_that_claim_too_much(tmp_path, kind):
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        if kind == "huge":
            file.create_dataset("0000", (10**6, 10**6), "f4", chunks=(100, 100))
        elif kind == "external":
            file.create_dataset("0000", (8,), "f4", external=[("/etc/passwd", 0, 32)])
        elif kind == "link":
            file["0000"] = h5py.ExternalLink("other.h5", "a")
        else:
            file.create_dataset("0000", data=["a", "b"])
    with pytest.raises(ModelError, match=r"model\.weights\.h5: cannot be read"):
        read_weights(path)


def test_a_plate_does_not_lead_out_of_itself(tmp_path):
    folder = tmp_path / "plate.zarr"
    well = folder / "B" / "03"
    well.mkdir(parents=True)
    for place in (folder, well):
        (place / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps({"plate": {"wells": [{"path": "B/03"}]}}))
    for name in ("../../../other.zarr", "/other.zarr", "..\\other.zarr"):
        (well / ".zattrs").write_text(json.dumps({"well": {"images": [{"path": name}]}}))
        with pytest.raises(ImageReadError, match="outside of it"):
            zarr_plate(folder)


def test_fields_of_csv_that_are_too_long_are_an_error(tmp_path):
    from nucseg_tf.inference.merge import Part, _rows

    (tmp_path / "objects.csv").write_text("image\n" + "a" * 200_000 + "\n")
    with pytest.raises(DataError, match=r"objects\.csv: damaged"):
        list(_rows(Part(tmp_path, "", {}), ["image"]))
