import numpy as np
import pytest
import tifffile

from nucseg_tf.errors import ImageReadError, TooLargeError
from nucseg_tf.io.images import read_image, read_raw
from nucseg_tf.io.readers.base import HEAD
from nucseg_tf.io.readers.tiff import READER


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
def test_tiff_keeps_dtype_and_pixels(tmp_path, grey, dtype):
    image = grey.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib")
    read = read_image(tmp_path / "a.tif")
    assert read.pixels.dtype == dtype
    np.testing.assert_array_equal(read.pixels, image)
    assert read.pixel_size is None
    assert read.path == tmp_path / "a.tif"


@pytest.mark.parametrize("options", [{"imagej": True}, {"metadata": None}])
def test_truncated_stack_does_not_pass_as_a_single_plane(tmp_path, options):
    # tifffile only logs that it found 1 page of 5, and returns that page.
    path = tmp_path / "cut.tif"
    stack = np.ones((5, 64, 64), np.uint16)
    tifffile.imwrite(path, stack, photometric="minisblack", **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageReadError, match=r"cut\.tif: "):
        read_image(path)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("target", [0, 1, 149])
def test_pages_that_lead_back_are_refused(tmp_path, bigtiff, target):
    # tifffile looks at the hundredth alone, and not where pages are read one by one.
    path = tmp_path / "a.tif"
    pages = np.zeros((150, 2, 2), np.uint8)
    tifffile.imwrite(path, pages, photometric="minisblack", metadata=None, bigtiff=bigtiff)
    assert read_raw(path).data.shape == pages.shape
    with tifffile.TiffFile(path) as tiff:
        offsets = [page.offset for page in tiff.pages]
        place, size = tiff.pages.next_page_offset, tiff.tiff.offsetsize
    content = bytearray(path.read_bytes())
    assert content[place : place + size] == bytes(size)
    content[place : place + size] = offsets[target].to_bytes(size, "little")
    path.write_bytes(content)
    with pytest.raises(ImageReadError, match=r"a\.tif: damaged: page 150 leads back"):
        read_raw(path)


@pytest.mark.parametrize(("count", "told"), [(2**32 - 1, "cannot be true|would take"), (10**6, "")])
def test_bytes_of_a_strip_that_its_file_has_not(tmp_path, grey, count, told):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey, compression="zlib", rowsperstrip=grey.shape[0], metadata=None)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["StripByteCounts"].overwrite(count, dtype="I")
    if told:
        with pytest.raises(TooLargeError, match=rf"a\.tif: .*({told})"):
            read_raw(path)
    else:  # as some writers say
        np.testing.assert_array_equal(read_image(path).pixels, grey)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_recognises_its_own(tmp_path, grey, byteorder, bigtiff):
    tifffile.imwrite(tmp_path / "a.tif", grey, byteorder=byteorder, bigtiff=bigtiff)
    assert READER.recognises((tmp_path / "a.tif").read_bytes()[:HEAD])


@pytest.mark.parametrize("head", [b"", b"II", b"II*x", b"\x89PNG\r\n\x1a\n", b"MM is no TIFF"])
def test_recognises_nothing_else(head):
    assert not READER.recognises(head)


def _ome(path, planes, told):
    """An OME-TIFF of pages whose metadata name some of them."""
    sides = f'SizeX="{planes.shape[2]}" SizeY="{planes.shape[1]}" SizeZ="{len(planes)}"'
    pixels = f'<Pixels DimensionOrder="XYZCT" Type="uint8" {sides} SizeC="1" SizeT="1">'
    places = "".join(f'<TiffData IFD="{z}" FirstZ="{z}" PlaneCount="1"/>' for z in told)
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    text = f'<?xml version="1.0"?><OME {schema}><Image>{pixels}{places}</Pixels></Image></OME>'
    with tifffile.TiffWriter(path) as tiff:
        for number, plane in enumerate(planes):
            tiff.write(plane, description=text if number == 0 else None, metadata=None)


@pytest.mark.parametrize("told", [(0, 2), (1, 2), (2,)])
def test_a_plane_that_no_page_is_told_of_is_not_taken_for_black(tmp_path, grey, told):
    planes = np.stack([grey + 1, grey + 2, grey + 3]).astype(np.uint8)
    _ome(tmp_path / "a.ome.tif", planes, (0, 1, 2))
    np.testing.assert_array_equal(read_image(tmp_path / "a.ome.tif", z=1).pixels, planes[1])
    _ome(tmp_path / "a.ome.tif", planes, told)
    with pytest.raises(ImageReadError, match=r"a\.ome\.tif: .*planes are missing.*Copy it again"):
        read_image(tmp_path / "a.ome.tif", z=1)
