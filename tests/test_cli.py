"""The command line: what is refused before anything runs, exit codes, help, result files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nucseg_tf.doctor
from nucseg_tf import __version__, console
from nucseg_tf.__main__ import main
from nucseg_tf.commands.loop import Loop
from nucseg_tf.commands.models import Models
from nucseg_tf.commands.table import Commands
from nucseg_tf.models.archive import MODEL_FILES

ROOT = Path(__file__).parents[1]
CALLS: list[tuple] = []


def probe(
    *paths: Path,
    out: Path,
    pixel_size: float | None = None,
    tile: int = 1,
    text: str = "",
    set: tuple[str, ...] = (),
    overlay: bool = False,
) -> None:
    """Stands for a command, and notes what it gets."""
    CALLS.append((paths, out, pixel_size, tile, text, set, overlay))


@pytest.fixture
def probed(monkeypatch):
    """`nucseg probe`; returns what it was called with."""
    monkeypatch.setattr(Commands, "probe", staticmethod(probe), raising=False)
    CALLS.clear()
    return CALLS


def run(*argv: str, **options) -> subprocess.CompletedProcess:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "nucseg_tf", *argv]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, **options)


# --- arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["predcit"], "unknown command predcit; did you mean 'predict'?"),
        (["models", "verfy"], "unknown command verfy; did you mean 'verify'?"),
        (["--verison"], "unknown flag --verison"),
        (["predict", "x", "--out", "o", "--pixle-size", "3"], "did you mean '--pixel-size'?"),
        (["predict", "x", "-o", "o"], "unknown flag -o"),
        (["predict", "x"], "--out is missing"),
        (["predict", "--out", "o"], "expected PATHS, found none"),
        (["train", "--data", "d", "--out", "o"], "CONFIG is missing"),
        (["predict", "x", "--out", "o", "--tile", "abc"], "--tile: expected a whole number"),
        (["predict", "x", "--out", "o", "--tile", "10.5"], "--tile: expected a whole number"),
        (["predict", "x", "--out", "o", "--pixel-size", "foo"], "--pixel-size: expected a number"),
        (["predict", "x", "--out", "o", "--overlay=3"], "--overlay: expected true or false"),
        (
            ["predict", "x", "--out", "o", "--device", "tpu"],
            "--device: expected auto or cpu or gpu",
        ),
        (["predict", "x", "--out"], "--out expects a value"),
        (["predict", "x", "--out", "--overlay"], "--out expects a value"),
        (["predict", "x", "--out="], "--out expects a value"),
        (["predict", "x", "--out", "a", "--out", "b"], "--out is given more than once"),
        (["evaluate", "a", "b", "c", "--out", "o"], "unexpected argument 'c'"),
        (["doctor", "now"], "unexpected argument 'now'"),
        (["predict", "no-such-file.tif", "--out", "o"], "no-such-file.tif: no such file"),
        (["predict", "no-such-file.tif", "--out", "o", "--overlay", "3"], "no such file"),
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(argv, message, capsys):
    assert main(argv) == 2
    printed = capsys.readouterr()
    first, hint = printed.err.splitlines()
    assert first.startswith("nucseg: error: ")
    assert message in first
    assert hint.startswith("See nucseg")
    assert hint.endswith("--help")
    assert printed.out == ""


@pytest.mark.parametrize("name", ["123", "01", "1e3", "none", "True", "a,b", "[x]", "a b", "a=b"])
def test_names_stay_as_typed(name, probed):
    argv = ["probe", name, "--out", name, f"--text={name}", "--set", f"k={name}"]
    assert main(argv) == 0
    assert probed == [((Path(name),), Path(name), None, 1, name, (f"k={name}",), False)]


def test_values_get_their_types(probed):
    argv = ["probe", "x", "y", "--out=o", "--pixel-size", "1e-1", "--tile", "64", "--overlay"]
    assert main([*argv, "--set", "a=1", "--set", "b=[1, 2]"]) == 0
    paths = (Path("x"), Path("y"))
    assert probed == [(paths, Path("o"), 0.1, 64, "", ("a=1", "b=[1, 2]"), True)]


def test_a_switch_does_not_take_the_file_after_it(probed):
    assert main(["probe", "--overlay", "x", "--out", "o"]) == 0
    assert probed[0][0] == (Path("x"),)
    assert probed[0][-1] is True


def test_flags_may_be_spelt_with_underscores(probed):
    assert main(["probe", "x", "--out", "o", "--pixel_size=2"]) == 0
    assert probed[0][2] == 2.0


def test_after_two_dashes_all_are_files(probed):
    assert main(["probe", "--out", "o", "--", "-x.tif", "--help-me.tif"]) == 0
    assert probed[0][0] == (Path("-x.tif"), Path("--help-me.tif"))


def test_a_negative_number_is_a_value(probed):
    assert main(["probe", "x", "--out", "o", "--pixel-size", "-3"]) == 0
    assert probed[0][2] == -3.0


# --- help ------------------------------------------------------------------------------------


def test_help_of_a_command_is_plain_and_in_kebab_case(capsys):
    assert main(["predict", "--help"]) == 0
    text = capsys.readouterr().out
    assert "--pixel-size" in text
    assert "--pixel_size" not in text
    assert "\x1b" not in text
    assert "tiles of large images" in text


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(argv, capsys):
    assert main(argv) == 0
    text = capsys.readouterr().out
    commands = ("predict", "train", "evaluate", "validate", "models", "doctor", "config")
    assert all(f"     {command}\n" in text for command in commands)


def test_help_of_every_command_describes_every_flag(capsys):
    groups = {(): Commands, ("models",): Models, ("loop",): Loop}
    for path, group in groups.items():
        for name in (key for key in dir(group) if not key.startswith("_") and (key,) not in groups):
            assert main([*path, name, "--help"]) == 0
            text = capsys.readouterr().out
            for parameter in getattr(group, name).__annotations__:
                assert parameter == "return" or f"{parameter}:" in getattr(group, name).__doc__
            assert "Type: '" not in text
            assert "Optional[" not in text


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"nucseg {__version__}\n"


def test_help_does_not_wait_for_tensorflow():
    code = (
        "import sys; from nucseg_tf.__main__ import main; main(['predict', '--help']);"
        "main(['predict', 'none', '--out', 'o', '--tile', 'x']);"
        "print({'tensorflow', 'keras'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stderr.endswith("set()\n")


# --- exit codes ------------------------------------------------------------------------------


def test_a_process_ends_with_the_code():
    done = run("predict")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_is_2(tmp_path, capsys):
    file = tmp_path / "some.yaml"
    file.write_text("training: {epoch: 1}")
    assert main(["config", str(file)]) == 2
    assert "did you mean 'epochs'" in capsys.readouterr().err


def test_config_prints_what_is_resolved(capsys):
    file = ROOT / "configs" / "fpn2ws.yaml"
    assert main(["config", str(file), "--set", "training.epochs=77"]) == 0
    assert "  epochs: 77\n" in capsys.readouterr().out


def test_a_failure_is_1_without_traceback(tmp_path, capsys):
    assert main(["validate", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("nucseg: error: ")
    assert "Traceback" not in error


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_debug_shows_the_traceback(how, tmp_path, capsys, monkeypatch):
    if how == "variable":
        monkeypatch.setenv("NUCSEG_DEBUG", "1")
    argv = ["validate", str(tmp_path), *(["--debug"] if how == "flag" else [])]
    assert main(argv) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [(KeyboardInterrupt, 130, "interrupted"), (ZeroDivisionError, 1, "Traceback")],
)
def test_other_ends(error, code, message, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr(nucseg_tf.doctor, "examine", fail)
    assert main(["doctor"]) == code
    assert message in capsys.readouterr().err


def test_doctor_fails_if_a_model_is_damaged(monkeypatch, capsys):
    monkeypatch.setattr(nucseg_tf.doctor, "examine", lambda: ("python  3", ["m: damaged"]))
    assert main(["doctor"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "python  3\n"
    assert printed.err == "nucseg: error: m: damaged\n"


def test_sigterm_asks_for_an_end_after_the_image_it_came_in():
    before = signal.getsignal(signal.SIGTERM)
    with console.show_progress() as progress:
        assert progress(1, 3, "a.tif")
        os.kill(os.getpid(), signal.SIGTERM)
        assert not progress(2, 3, "b.tif")
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_is_left_is_told_of_what_was_done_since_the_first_line(monkeypatch, caplog):
    now = iter((100.0, 130.0, 160.0))
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    show = console._lines()
    with caplog.at_level("INFO", "nucseg_tf"):
        for done in (500, 1000, 1500, 2000):  # 500 at a time, each in half a minute
            show(done, 2000, "ROIs")
    assert [record.getMessage() for record in caplog.records] == [
        "25 % (500/2000) ROIs",
        "50 % (1000/2000, 0:01:00 left) ROIs",
        "75 % (1500/2000, 0:00:30 left) ROIs",
        "100 % (2000/2000) ROIs",
    ]


def test_progress_in_a_thread_leaves_signals_alone(caplog):
    before = signal.getsignal(signal.SIGTERM)

    def work():
        with console.show_progress() as progress:
            return progress(1, 1, "a.tif"), signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool, caplog.at_level("INFO", "nucseg_tf"):
        assert pool.submit(work).result() == (True, before)
    assert "100 % (1/1) a.tif" in caplog.text


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_a_reader_that_leaves_is_no_error():
    command = [sys.executable, "-m", "nucseg_tf", "--help"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


# --- prediction and models -------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A small model folder with random weights."""
    from nucseg_tf.families.fpn2ws.config import Architecture
    from nucseg_tf.models import zoo

    architecture = Architecture(filters=8)
    folder = tmp_path_factory.mktemp("models") / "small"
    info = zoo.ModelInfo(name="small", architecture=architecture, diameter=20)
    return zoo.save_model(folder, info, zoo.build(architecture), "# Small\n")


def test_predict_writes_what_it_says(model, toy, tmp_path, capsys):
    image, out = tmp_path / "01.tif", tmp_path / "out"
    tifffile.imwrite(image, toy[0])
    argv = ["predict", str(image), "--out", str(out), "--model", str(model), "--pixel-size", "0.5"]
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    assert "100 % (1/1) 01.tif" in printed.err
    assert "only sets the µm columns" in printed.err
    tables = {"objects.csv", "fields.csv", "run.json"}
    assert {file.name for file in out.iterdir()} == {"01_labels.tif", *tables}
    record = json.loads((out / "run.json").read_text())
    assert record["options"]["pixel_size"] == 0.5
    assert record["model"]["name"] == "small"
    assert len(record["model"]["sha256"]) == 64
    assert record["images"][0]["image"] == "01.tif"
    assert record["failures"] == []
    assert {"nucseg-tf", "tensorflow", "keras", "numpy", "python"} <= record["versions"].keys()
    assert 0 < record["seconds"]["loading"] < record["seconds"]["total"]


def test_some_images_failed_is_3(model, toy, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "good.tif", toy[0])
    (tmp_path / "bad.tif").write_bytes(b"")
    out = tmp_path / "out"
    assert main(["predict", str(tmp_path), "--out", str(out), "--model", str(model)]) == 3
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    assert "1 of 2 images failed, see" in printed.err
    assert "bad.tif" in (out / "failures.csv").read_text()
    assert (out / "good_labels.tif").is_file()
    assert len(json.loads((out / "run.json").read_text())["failures"]) == 1


def test_a_wrong_tile_is_2(model, toy, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", toy[0])
    argv = ["predict", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out")]
    assert main([*argv, "--model", str(model), "--tile", "100"]) == 2


def test_an_unknown_model_is_2(toy, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", toy[0])
    argv = ["predict", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out"), "--model", "none"]
    assert main(argv) == 2
    assert "no model 'none'" in capsys.readouterr().err


def test_a_model_survives_export_and_import(model, tmp_path, capsys):
    file, folder = tmp_path / "small.zip", tmp_path / "models"
    assert main(["models", "export", str(model), str(file)]) == 0
    assert main(["models", "import", str(file), "--models-dir", str(folder)]) == 0
    assert capsys.readouterr().out == f"{file}\n{folder / 'small'}\n"
    for name in MODEL_FILES:
        assert (folder / "small" / name).read_bytes() == (model / name).read_bytes()
    assert main(["models", "verify", "small", "--models-dir", str(folder)]) == 0
    assert main(["models", "info", "small", "--models-dir", str(folder)]) == 0
    assert main(["models", "list", "--models-dir", str(folder)]) == 0
    assert str(folder / "small") in capsys.readouterr().out
    assert main(["models", "import", str(file), "--models-dir", str(folder)]) == 1
    assert "exists already" in capsys.readouterr().err
    content = file.read_bytes()
    for form in ("zip", "bioimageio"):
        assert main(["models", "export", "fpn2ws-nuclei", str(file), "--to", form]) == 1
        assert f"{file}: exists already" in capsys.readouterr().err
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    "names",
    [
        ["../small/model.yaml"],
        ["/tmp/small/model.yaml"],
        ["../model.yaml"],
        ["model.yaml"],
        ["small/model.yaml", "other/sha256"],
        ["small/model.yaml", "small/evil.py"],
        ["small/model.yaml", "small/model.yaml"],
        [".hidden/model.yaml"],
        [],
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_is_no_exported_model_leaves_nothing(names, tmp_path, capsys):
    file, folder = tmp_path / "some.zip", tmp_path / "models"
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "format: 1")
    assert main(["models", "import", str(file), "--models-dir", str(folder)]) == 1
    assert "is no exported model" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["models", "some.zip"]


def test_a_damaged_model_is_not_imported(model, tmp_path, capsys):
    file, folder = tmp_path / "small.zip", tmp_path / "models"
    with zipfile.ZipFile(file, "w") as archive:
        for name in MODEL_FILES:
            data = (model / name).read_bytes()
            archive.writestr(f"small/{name}", data[:-1] if name.endswith(".h5") else data)
    assert main(["models", "import", str(file), "--models-dir", str(folder)]) == 1
    assert "differs from its recorded hash" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_a_file_that_is_no_zip_is_refused(tmp_path, capsys):
    file = tmp_path / "some.zip"
    file.write_text("no zip")
    assert main(["models", "import", str(file), "--models-dir", str(tmp_path / "models")]) == 1
    assert "cannot be read as a zip file" in capsys.readouterr().err


# --- data ------------------------------------------------------------------------------------


def test_evaluate_prints_a_table(toy, tmp_path, capsys):
    for folder in ("masks", "predicted"):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a_labels.tif", toy[1].astype(np.uint16))
    folders = [str(tmp_path / "masks"), str(tmp_path / "predicted")]
    assert main(["evaluate", *folders, "--out", str(tmp_path / "scores")]) == 0
    assert "1 images, 4 nuclei" in capsys.readouterr().out
    assert (tmp_path / "scores" / "scores.json").is_file()


def test_validate_names_what_is_wrong(toy, tmp_path, capsys):
    for folder, name, data in (
        ("images", "a.tif", toy[0]),
        ("masks", "a.tif", toy[1].astype(np.uint16)),
        ("images", "b.tif", toy[0]),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / folder / name, data)
    assert main(["validate", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert "b.tif: has no mask" in printed.out
    assert "1 of 2 fields can be used" in printed.err
    (tmp_path / "annotation").mkdir()  # of `nucseg annotate`
    assert main(["validate", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "warning: " in printed
    assert "b.tif: has no mask: it is not accepted yet" in printed
    assert printed.endswith("1 of 2 fields can be used\n")
    (tmp_path / "annotation" / "b").mkdir()
    (tmp_path / "annotation" / "b" / "history.json").write_text('{"status": "aside"}')
    assert main(["validate", str(tmp_path)]) == 0
    assert "b.tif: has no mask: it is set aside" in capsys.readouterr().out
    (tmp_path / "images" / "b.tif").unlink()
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 of 1 fields can be used\n"
