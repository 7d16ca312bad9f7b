"""Projects from elsewhere: what is read, and what is refused."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from nucseg_tf.errors import DataError, OutputError, UsageError
from nucseg_tf.io import archives, documents
from nucseg_tf.io.archives import new_project, open_source


def make_zip(path: Path, *members: str | zipfile.ZipInfo, data: bytes = b"{}") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return path


def make_tar(path: Path, *members: tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member in members:
            member.size = 2 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"{}"))
    return path


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def refused(path: Path) -> str:
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(DataError) as error, open_source(path):
        pass
    assert sorted(path.parent.rglob("*")) == before
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/etc/passwd", "'/etc/passwd' has an absolute path"),
        ("C:/a.json", "absolute path"),
        ("../a.json", "leads out of its folder"),
        ("a/../../b.json", "leads out of its folder"),
        ("a\\..\\b.json", "backslash"),
        ("a\n.json", "control character"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(name, message, tmp_path):
    assert message in refused(make_zip(tmp_path / "a.zip", "meta.json", name))
    assert message in refused(make_tar(tmp_path / "a.tar", tarfile.TarInfo(name)))


def test_links_are_refused(tmp_path):
    assert "'ds/ann/a.json' is a link" in refused(
        make_zip(tmp_path / "a.zip", "meta.json", link("ds/ann/a.json"))
    )
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        member = tarfile.TarInfo("a.json")
        member.type, member.linkname = kind, "/etc/passwd"
        assert "is a link or a device" in refused(make_tar(tmp_path / "a.tar", member))


def test_bombs_are_refused(tmp_path, monkeypatch):
    bomb = make_zip(tmp_path / "a.zip", "meta.json", "img/a.png", data=bytes(3 * 2**20))
    assert "unpacks to" in refused(bomb)
    monkeypatch.setattr(archives, "MAX_RATIO", 10**6)
    monkeypatch.setattr(archives, "MAX_TOTAL", 2**20)
    assert "is the largest of" in refused(bomb)
    monkeypatch.setattr(archives, "MAX_FILES", 1)
    assert "holds 2 files" in refused(bomb)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    assert "is there twice" in refused(make_zip(tmp_path / "a.zip", "a.json", "a.json"))


def test_damaged_archives_are_refused(tmp_path):
    whole = make_zip(tmp_path / "a.zip", *(f"{n}.json" for n in range(50))).read_bytes()
    for name, data in (("b.zip", b""), ("c.zip", whole[:-40]), ("d.tar", b"x" * 2000)):
        (tmp_path / name).write_bytes(data)
        assert "cannot be read as" in refused(tmp_path / name)
    make_tar(tmp_path / "e.tar", tarfile.TarInfo("a.json"), mode="w:gz")
    assert "cannot be read as tar file" in refused(tmp_path / "e.tar")


def test_a_damaged_member_is_named_when_it_is_read(tmp_path):
    path = make_zip(tmp_path / "a.zip", "a.json", data=b'{"a": "' + bytes(range(256)) * 9 + b'"}')
    data = bytearray(path.read_bytes())
    data[60:80] = bytes(20)
    path.write_bytes(data)
    with open_source(path) as source, pytest.raises(DataError, match="cannot be read as zip file"):
        source.json("a.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MAX_READ", 100)
    path = make_zip(tmp_path / "a.zip", "a.json", data=b" " * 99 + b"{}")
    with open_source(path) as source, pytest.raises(DataError, match=r"a\.json: larger than"):
        source.json("a.json")


@pytest.mark.parametrize("name", ["none.zip", "a.rar", "a.tar.gz"])
def test_other_files_are_wrong_usage(name, tmp_path):
    (tmp_path / "a.rar").touch()
    (tmp_path / "a.tar.gz").touch()
    with pytest.raises(UsageError, match="expected a"), open_source(tmp_path / name):
        pass


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_files_are_read_and_hidden_ones_left_out(kind, tmp_path):
    names = ["p/ds/ann/a.json", "p/.DS_Store", "__MACOSX/p/._a.json", "p/meta.json"]
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        make_zip(path, *names)
    elif kind == "tar":
        make_tar(path, *(tarfile.TarInfo(f"./{name}") for name in names))
    else:
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text("{}")
    with open_source(path) as source:
        assert sorted(source.names) == ["p/ds/ann/a.json", "p/meta.json"]
        assert source.json("p/meta.json") == {}


@pytest.mark.parametrize("name", ["a", "a.zip"])
def test_a_project_is_whole_or_not_there(name, tmp_path):
    path = tmp_path / "new" / name
    with pytest.raises(TypeError), new_project(path) as write:
        write("ds/a.json", None)
    assert list(path.parent.iterdir()) == []
    with new_project(path) as write:
        write("ds/a.json", b"1")
        assert not path.exists()
    with open_source(path) as source:
        assert source.names == ["ds/a.json"]
    with pytest.raises(UsageError, match="exists already"), new_project(path):
        pass
    assert [file.name for file in path.parent.iterdir()] == [name]


def test_what_a_killed_process_left_goes(tmp_path):
    (tmp_path / ".a-0123abcd" / "ds").mkdir(parents=True)
    (tmp_path / ".a-0123abcd.zip").touch()
    (tmp_path / ".b-0123abcd.zip").touch()
    for name in ("a", "a.zip"):
        with new_project(tmp_path / name) as write:
            write("b", b"1")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "a.zip", ".b-0123abcd.zip"}


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "a").mkdir()
    with new_project(tmp_path / "a") as write:
        write("b", b"1")
    assert (tmp_path / "a" / "b").read_bytes() == b"1"


def test_a_place_that_cannot_be_written_to_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"), new_project(tmp_path / "file" / "a"):
        pass
