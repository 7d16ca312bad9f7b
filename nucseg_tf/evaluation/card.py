"""The model card: what a model is, what it was trained on, how good it was there."""

from __future__ import annotations

import datetime

from nucseg_tf.models.zoo import ModelInfo


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

AP is TP / (TP + FP + FN). Nuclei unlike those of the training data (size, stain, tissue) may be
missed, split or merged: look at overlays before trusting counts, and retrain on a few corrected
fields where it matters.
"""


def _scale(info: ModelInfo) -> str:
    if info.find_diameter:
        return f"images are brought to nuclei of {info.diameter:g} px, whose diameter is found"
    return f"median nucleus {info.diameter:g} px across"
