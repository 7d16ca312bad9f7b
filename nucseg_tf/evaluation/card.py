"""The model card: what a model is, what it was trained on, how good it was there."""

from __future__ import annotations

import datetime

from nucseg_tf.models.zoo import ModelInfo

NOTE = "Scores of nuclei are"  # how the paragraph on them begins


def model_card(info: ModelInfo, fields: int) -> str:
    """The README.md of a model folder."""
    rows = "\n".join(
        f"| {key} | {value['mean_ap']:.3f} | {value['mean_f1']:.3f} | {value['ap']:.3f} "
        f"| {value['f1']:.3f} |"
        for key, value in info.scores["validation"].items()
    )
    arch = info.architecture
    return f"""# {info.name}

- **Family**: {info.family.title}, encoder {arch.encoder}, {arch.filters} pyramid channels.
- **Data**: {info.training_data or f"{fields} fields, sha256 {info.training_data_sha256[:16]}"}.
- **Licence**: {info.licence or "not stated"}.
- **Scale**: {_scale(info)}; pixel size
  {f"{info.pixel_size:g} µm" if info.pixel_size else "not uniform"}.
- **Made**: {datetime.date.today().isoformat()} with TensorFlow {info.versions["tensorflow"]}, Keras
  {info.versions["keras"]}.

Scores on {info.scores["images"]} validation fields, on which the thresholds were tuned too,
unless those of a model that training began from were kept (PQ {info.scores["pq"]:.3f}):

| IoU | AP, mean over images | F1, mean over images | AP, pooled | F1, pooled |
|---|---|---|---|---|
{rows}

{confidence_note(info)}

AP is TP / (TP + FP + FN). Nuclei unlike those of the training data (size, stain, tissue) may be
missed, split or merged: look at overlays before trusting counts, and retrain on a few corrected
fields where it matters.
"""


def confidence_note(info: ModelInfo) -> str:
    """What the scores of nuclei mean, a paragraph of the model card."""
    known = info.confidence
    if known is None:
        return f"{NOTE} not calibrated: they are as the network gives them, and no probabilities."
    raw, honest = known.raw, known.cross_validated
    return f"""{NOTE} the probability that a nucleus has an IoU of {known.iou:g} with the true one,
calibrated on {known.nuclei} nuclei of {known.fields} validation fields. Cross-validated by field:
area under the ROC curve {honest.auc:.3f} (of the raw score {raw.auc:.3f}), expected calibration
error {honest.ece:.3f} ({raw.ece:.3f})."""


def with_confidence(card: str, info: ModelInfo) -> str:
    """A model card with its paragraph on scores replaced, or added at its end."""
    paragraphs = card.rstrip().split("\n\n")
    kept = [part for part in paragraphs if not part.startswith(NOTE)]
    found = [number for number, part in enumerate(paragraphs) if part.startswith(NOTE)]
    kept.insert(found[0] if found else len(kept), confidence_note(info))
    return "\n\n".join(kept) + "\n"


def _scale(info: ModelInfo) -> str:
    if info.find_diameter:
        return f"images are brought to nuclei of {info.diameter:g} px, whose diameter is found"
    return f"median nucleus {info.diameter:g} px across"
