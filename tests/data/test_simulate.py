"""Synthetic fields, held to Table S1 of the paper and to what is promised of their labels.

Tolerances: mean area 5 %, its standard deviation 20 %, number of nuclei 10 %; over as many fields
as make some 300 nuclei of each line or more. Sampling errors of the mean are 2 % at most, those of
the standard deviation 5 %; numbers differ by 5 % at most.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from skimage.morphology import h_maxima

from nucseg_tf.data.fields import load_field
from nucseg_tf.data.manifest import find_fields
from nucseg_tf.data.simulate import (
    CELL_LINES,
    find_cell_lines,
    parse_shape,
    simulate_field,
    write_fields,
)
from nucseg_tf.data.simulate.arrange import arrange, windows
from nucseg_tf.data.simulate.optics import GAIN, OFFSET, READ_NOISE, photograph
from nucseg_tf.data.simulate.shapes import Nucleus, draw_nucleus, fill, outline
from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.images import read_image

FIELDS = {"MCF10A": 2, "HCT116": 1, "U2OS": 1, "Eosinophils": 1}
SMALL = (96, 128)
HCT116 = find_cell_lines("HCT116")[0]
each_line = pytest.mark.parametrize("line", CELL_LINES, ids=lambda line: line.name)


@pytest.fixture(scope="module")
def drawn():
    """Images and labels of each cell line, of the published size; drawn at first use."""
    cache: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def fields(line):
        if line.name not in cache:
            numbers = range(1, FIELDS[line.name] + 1)
            cache[line.name] = [simulate_field(line, number, seed=5) for number in numbers]
        return cache[line.name]

    return fields


def areas(labels) -> np.ndarray:
    return np.bincount(labels.ravel())[1:]


def touching_share(labels) -> float:
    """Share of labels with a pixel beside one of another label."""
    touching: set[int] = set()
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        pairs = (one != other) & (one > 0) & (other > 0)
        touching |= {*one[pairs].tolist(), *other[pairs].tolist()}
    return len(touching) / labels.max()


def at_edge(labels) -> set[int]:
    return {*labels[[0, -1]].ravel().tolist(), *labels[:, [0, -1]].ravel().tolist()}


# --- what a field looks like -----------------------------------------------------------------


@each_line
def test_areas_and_numbers_are_those_of_the_table(line, drawn):
    fields = drawn(line)
    found = np.concatenate([areas(labels) for _, labels in fields])
    assert found.mean() == pytest.approx(line.area, rel=0.05)
    assert found.std() == pytest.approx(line.area_sd, rel=0.20)
    assert len(found) / len(fields) == pytest.approx(line.nuclei, rel=0.10)


@each_line
def test_every_label_is_one_piece_without_holes(line, drawn):
    for image, labels in drawn(line):
        assert labels.shape == image.shape == line.shape
        assert labels.dtype == np.int32
        assert (areas(labels) > 0).all()  # 1..N without gaps
        for label, box in enumerate(ndimage.find_objects(labels), start=1):
            mask = labels[box] == label
            assert ndimage.label(mask)[1] == 1  # 4 neighbours
            assert np.array_equal(ndimage.binary_fill_holes(mask), mask)


@each_line
def test_16_bits_are_used_and_not_clipped(line, drawn):
    image = drawn(line)[0][0]
    assert image.dtype == np.uint16
    assert image.min() > 0
    assert 10_000 < image.max() < 65_535
    assert len(np.unique(image)) > 3000


@each_line
def test_nuclei_are_bright_and_the_background_is_dark(line, drawn):
    image, labels = drawn(line)[0]
    away = ndimage.distance_transform_edt(labels == 0) > 3
    background = np.median(image[away])
    means = ndimage.mean(image, labels, np.arange(1, labels.max() + 1))
    assert np.median(means) > 6 * background
    assert (means > 2.5 * background).mean() > 0.99
    assert 0.1 < means.std() / means.mean() < 0.6  # not all alike


def test_colonies_touch_and_separate_nuclei_do_not(drawn):
    shares = {line.name: touching_share(drawn(line)[0][1]) for line in CELL_LINES}
    assert shares["HCT116"] > 0.85
    assert shares["MCF10A"] == 0
    assert 0.15 < shares["U2OS"] < 0.5
    assert 0.15 < shares["Eosinophils"] < 0.55


def test_nuclei_of_mcf10a_keep_their_distance(drawn):
    """2 px of background at least between two, that is 3 px from pixel to pixel."""
    labels = drawn(CELL_LINES[0])[0][1]
    wide = np.ones((5, 5))
    highest = ndimage.grey_dilation(labels, footprint=wide)
    lowest = ndimage.grey_erosion(np.where(labels, labels, labels.max() + 1), footprint=wide)
    assert not ((labels > 0) & ((highest > labels) | (lowest < labels))).any()


def test_colonies_leave_most_of_the_field_empty(drawn):
    """As many nuclei laid anywhere would leave 0.2 % of squares of 117 px empty, not a tenth."""
    covered = drawn(HCT116)[0][1] > 0
    squares = covered[:1053, :1170].reshape(9, 117, 10, 117).mean(axis=(1, 3))
    assert (squares < 0.05).mean() > 0.1
    assert (squares > 0.6).mean() > 0.1


def test_eosinophils_have_two_to_four_lobes(drawn):
    """Lobes are the maxima of the distance to the background that rise 0.5 px above the neck."""
    line = find_cell_lines("eosinophils")[0]
    counts = []
    labels = drawn(line)[0][1]
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if label in at_edge(labels):
            continue
        mask = np.pad(labels[box] == label, 1)
        distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 0.7)
        counts.append(ndimage.label(h_maxima(distance, 0.5), np.ones((3, 3)))[1])
    share = np.bincount(counts, minlength=6) / len(counts)
    assert share[2:5].sum() > 0.9
    assert share[2] > 0.5
    assert share[3:5].sum() > 0.1


# --- chance ----------------------------------------------------------------------------------


def checksum(*arguments, **options) -> int:
    return zlib.crc32(b"".join(part.tobytes() for part in simulate_field(*arguments, **options)))


def test_another_process_draws_the_same():
    code = (
        "import sys, zlib; from nucseg_tf.data.simulate import CELL_LINES, simulate_field;"
        f"parts = simulate_field(CELL_LINES[3], 2, 9, {SMALL});"
        "print(zlib.crc32(b''.join(p.tobytes() for p in parts)))"
        "; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(checksum(CELL_LINES[3], 2, 9, SMALL)), "False"]


def test_seed_number_and_cell_line_each_make_another_field():
    sums = {
        checksum(line, number, seed, SMALL)
        for line in (HCT116, replace(HCT116, name="other"))
        for number in (1, 2)
        for seed in (0, 1, 2**40)
    }
    assert len(sums) == 12


def test_a_field_does_not_depend_on_the_number_of_fields(tmp_path):
    for folder, count in (("one", 1), ("three", 3)):
        assert write_fields(tmp_path / folder, [HCT116], count, 4, SMALL) == count
    for kind in ("images", "masks"):
        one, three = (
            (tmp_path / folder / kind / "HCT116" / "HCT116_seed4_0001.tif").read_bytes()
            for folder in ("one", "three")
        )
        assert one == three


def test_density_is_the_same_in_a_smaller_field():
    line = CELL_LINES[0]
    half = simulate_field(line, 1, 0, (539, 639))[1]
    assert half.max() == pytest.approx(line.nuclei / 4, rel=0.1)


# --- parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("blunt", [1.0, 0.6])
def test_outlines_have_area_1_and_masks_the_area_asked_for(blunt):
    rng = np.random.default_rng(0)
    for area in (30, 300, 3000):
        found = [
            np.count_nonzero(
                fill([outline(rng, 1.6, 0.1, 0.04, blunt) * area**0.5], rng.uniform(0, 1, 2))
            )
            for _ in range(200)
        ]
        assert np.mean(found) == pytest.approx(area, rel=0.01)


def test_a_round_outline_is_a_disc():
    """Whole numbers within 5 of the origin, 81; just over 5, as 12 of them lie on the circle."""
    rng = np.random.default_rng(0)
    disc = fill([outline(rng, 1.0, 0.0, 0.0) * (np.pi * 5.01**2) ** 0.5], np.zeros(2))
    rows, columns = np.mgrid[-5:6, -5:6]
    np.testing.assert_array_equal(disc, rows**2 + columns**2 <= 25)


@each_line
def test_a_nucleus_is_one_piece_that_fills_its_box(line):
    rng = np.random.default_rng(1)
    for _ in range(60):
        mask = draw_nucleus(rng, line).mask
        assert ndimage.label(mask)[1] == 1
        assert np.array_equal(ndimage.binary_fill_holes(mask), mask)
        assert all(mask.any(axis=axis)[[0, -1]].all() for axis in (0, 1))


def test_the_nucleus_on_top_is_whole_and_the_other_loses_what_is_hidden():
    rng = np.random.default_rng(0)
    line = replace(HCT116, beside=1.0, contact=(0.85, 0.86), overlap=0.25)
    disc = fill([outline(rng, 1.0, 0.0, 0.0) * 20], np.zeros(2))
    found = []
    for _ in range(60):
        labels, corners = arrange(rng, [Nucleus(disc, False)] * 2, line, (64, 64))
        if all(0 < value < 64 - len(disc) for corner in corners for value in corner):
            found.append(areas(labels))
    tops, others = np.transpose(found)
    assert (tops == disc.sum()).all()
    assert (others < disc.sum()).all()
    assert (others >= 0.75 * disc.sum()).all()


def test_nuclei_for_which_there_is_no_place_are_left_out():
    rng = np.random.default_rng(0)
    line = CELL_LINES[0]
    nuclei = [draw_nucleus(rng, line) for _ in range(40)]
    labels, corners = arrange(rng, nuclei, line, (100, 100))
    assert 1 < labels.max() == sum(corner is not None for corner in corners) < 20


def test_windows_that_miss_the_field_are_empty():
    field = np.zeros((10, 10))
    for corner in ((-9, 0), (30, 2), (2, -4), (0, 10)):
        inside, part = windows(corner, (5, 4), field.shape)
        assert field[inside].size == np.zeros((5, 4))[part].size == 0


@pytest.mark.parametrize("photons", [4, 400])
def test_noise_is_that_of_photons_and_of_reading(photons):
    """Mean: offset + gain p; variance: gain^2 (p + read^2), for p photons.

    Light of 0.5 and a background of 0.015 make 0.515; the illumination is within 4 % in the middle.
    """
    rng = np.random.default_rng(0)
    line = replace(HCT116, photons=photons)
    image = photograph(rng, np.full((400, 400), 0.5, np.float32), line)[150:250, 150:250]
    found = (image.mean() - OFFSET) / GAIN
    assert found == pytest.approx(0.515 * photons, rel=0.04)
    assert image.var() == pytest.approx(GAIN**2 * (found + READ_NOISE**2), rel=0.05)


# --- names and numbers -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HCT116", "hct-116", "HCT 116"])
def test_names_do_not_depend_on_case_and_punctuation(name):
    assert find_cell_lines(name) == (HCT116,)


def test_all_is_all():
    assert find_cell_lines("all") == CELL_LINES


def test_an_unknown_name_lists_the_known_ones():
    known = "MCF10A, HCT116, U2OS, Eosinophils, all"
    with pytest.raises(UsageError, match=f"no 'HeLa'; expected one of {known}"):
        find_cell_lines("HeLa")


@pytest.mark.parametrize("text", ["512", "512x", "x", "512x640x3", "-512x640", "5e2x640", "a x b"])
def test_a_size_is_height_and_width(text):
    with pytest.raises(UsageError, match="--size: expected HEIGHTxWIDTH"):
        parse_shape(text)


@pytest.mark.parametrize("text", ["63x640", "640x63", "0x640", "640x4097"])
def test_a_size_has_limits(text):
    with pytest.raises(UsageError, match=f"--size: sides must be 64 to 4096 px. Received: {text}"):
        parse_shape(text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "--fields: expected 1 or more. Received: 0"),
        ({"seed": -1}, "--seed: expected 0 or more. Received: -1"),
        ({"shape": (10, 100)}, "--size: sides must be 64"),
    ],
)
def test_numbers_that_make_no_sense(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        write_fields(tmp_path / "out", [HCT116], **{"count": 1, **options})
    assert not (tmp_path / "out").exists()


# --- folders ---------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """One small field of each cell line."""
    write_fields(tmp_path, CELL_LINES, 1, 3, SMALL)
    return tmp_path


def test_the_manifest_finds_the_groups_and_the_same_pixels(folder):
    fields = find_fields(folder)
    assert {field.group for field in fields} == {line.name for line in CELL_LINES}
    for field in fields:
        (line,) = find_cell_lines(field.group)
        assert field.name == f"{line.name}_seed3_0001"
        for read, expected in zip(
            load_field(field), simulate_field(line, 1, 3, SMALL), strict=True
        ):
            assert read.dtype == expected.dtype
            np.testing.assert_array_equal(read, expected)
        for path in (field.image, *field.masks):
            assert read_image(path).pixel_size == pytest.approx(line.pixel_size, rel=1e-6)


def test_the_same_command_goes_on(tmp_path):
    stopped = write_fields(tmp_path, [HCT116], 3, 0, SMALL, lambda done, total, name: done < 2)
    assert stopped == 2
    first, second = sorted(tmp_path.rglob("images/HCT116/*.tif"))
    before = first.stat().st_mtime_ns
    (tmp_path / "masks" / "HCT116" / second.name).unlink()
    seen = []
    progress = lambda *state: seen.append(state) or True  # noqa: E731
    assert write_fields(tmp_path, [HCT116], 3, 0, SMALL, progress) == 3
    assert first.stat().st_mtime_ns == before
    assert len(find_fields(tmp_path)) == 3
    assert seen[-1] == (3, 3, "HCT116_seed0_0003")
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]


@pytest.mark.parametrize("content", ["other size", "no field", "damaged"])
def test_other_fields_of_the_same_name_are_kept(tmp_path, content):
    image = tmp_path / "images" / "HCT116" / "HCT116_seed0_0001.tif"
    image.parent.mkdir(parents=True)
    if content == "other size":
        write_fields(tmp_path, [HCT116], 1, 0, (64, 64))
    elif content == "no field":
        tifffile.imwrite(image, np.zeros(SMALL, np.uint16))
    else:
        image.write_bytes(b"II*")
    before = image.read_bytes()
    with pytest.raises(DataError, match=r"0001\.tif: is another field.*choose another --out"):
        write_fields(tmp_path, [HCT116], 1, 0, SMALL)
    assert image.read_bytes() == before
