import numpy as np
import pytest
import tifffile

from nucseg_tf.io.images import read_image, read_raw


@pytest.mark.parametrize(
    ("size", "unit", "expected"), [(0.65, "µm", 0.65), (325, "nm", 0.325), (0.5, "pixel", None)]
)
def test_pixel_size_of_ome(tmp_path, grey, size, unit, expected):
    metadata = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, metadata=metadata)
    assert read_image(tmp_path / "a.ome.tif").pixel_size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("micron", 0.5), ("um", 0.5), ("\\u00B5m", 0.5), ("mm", 500), ("pixel", None), (None, None)],
)
def test_pixel_size_of_imagej(tmp_path, grey, unit, expected):
    metadata = {"unit": unit} if unit else {}
    tifffile.imwrite(tmp_path / "a.tif", grey, imagej=True, resolution=(2, 2), metadata=metadata)
    assert read_image(tmp_path / "a.tif").pixel_size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("resolution", "unit", "expected"),
    [
        (20_000, "CENTIMETER", 0.5),
        (50_800, "INCH", 0.5),
        (72, "INCH", None),
        (96, "INCH", None),
        (300, "INCH", None),
        (118.11, "CENTIMETER", None),  # 300 dpi
        (10, "CENTIMETER", None),  # 1 mm per pixel: no microscope
        (20_000, "NONE", None),
    ],
)
def test_pixel_size_of_resolution_tags(tmp_path, grey, resolution, unit, expected):
    tifffile.imwrite(
        tmp_path / "a.tif", grey, resolution=(resolution, resolution), resolutionunit=unit
    )
    assert read_image(tmp_path / "a.tif").pixel_size == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "microns"),
    [
        ("Ym", 1e30), ("Zm", 1e27), ("Em", 1e24), ("Pm", 1e21), ("Tm", 1e18), ("Gm", 1e15),
        ("Mm", 1e12), ("km", 1e9), ("hm", 1e8), ("dam", 1e7), ("m", 1e6), ("dm", 1e5),
        ("cm", 1e4), ("mm", 1e3), ("µm", 1), ("nm", 1e-3), ("pm", 1e-6), ("fm", 1e-9),
        ("am", 1e-12), ("zm", 1e-15), ("ym", 1e-18), ("Å", 1e-4), ("thou", 25.4),
        ("li", 25_400 / 12), ("in", 25_400), ("ft", 304_800), ("yd", 914_400),
        ("mi", 1.609344e9), ("ua", 1.495978707e17), ("ly", 9.4607304725808e21),
        ("pc", 3.0856775814913673e22), ("pt", 25_400 / 72), ("pixel", None),
        ("reference frame", None), ("furlong", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["X", "Y", "Z"])
def test_every_unit_of_ome_on_every_axis(tmp_path, grey, name, unit, microns):
    sizes = {f"PhysicalSize{axis}": 3.0 for axis in "XYZ"}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"} | {f"PhysicalSize{name}Unit": unit}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", grey[None], ome=True, metadata={"axes": "ZYX", **sizes, **units}
    )
    raw = read_raw(tmp_path / "a.ome.tif")
    height = raw.pixel_size if raw.pixel_height is None else raw.pixel_height
    found = {"X": raw.pixel_size, "Y": height, "Z": raw.plane_distance}
    expected = {axis: 3 * microns if axis == name and microns else 3.0 for axis in "XYZ"}
    if microns is None:  # an unknown width or height leaves areas unknown, too
        expected |= {name: None} if name == "Z" else {"X": None, "Y": None}
    assert found == {a: e if e is None else pytest.approx(e) for a, e in expected.items()}


def test_pixels_that_are_not_square(tmp_path, grey):
    sizes = {"PhysicalSizeX": 0.65, "PhysicalSizeY": 1300, "PhysicalSizeYUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, ome=True, metadata={"axes": "YX", **sizes})
    assert read_image(tmp_path / "a.ome.tif").spacing == pytest.approx((1.3, 0.65))
    tifffile.imwrite(tmp_path / "b.tif", grey, imagej=True, resolution=(1 / 0.65, 1 / 1.3),
                     metadata={"unit": "um"})  # fmt: skip
    assert read_image(tmp_path / "b.tif").spacing == pytest.approx((1.3, 0.65))
    tifffile.imwrite(tmp_path / "c.tif", grey, imagej=True, resolution=(1 / 0.65, 1 / 1300),
                     metadata={"unit": "um", "yunit": "nm"})  # fmt: skip
    assert read_image(tmp_path / "c.tif").spacing == pytest.approx((1.3, 0.65))
    tifffile.imwrite(tmp_path / "d.tif", grey, resolution=(1e4 / 0.65, 1e4 / 1.3),
                     resolutionunit="CENTIMETER")  # fmt: skip
    assert read_image(tmp_path / "d.tif").spacing == pytest.approx((1.3, 0.65))


def test_each_image_of_a_file_has_its_own_resolution(tmp_path, grey):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for part, sizes in ((grey, 20_000), (np.tile(grey, (3, 5)), 40_000)):
            options = {"resolution": (sizes, sizes), "resolutionunit": "CENTIMETER"}
            tiff.write(part, metadata=None, **options)
    found = [read_raw(tmp_path / "a.tif", scene).pixel_size for scene in (0, 1)]
    assert found == pytest.approx([0.5, 0.25])


def test_an_image_that_is_only_described_lends_its_size_to_none(tmp_path, grey):
    sides = f'SizeX="{grey.shape[1]}" SizeY="{grey.shape[0]}" SizeZ="1" SizeC="1" SizeT="1"'
    kind = f'DimensionOrder="XYZCT" Type="{grey.dtype}" {sides}'
    images = "".join(
        f'<Image><Pixels {kind} PhysicalSizeX="{size}" PhysicalSizeY="{size}">{where}'
        "</Pixels></Image>"
        for size, where in ((0.1, "<MetadataOnly/>"), (0.7, '<TiffData IFD="0"/>'))
    )
    schema = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    text = f'<?xml version="1.0"?><OME {schema}>{images}</OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", grey, description=text, metadata=None)
    assert read_image(tmp_path / "a.ome.tif").pixel_size == pytest.approx(0.7)
