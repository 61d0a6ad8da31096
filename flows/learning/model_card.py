"""`README.md` beside a release's heads: what they are, what they reach, and how to use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from flows.learning.release import Published
from labeling.learning.figures import Figure
from schemas.codes import Split

TITLES = {"srcc": "SRCC", "plcc": "PLCC", "rmse": "RMSE", "emd1": "EMD", "coverage": "95 % coverage"}
KINDS = {
    "linear": "ridge regression on the vector: the honest baseline",
    "kernel": "Gaussian-process regression with a Gaussian kernel",
}


def model_card(published: Published, heads: Mapping[str, Mapping[str, Sequence[Figure]]]) -> str:
    """The card of a version's heads; equal heads give equal text."""
    about = published.manifest
    question = about.get("question") or "the release's question"
    lines = [
        _header(published),
        f"# Heads of {published.name}",
        "",
        *(["> **Simulated.** They learnt from simulated ratings and say nothing about people.", ""]
          if published.simulated else []),
        f"They predict, from a photo's vector of `{published.model}`, the score that answers *{question}* on the scale "
        f"{about.get('scale') or 'of the release'}, how sure that is, and the share of votes on every step. Trained on "
        f"the {len(published.rows_in(Split.TRAIN)):,} photos of the training split alone.",
        "",
        "| file | what |",
        "| --- | --- |",
        *(f"| `{kind}.npz` | {KINDS.get(kind, kind)} |" for kind in heads),
        "| `predictions-*.parquet` | what they say of every photo of the release, its own split beside it |",
        "| `figures.json` | all figures, those of personal taste too |",
        "| `*.onnx` | tower and head as one file, where asked for (`--export onnx`) |",
        "",
        "## Figures",
        "",
        *_figures(published, heads),
        "",
        "## Use",
        "",
        "Nothing is pickled: `numpy.load` reads the files. `linear`: score = weight · vector + bias. `kernel`: score = "
        "bias + sum of dual · exp(-rate · |vector - landmark|²). In Salon: a filter rule of kind `head`, `[study] "
        "head` to choose what is rated next, `salon explain PHOTO`.",
        "",
        "## Limits",
        "",
        "- Vectors of another model, or of other weights of the same, mean nothing to them.",
        "- They hold for the raters and the question of this release, and for photos like its own; `sd` grows away "
        "from them, but does not know what no photo has shown.",
        "- Not for judging the people in photos, nor for deciding about persons.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _header(published: Published) -> str:
    about = published.manifest
    simulated = ["simulated-ratings"] if published.simulated else []
    header = {
        "license": str((about.get("settings") or {}).get("license") or "unknown").lower(),
        "library_name": "salon",
        "tags": ["aesthetics", "image-quality", "mean-opinion-score", *simulated],
        "datasets": [about["name"]],
        "metrics": ["spearmanr", "pearsonr"],
    }
    return "---\n" + yaml.safe_dump(header, sort_keys=False, allow_unicode=True) + "---\n"


def _figures(published: Published, heads: Mapping[str, Mapping[str, Sequence[Figure]]]) -> list[str]:
    """Figures on validation and test, with their intervals."""
    lines = [
        "In brackets 95 % intervals over photos; EMD is the normalised earth mover's distance of predicted shares.",
        "",
        "| head | split | photos | " + " | ".join(TITLES.values()) + " |",
        "| --- | --- | ---: |" + " ---: |" * len(TITLES),
    ]
    for kind, parts in heads.items():
        for split in (Split.VALIDATION, Split.TEST):
            found = {figure.name: str(figure) for figure in parts.get(split, ())}
            if found:
                cells = [kind, split.value, f"{len(published.rows_in(split)):,}", *(found.get(f, "") for f in TITLES)]
                lines.append(f"| {' | '.join(cells)} |")
    return lines
