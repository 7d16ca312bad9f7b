"""Whatever parsers get, they give a right value or a NucsegError; see reference/fuzzing.

A few variations of each input here; `make fuzz` tries for as long as one likes, and what it found
is tried here, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.fuzzing.table import MODULES, targets_of
from reference.fuzzing.target import Folder, Target
from reference.fuzzing.vary import vary

FOUND = Path(__file__).parents[1] / "reference" / "fuzzing" / "found"
TARGETS = [target for module in MODULES for target in targets_of(module).values()]
# What zarr takes its time for, and others like them are tried all the same.
LONG = (
    *("zarr2-plate", "zarr2-well", "zarr2-array", "zarr2-chunk", "zarr3-plate", "zarr3-chunk"),
    *("zarr3-array", "tiff-labels", "czi", "hdf5", "roi-store"),
)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(target, marks=[pytest.mark.slow] if target.name in LONG else [])
        for target in TARGETS
    ],
    ids=[target.name for target in TARGETS],
)
def test_variations_and_what_was_found_once(target: Target, tmp_path):
    place, seeds = Folder(target, tmp_path), target.seeds()
    found = sorted((FOUND / target.name).glob("*"))
    for data in (*seeds, b"", *(file.read_bytes() for file in found)):
        _is_well(place, data)

    @given(st.integers(0, len(seeds) - 1), st.randoms(use_true_random=False))
    @settings(max_examples=2)
    def all_is_well(number, chance):
        _is_well(place, vary(seeds[number], target.kind, chance))

    all_is_well()


def _is_well(place: Folder, data: bytes) -> None:
    finding = place.try_out(data)
    assert finding is None, f"{data[:500]!r}\n{finding.text}"


def test_every_finding_belongs_to_a_target():
    assert {path.name for path in FOUND.iterdir()} <= {target.name for target in TARGETS}
