import pytest
import tifffile

from nucseg_tf.io.images import read_image


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
