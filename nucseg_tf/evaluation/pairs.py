"""Which label image belongs to which image: names of truth and of predictions."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.any_labels import holds_labels
from nucseg_tf.io.formats import OTHER_LABELS, label_suffixes, other_label
from nucseg_tf.io.images import images_in
from nucseg_tf.io.names import stem_of

# Names of label images, the first found wins: `predict` writes STEM_labels.tif and may put an
# overlay STEM.png beside it, Cellpose writes STEM_cp_masks.png; a folder of truth may hold the
# images themselves.
TRUTH_ENDINGS = ("_cp_masks", "_masks", "_labels", "_mask", "")
PRED_ENDINGS = ("_labels", "_cp_masks", "_masks", "_mask", "")


def pair_labels(truth_dir: Path, pred_dir: Path) -> dict[str, tuple[Path, Path]]:
    """Find the prediction that belongs to each true label image.

    Returns:
        (truth, prediction) by stem, sorted.

    Raises:
        UsageError: one of the folders is not there.
        DataError: no truth, a prediction missing, or two files that claim the same image.
    """
    masks = truth_dir / "masks"
    truth_dir = masks if masks.is_dir() else truth_dir
    truths = label_files(truth_dir, TRUTH_ENDINGS)
    predictions = label_files(pred_dir, PRED_ENDINGS)
    if not truths:
        suffixes = ", ".join(label_suffixes())
        raise DataError(f"{truth_dir}: expected label images ({suffixes}), found none")
    missing = [stem for stem in truths if stem not in predictions]
    if missing:
        more = ", ..." if len(missing) > 5 else ""
        raise DataError(
            f"{pred_dir}: no prediction (STEM_labels.tif or STEM.ext) for {len(missing)} of "
            f"{len(truths)} images: {', '.join(missing[:5])}{more}. Predict them first: leaving "
            "images out would flatter the score."
        )
    return {stem: (truths[stem], predictions[stem]) for stem in sorted(truths)}


def label_files(folder: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Find labels in a folder, by stem: label images, and `io.formats.OTHER_LABELS`.

    Earlier endings win over later ones, label images over others. A file STEM.tif comes last, for
    it may be the image; not in a folder masks, where a training takes it for labels, too.
    """
    if not folder.exists():
        raise UsageError(f"{folder}: no such folder; expected one of label images")
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of label images, found none there")
    found: dict[str, tuple[tuple[int, int], Path]] = {}
    suffixes = label_suffixes()
    for path in sorted(folder.iterdir()):
        other = other_label(path) if holds_labels(path) else None
        if path.name.startswith(".") or not (other or path.suffix.lower() in suffixes):
            continue
        stem = path.name[: -len(other)] if other else path.stem.removesuffix(".ome")
        number, ending = next(item for item in enumerate(endings) if stem.endswith(item[1]))
        kind = OTHER_LABELS.index(other) + 1 if other else 0
        if not (other or ending or folder.name == "masks"):
            kind = len(OTHER_LABELS) + 1
        stem, rank = stem.removesuffix(ending).removesuffix(".ome"), (kind, number)
        best = found.get(stem)
        if best and best[0] == rank:
            raise DataError(f"{best[1]} and {path.name} claim the same image; remove one of them")
        if best is None or rank < best[0]:
            found[stem] = rank, path
    return {stem: path for stem, (_, path) in found.items()}


def images_beside(truth_dir: Path, pred_dir: Path) -> dict[str, Path]:
    """Images by stem, where labels may have left them: outlines are of the size of these.

    They are looked for in the folder images/ of a data set, beside the truth, and beside the
    predictions; the first found counts. A label image there may stand for its image.
    """
    places = (truth_dir / "images", truth_dir.parent / "images", truth_dir, pred_dir)
    found: dict[str, Path] = {}
    for folder in filter(Path.is_dir, places):
        for image in images_in(folder):
            found.setdefault(stem_of(image), image)
    return found
