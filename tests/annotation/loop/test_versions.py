import json

import pytest

from nucseg_tf.annotation.loop import versions
from nucseg_tf.annotation.loop.versions import SHIPPED, FieldUse, Version
from nucseg_tf.errors import DataError, UnknownModelError


def add(folder, name, state="done", model=True):
    home = versions.home(folder, name)
    (home / "model" if model else home).mkdir(parents=True)
    use = FieldUse("A/a", "train", 8, "0f", ((0, 0, 72, 96),))
    return versions.write(folder, Version(name, state, "nuclei", ("a.b=1",), (use,)))


def test_what_is_written_is_read(tmp_path):
    written = [add(tmp_path, name) for name in ("v2", "v10", "v1")]
    assert versions.read_versions(tmp_path) == [written[2], written[0], written[1]]
    assert versions.next_name(tmp_path) == "v11"
    assert versions.next_name(tmp_path / "other") == "v1"


def test_a_folder_without_a_version_is_none(tmp_path):
    add(tmp_path, "v1")
    (tmp_path / "loop" / "v2").mkdir()
    (tmp_path / "loop" / "very").mkdir()
    assert [version.name for version in versions.read_versions(tmp_path)] == ["v1"]
    assert versions.next_name(tmp_path) == "v3"


def test_no_name_comes_twice(tmp_path):
    add(tmp_path, "v1")
    for name in ("v1", "v2", SHIPPED):  # v2 was removed since
        (tmp_path / "loop" / "judged" / name).mkdir(parents=True)
    assert versions.next_name(tmp_path) == "v3"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nothing", '{"model": "/"}'])
def test_a_damaged_choice_is_the_shipped_model(tmp_path, text):
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / "current.json").write_text(text)
    assert versions.current(tmp_path) == SHIPPED


def test_a_damaged_version_is_named(tmp_path):
    add(tmp_path, "v1")
    (tmp_path / "loop" / "v1" / "version.json").write_text("{")
    with pytest.raises(DataError, match=r"v1/version.json.*Put it back"):
        versions.read_versions(tmp_path)


@pytest.mark.parametrize(
    ("state", "expected"), [("training", "v1"), ("stopped", "v1"), ("failed", None), ("done", None)]
)
def test_only_the_newest_can_be_unfinished(tmp_path, state, expected):
    add(tmp_path, "v1", state)
    found = versions.unfinished(tmp_path)
    assert (found.name if found else None) == expected
    add(tmp_path, "v2")
    assert versions.unfinished(tmp_path) is None


def test_the_model_can_be_chosen(tmp_path):
    assert versions.current(tmp_path) == SHIPPED
    add(tmp_path, "v1")
    add(tmp_path, "v2", "stopped", model=False)
    versions.choose(tmp_path, "v1")
    assert versions.current(tmp_path) == "v1"
    assert json.loads((tmp_path / "loop" / "current.json").read_text()) == {"model": "v1"}
    with pytest.raises(UnknownModelError, match=f"no model 'v2'; expected one of {SHIPPED}, v1"):
        versions.choose(tmp_path, "v2")
    (tmp_path / "loop" / "v1" / "model").rmdir()
    assert versions.current(tmp_path) == SHIPPED  # it was taken away
