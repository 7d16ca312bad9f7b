"""Links nuclei of simulated stacks and movies: `python scripts/bench_link.py`.

Share of links that are right (precision) and of the true ones that are found (recall), of divisions
likewise, on true labels and on spoilt ones; and how many planes and frames a second of one core's
time, which other programs on the machine do not change much.

A link joins a nucleus to where it was last seen, `GAP` planes or frames ago at most; a division
counts if the mother, in its last frame, and both daughters, in their first, are right. Halves
of a nucleus are each that nucleus.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from nucseg_tf.data.simulate import degrade, find_cell_lines, simulate_movie, simulate_stack
from nucseg_tf.imaging.runs import find_runs
from nucseg_tf.inference.link import PlaneLinker, link_frames

GAP = 1
SPOILT = {
    "true": {},
    "5 % dropped, 2 % split": {"drop": 0.05, "split": 0.02},
    "and 2 % merged, moved 1 px": {"drop": 0.05, "split": 0.02, "merge": 0.02, "jitter": 1.0},
}
STACKS = [(name, step) for step in (1.0, 1.5, 2.5, 4.0) for name in ("HCT116", "U2OS", "MCF10A")]
MOVIES = ("HCT116", "U2OS", "MCF10A")
PLANES, FRAMES, SIDE = 30, 60, 384
INDEX = 2  # defaults were chosen on others
SPEED = {"frames": (100, 1000), "nuclei": 300}


def score_links(
    truth: Sequence[np.ndarray], found: Sequence[np.ndarray], gap: int = GAP
) -> tuple[int, int, int, int]:
    """Count links of labels, plane by plane or frame by frame.

    Args:
        truth: (N,) true nucleus of each label.
        found: (N,) nucleus that it was linked to.
        gap: see the module.

    Returns:
        Links that are right, all links; true links that are found, all true links.
    """
    right = links = met = true_links = 0
    last_found: dict[int, tuple[int, int]] = {}
    last_true: dict[int, tuple[int, set[int]]] = {}
    for place, (trues, ids) in enumerate(zip(truth, found, strict=True)):
        now: dict[int, set[int]] = {}
        for true, number in zip(trues.tolist(), ids.tolist(), strict=True):
            now.setdefault(true, set()).add(number)
            before = last_found.get(number)
            if before is not None and place - before[0] <= gap + 1:
                links += 1
                right += before[1] == true
        for true, numbers in now.items():
            earlier = last_true.get(true)
            if earlier is not None and place - earlier[0] <= gap + 1:
                true_links += 1
                met += bool(numbers & earlier[1])
            last_true[true] = place, numbers
        pairs = zip(ids.tolist(), trues.tolist(), strict=True)
        last_found.update({number: (place, true) for number, true in pairs})
    return right, links, met, true_links


def score_divisions(
    truth: Sequence[np.ndarray], parents: dict[int, int], tracks: Sequence[np.ndarray], table
) -> tuple[int, int, int, int]:
    """Count divisions of a movie: found ones that are right, found, true ones found, true.

    Args:
        truth: (N,) true track of each label, by frame.
        parents: true parent of each true track, 0 if none.
        tracks: (N,) linked track of each label, by frame.
        table: of `link_frames`.
    """

    def families(children: dict[int, int]) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for child, parent in children.items():
            if parent:
                found.setdefault(parent, set()).add(child)
        return {parent: both for parent, both in found.items() if len(both) == 2}

    true = families(parents)
    linked = families(dict(zip(table["track"].tolist(), table["parent"].tolist(), strict=True)))
    first, last = {}, {}
    for trues, numbers in zip(truth, tracks, strict=True):
        for nucleus, track in zip(trues.tolist(), numbers.tolist(), strict=True):
            first.setdefault(track, nucleus)
            last[track] = nucleus
    right = {
        last[parent]
        for parent, both in linked.items()
        if {first[child] for child in both} == true.get(last[parent])
    }
    return len(right), len(linked), len(right), len(true)


def measure(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroids (N, 2) and areas (N,) of labels 1..N."""
    runs = find_runs(labels)
    areas = runs.areas_and_firsts()[0].astype(float)
    rows, left = np.divmod(runs.starts, labels.shape[1])
    middles = left + (runs.lengths - 1) / 2
    sums = [np.bincount(runs.values, runs.lengths * at, len(areas)) for at in (rows, middles)]
    return np.stack(sums, axis=1)[1:] / areas[1:, np.newaxis], areas[1:]


def bench_planes() -> None:
    """Links of stacks, by distance between planes."""
    for step in sorted({step for _, step in STACKS}):
        names = [name for name, at in STACKS if at == step]
        stacks = [draw_stack(name, step) for name in names]
        for what, how in SPOILT.items():
            counts = np.zeros(4, int)
            for labels in stacks:
                spoilt, truth = degrade(labels, np.random.default_rng(0), **how)
                linker = PlaneLinker(gap=GAP)
                counts += score_links(truth, [linker.add(plane) for plane in spoilt])
            print(f"planes, {step} µm, {what}: {ratios(counts)}")


def draw_stack(name: str, step: float) -> np.ndarray:
    """Labels of a stack."""
    line = find_cell_lines(name)[0]
    return simulate_stack(line, INDEX, PLANES, shape=(SIDE, SIDE), step=step)[1]


def bench_frames() -> None:
    """Links and divisions of movies."""
    lines = [find_cell_lines(name)[0] for name in MOVIES]
    movies = [simulate_movie(line, INDEX, FRAMES, shape=(SIDE, SIDE)) for line in lines]
    for what, how in SPOILT.items():
        links, divisions = np.zeros((2, 4), int)
        for _, labels, lineage in movies:
            spoilt, truth = degrade(labels, np.random.default_rng(0), **how)
            table = link_frames(*zip(*map(measure, spoilt), strict=True), gap=GAP)
            ends = np.cumsum([len(numbers) for numbers in truth])[:-1]
            tracks = np.split(table["track"], ends)
            parents = zip(lineage["track"].tolist(), lineage["parent"].tolist(), strict=True)
            links += score_links(truth, tracks)
            divisions += score_divisions(truth, dict(parents), tracks, table)
        print(f"frames, {what}: links {ratios(links)}; divisions {ratios(divisions)}")


def bench_speed() -> None:
    """Planes of 2048 px a second, and frames with 300 nuclei."""
    tile = draw_stack("HCT116", 1.5)
    side, nuclei = 2048, int(tile.max())
    repeats = -(-side // SIDE)
    numbers = np.arange(repeats**2, dtype=np.int32).reshape(repeats, repeats) * nuclei
    shift = np.kron(numbers, np.ones((SIDE, SIDE), np.int32))[:side, :side]
    many = np.tile(tile, (1, repeats, repeats))[:, :side, :side]
    planes, truth = degrade(
        np.where(many > 0, many + shift, 0), np.random.default_rng(0), drop=0.05
    )
    linker, began = PlaneLinker(gap=GAP), time.process_time()
    for plane in planes:
        linker.add(plane)
    rate = len(planes) / (time.process_time() - began)
    count = np.mean([len(numbers) for numbers in truth])
    print(f"planes of {side}x{side} with {count:.0f} nuclei: {rate:.1f} a second")
    for frames in SPEED["frames"]:
        centroids, areas = wander(frames, SPEED["nuclei"])
        began = time.process_time()
        link_frames(centroids, areas)
        took = time.process_time() - began
        print(f"{frames} frames with {SPEED['nuclei']} nuclei: {frames / took:.1f} a second")


def wander(frames: int, nuclei: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Centroids and areas of nuclei on a loose lattice, of which each frame lacks a twentieth."""
    rng = np.random.default_rng(0)
    columns = int(np.ceil(np.sqrt(nuclei)))
    home = 40.0 * np.stack(np.divmod(np.arange(nuclei), columns), axis=1)
    away, centroids, areas = np.zeros((nuclei, 2)), [], []
    for _ in range(frames):
        away = 0.9 * away + rng.normal(0, 2, away.shape)
        seen = rng.random(nuclei) > 0.05
        centroids.append((home + away)[seen])
        areas.append(rng.normal(300, 20, nuclei)[seen])
    return centroids, areas


def ratios(counts: np.ndarray) -> str:
    """Precision and recall of what `score_links` counts."""
    right, found, met, true = counts
    return f"precision {right / found:.4f}, recall {met / true:.4f} of {true}"


def main() -> None:
    """Print a line for each."""
    bench_planes()
    bench_frames()
    bench_speed()


if __name__ == "__main__":
    main()
