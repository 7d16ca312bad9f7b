import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from nucseg_tf.errors import ModelError, UsageError
from nucseg_tf.models.archive import MODEL_FILES, PACKED, import_model
from nucseg_tf.models.export.package import export_package


def described(package: Path) -> dict:
    with zipfile.ZipFile(package) as archive:
        return yaml.safe_load(archive.read("bioimageio.yaml"))


def sources(value) -> list[dict]:
    """Everything in a description that names a file."""
    if isinstance(value, dict):
        own = [value] if "source" in value else []
        return own + [each for inner in value.values() for each in sources(inner)]
    return [each for inner in value for each in sources(inner)] if isinstance(value, list) else []


def test_every_file_is_named_with_its_hash(package):
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    named = {each["source"]: each["sha256"] for each in sources(described(package))}
    plain = {"bioimageio.yaml", "documentation.md", "cover.png"}  # have no hash there
    assert named.keys() == files.keys() - plain
    assert named == {name: hashlib.sha256(files[name]).hexdigest() for name in named}
    assert {*PACKED, "model.json", "weights.onnx"} <= named.keys()
    assert json.loads(files["model.json"])["parts"]["network"]["file"] == "weights.onnx"


def test_the_description_says_how_intensities_are_brought_to_the_network(package):
    (image,) = described(package)["inputs"]
    _, scale, clip = image["preprocessing"]
    assert scale["kwargs"] == {
        "axes": ["y", "x", "channel"], "min_percentile": 1.0, "max_percentile": 99.8
    }  # fmt: skip
    assert clip["kwargs"] == {"min": -0.5, "max": 2.0}


def test_no_file_has_a_name_that_is_kept_for_descriptions(package):
    kept = {"model.yaml", "rdf.yaml", "bioimageio.yaml"}  # bioimageio.spec refuses others by it
    assert not kept & {each["source"] for each in sources(described(package))}


def test_the_test_has_a_size_that_is_allowed_with_and_without_halo(package):
    about = described(package)
    with zipfile.ZipFile(package) as archive:
        field, maps = (
            np.load(io.BytesIO(archive.read(f"test_{name}.npy"))) for name in ("input", "output")
        )
    assert field.shape[1:3] == maps.shape[1:3]
    for axis in (1, 2):
        size = about["inputs"][0]["axes"][axis]["size"]
        halo = about["outputs"][0]["axes"][axis]["halo"]
        for length in (field.shape[axis], field.shape[axis] + 2 * halo):
            assert (length - size["min"]) % size["step"] == 0 <= length - size["min"]


def test_the_answer_is_that_of_the_onnx_network(package, tmp_path):
    """Computed from the description alone, as bioimageio.core tests it: without a halo."""
    runtime = pytest.importorskip("onnxruntime")
    about = described(package)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    seen = np.load(tmp_path / "test_input.npy").astype(np.float32)
    steps = {each["id"]: each["kwargs"] for each in about["inputs"][0]["preprocessing"]}
    scale = steps["scale_range"]
    low, high = np.percentile(seen, [scale["min_percentile"], scale["max_percentile"]])
    seen = np.clip((seen - low) / (high - low), steps["clip"]["min"], steps["clip"]["max"])
    session = runtime.InferenceSession(tmp_path / "weights.onnx")
    (maps,) = session.run(["maps"], {"image": seen.astype(np.float32)})
    np.testing.assert_allclose(maps, np.load(tmp_path / "test_output.npy"), atol=1e-5)


def test_our_model_comes_out_of_a_package_as_it_was(package, model, tmp_path):
    folder = import_model(package, tmp_path)
    assert folder.name == "small"
    assert sorted(file.name for file in folder.iterdir()) == sorted(MODEL_FILES)
    for name in MODEL_FILES:
        assert (folder / name).read_bytes() == (model / name).read_bytes()
    assert import_model(package, tmp_path, "other").name == "other"


def repacked(package: Path, file: Path, **changed: bytes | None) -> Path:
    """A copy with other files, by stem; None leaves one out."""
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = changed.get(Path(name).stem, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return file


def test_a_foreign_package_is_told_what_it_lacks(package, tmp_path):
    foreign = repacked(package, tmp_path / "foreign.zip", sha256=None, nucseg=None)
    message = r"is a package of bioimage\.io without nucseg\.yaml, sha256: only those of"
    with pytest.raises(ModelError, match=message):
        import_model(foreign, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_package_with_other_weights_is_refused(package, tmp_path):
    changed = repacked(package, tmp_path / "changed.zip", **{"model.weights": b"x"})
    with pytest.raises(ModelError, match=r"model\.weights\.h5: differs from its recorded hash"):
        import_model(changed, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_nothing_of_a_package_but_the_model_is_unpacked(package, tmp_path):
    package = repacked(package, tmp_path / "more.zip")
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("../evil.py", "x")
    assert import_model(package, tmp_path / "models").name == "small"
    assert [path.name for path in tmp_path.rglob("evil.py")] == []


def test_a_network_of_several_parts_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"mask-rcnn-nuclei is of the family Mask R-CNN.*onnx"):
        export_package("mask-rcnn-nuclei", tmp_path / "x.zip")
    with pytest.raises(UsageError, match=r"ends in \.zip"):
        export_package("fpn2ws-nuclei", tmp_path / "x")
