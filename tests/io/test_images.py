import cv2
import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from nucseg_tf.errors import ImageReadError, UsageError
from nucseg_tf.io.images import check_finite, images_in, list_images, read_image


def test_bool_tiff_becomes_uint8(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=bool))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, np.eye(4, dtype=np.uint8))


def test_one_pixel_and_constant_images_read(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((1, 1), 7, np.uint16))
    assert read_image(tmp_path / "a.tif").pixels.tolist() == [[7]]
    cv2.imwrite(str(tmp_path / "b.png"), np.full((3, 4, 3), 9, np.uint8))
    np.testing.assert_array_equal(read_image(tmp_path / "b.png").pixels, np.full((3, 4), 9))


def test_given_pixel_size_wins_and_is_checked(tmp_path, grey):
    tifffile.imwrite(tmp_path / "a.tif", grey, resolution=(2e4, 2e4), resolutionunit="CENTIMETER")
    assert read_image(tmp_path / "a.tif", pixel_size=0.3).pixel_size == 0.3
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="--pixel-size"):
            read_image(tmp_path / "a.tif", pixel_size=bad)


def test_bad_files_are_named_with_the_reason(tmp_path):
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_text("this is no image")
    (tmp_path / "text.png").write_text("this is no image")
    (tmp_path / "notes.txt").write_text("this is no image")
    (tmp_path / "folder.tif").mkdir()
    tifffile.imwrite(tmp_path / "complex.tif", np.ones((3, 3), np.complex64))
    for name, reason in [
        ("missing.tif", "no such file"),
        ("empty.tif", "empty"),
        ("text.tif", "not the format"),
        ("text.png", "not the format"),
        ("notes.txt", r"unsupported format; expected one of \.tif"),
        ("folder.tif", "folder"),
        ("complex.tif", "complex64"),
    ]:
        with pytest.raises(ImageReadError, match=rf"{name}: .*{reason}"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path, capfd, suffix, share):
    path = tmp_path / f"cut{suffix}"
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    tifffile.imwrite(path, image) if suffix == ".tif" else cv2.imwrite(str(path), image)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageReadError, match=rf"cut\{suffix}: "):
        read_image(path)
    assert capfd.readouterr().err == ""  # decoders must not talk to the terminal themselves


def test_check_finite_counts_bad_pixels(tmp_path, grey):
    image = grey.astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image)
    check_finite(read_image(tmp_path / "a.tif"))
    image[0, 0], image[2, 3] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "a.tif", image)
    with pytest.raises(ImageReadError, match=r"a\.tif: 2 of 30 pixels are not finite"):
        check_finite(read_image(tmp_path / "a.tif"))


def test_list_images_expands_folders_once(tmp_path):
    for name in ("b.png", "a.TIF", ".hidden.png", "a_labels.tif", "a_masks.tiff", "a_overlay.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.png").write_bytes(b"x")
    found = list_images([tmp_path / "b.png", tmp_path, tmp_path / "sub" / ".." / "b.png"])
    assert [path.name for path in found] == ["b.png", "a.TIF"]


def test_list_images_names_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match="nowhere: no such file or folder"):
        list_images([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="no images"):
        list_images([tmp_path])


@pytest.mark.parametrize("target", ["gone/nowhere.tif", "a.tif", "../ring.tif"])
def test_links_that_lead_nowhere_are_listed_and_told_of(tmp_path, target):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "a.tif").symlink_to(target)
    (folder / "notes.txt").symlink_to(target)
    if target == "../ring.tif":
        (tmp_path / "ring.tif").symlink_to("images/a.tif")
    assert images_in(folder) == list_images([folder]) == [folder / "a.tif"]
    assert list_images([folder / "a.tif"]) == [folder / "a.tif"]
    with pytest.raises(ImageReadError, match=rf"a\.tif: the link leads nowhere \(to {target}\)"):
        read_image(folder / "a.tif")


@pytest.mark.parametrize("content", ["tif", "png", "jpg", "bmp", "gif"])
@pytest.mark.parametrize("suffix", ["tif", "png", "jpg", "bmp", "gif", "h5", "czi", "nd2", "lif"])
def test_content_decides_and_a_suffix_that_lies_is_told_of(tmp_path, caplog, content, suffix):
    grey = np.full((40, 50), 90, np.uint8)
    grey[8:24, 8:32] = 180
    Pillow.fromarray(grey).save(tmp_path / f"a.{content}")
    (tmp_path / f"a.{content}").rename(tmp_path / f"b.{suffix}")
    np.testing.assert_allclose(read_image(tmp_path / f"b.{suffix}").pixels, grey, atol=30)
    if content == suffix:
        assert not caplog.messages
    else:
        assert f"b.{suffix}: its content is that of .{content}" in caplog.text


@pytest.mark.parametrize("channels", [2, 3, 4])
@pytest.mark.parametrize("ahead", [(), (5,)])
@pytest.mark.parametrize("kind", ["tif", "h5"])
def test_a_short_last_axis_without_a_name_is_channels(tmp_path, kind, ahead, channels):
    stack = np.random.default_rng(0).integers(0, 999, (*ahead, 40, 48, channels)).astype(np.uint16)
    if kind == "h5":
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["a"] = stack
    else:
        tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack", planarconfig=None,
                         metadata=None if channels > 2 and not ahead else {})  # fmt: skip
    planes = {"z": 3} if ahead else {}
    with pytest.raises(ImageReadError, match=rf"--channel 0\.\.{channels - 1}"):
        read_image(tmp_path / f"a.{kind}", **planes)
    for channel in range(channels):
        read = read_image(tmp_path / f"a.{kind}", channel=channel, **planes).pixels
        np.testing.assert_array_equal(read, (stack[3] if ahead else stack)[..., channel])


def test_a_short_axis_that_is_named_is_what_it_says(tmp_path):
    stack = np.arange(40 * 48 * 2, dtype=np.uint16).reshape(40, 48, 2)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", z=7).pixels, stack[7])


@pytest.mark.parametrize("option", ["t", "z"])
def test_a_movie_is_told_by_its_time_axis(tmp_path, option):
    stack = np.arange(3 * 40 * 48, dtype=np.uint16).reshape(3, 40, 48)
    axes = f"{option.upper()}YX"
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": axes})
    with pytest.raises(ImageReadError, match=rf"axes {axes[0]}=3.*Choose with --{option} 0\.\.2"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("width", "height"), [(1e-30, None), (1e30, None), (0.5, 500.0), (500.0, 0.5), (0.5, 1e-9)]
)
def test_pixel_sizes_that_cannot_be_true_are_warned_of_and_left_out(
    tmp_path, grey, caplog, width, height
):
    sizes = {"PhysicalSizeX": width, "PhysicalSizeY": height or width}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, metadata={"axes": "YX", **sizes})
    image = read_image(tmp_path / "a.ome.tif")
    assert (image.pixel_size, image.aspect) == (None, 1.0)
    assert "a.ome.tif: its pixels are said to be of" in caplog.text
    assert read_image(tmp_path / "a.ome.tif", pixel_size=0.3).pixel_size == 0.3


@pytest.mark.parametrize("height", [0.05, 0.5, 9.0])
def test_pixel_sizes_that_may_be_true_are_kept(tmp_path, grey, caplog, height):
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": height}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, metadata={"axes": "YX", **sizes})
    image = read_image(tmp_path / "a.ome.tif")
    assert image.pixel_size == 0.5
    assert image.aspect == pytest.approx(height / 0.5)
    assert not caplog.text
