"""Which label image belongs to which image: names of truth and of predictions."""

from __future__ import annotations

from pathlib import Path

from nucseg_tf.errors import DataError, UsageError
from nucseg_tf.io.formats import label_suffixes

# Names of label images, the first found wins: `predict` writes STEM_labels.tif and may put an
# overlay STEM.png beside it, Cellpose writes STEM_cp_masks.png; a folder of truth may hold the
# images themselves.
TRUTH_ENDINGS = ("_cp_masks", "_masks", "_labels", "")
PRED_ENDINGS = ("_labels", "_cp_masks", "")


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
    """Find the label images in a folder, by stem; earlier endings win over later ones."""
    if not folder.exists():
        raise UsageError(f"{folder}: no such folder; expected one of label images")
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of label images, found none there")
    found: dict[str, tuple[int, Path]] = {}
    suffixes = label_suffixes()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in suffixes:
            continue
        stem = path.stem.removesuffix(".ome")
        rank, ending = next(item for item in enumerate(endings) if stem.endswith(item[1]))
        stem = stem.removesuffix(ending).removesuffix(".ome")
        best = found.get(stem)
        if best and best[0] == rank:
            raise DataError(f"{best[1]} and {path.name} claim the same image; remove one of them")
        if best is None or rank < best[0]:
            found[stem] = rank, path
    return {stem: path for stem, (_, path) in found.items()}
