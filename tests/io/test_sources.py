from pathlib import Path

import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError
from nucseg_tf.io.choices import Choice, parse
from nucseg_tf.io.sources import FileSource, file_sources, find_views


@pytest.fixture
def movie(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 99, (3, 2, 4, 6, 7)).astype(np.uint8)
    path = tmp_path / "movie.ome.tif"
    metadata = {"axes": "TCZYX", "PhysicalSizeX": 0.5, "PhysicalSizeZ": 2.0}
    tifffile.imwrite(path, pixels, ome=True, metadata=metadata, photometric="minisblack")
    return path


@pytest.fixture
def two_scenes(tmp_path):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(np.full((5, 6), 1, np.uint8), metadata={"Name": "left one"})
        tiff.write(np.full((7, 8), 2, np.uint8), metadata={"Name": "right/one"})
    return path


def test_a_plane_is_one_view_and_the_file_stays_closed():
    series = find_views(FileSource(Path("not there.tif")), parse(z="max", t=2))
    (view,) = series.views
    assert (view.name, view.origin) == ("not there", {"image": "not there.tif"})
    assert series.shape == (None, None)


def test_each_is_a_view_a_plane_t_before_z(movie):
    series = find_views(FileSource(movie), parse(channel=1, t="1:3", z="each"))
    assert series.shape == (2, 4)
    assert series.plane_distance == 2.0
    assert [(view.t, view.z) for view in series.views] == [
        (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3),
    ]  # fmt: skip
    last = series.views[-1]
    assert last.choice == Choice(1, 3, 2)
    assert last.name == "movie.ome_t002_z003"
    assert last.origin == {"image": "movie.ome.tif", "t": 2, "z": 3}
    assert str(last) == f"{movie} (t 2, z 3)"
    assert last.title == "movie.ome.tif (t 2, z 3)"


@pytest.mark.parametrize(
    ("choice", "text"), [({"t": "1:4", "z": 0}, "--t 1:4 is out of range"), ({"t": "each"}, "")]
)
def test_what_cannot_be_expanded_fails_in_its_turn(movie, tmp_path, choice, text):
    path = movie if text else tmp_path / "missing.tif"
    (view,) = find_views(FileSource(path), parse(**choice)).views
    assert isinstance(view.error, ImageReadError)
    assert text in str(view.error)


def test_scenes(two_scenes):
    with pytest.raises(ImageReadError, match=r"two\.ome\.tif.*2 images: 0 left one, 1 right/one"):
        FileSource(two_scenes).open()
    left, right = file_sources([two_scenes], "each")
    assert (left.name, right.name) == ("two.ome_left-one", "two.ome_right-one")
    assert right.origin == {"image": "two.ome.tif", "scene": "right/one"}
    assert (left.open().data.shape, right.open().data.shape) == ((5, 6), (7, 8))
    for wanted in (1, "right/one"):
        (source,) = file_sources([two_scenes], wanted)
        assert source.open().data.shape == (7, 8)
    with pytest.raises(ImageReadError, match=r"no scene 'middle'\. It holds 2 images"):
        FileSource(two_scenes, "middle").open()


def test_each_scene_of_files_without_scenes(movie, tmp_path):
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    files = [movie, tmp_path / "broken.tif"]
    assert file_sources(files, "each") == [FileSource(file) for file in files]
