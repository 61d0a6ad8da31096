"""What heads that `salon learn` trained on an earlier version reach: for the card of the next one."""

from __future__ import annotations

import json
from typing import Any

from flows.context import Run
from schemas.codes import Split
from warehouse.releases.folder import version_key

FIGURES = "figures.json"
JUDGED = (Split.VALIDATION.value, Split.TEST.value)
SHOWN = {"srcc": "SRCC", "plcc": "PLCC", "emd1": "EMD", "coverage": "95 % coverage"}


def baselines_of(run: Run, name: str) -> dict[str, Any]:
    """Figures of the heads of the newest version that has any; empty where there are none.

    Returns
    -------
    dict
        `version` that they were trained on, and `models`: for each, `photos` per split, `simulated`, and `heads`:
        kind to split to figure to [value, low, high].
    """
    if not run.warehouse.location.is_local:
        return {}
    folder = run.warehouse.location.local("heads", name)
    files = sorted(folder.glob(f"*/*/{FIGURES}"), key=lambda p: (version_key(p.parts[-3]), p.parts[-2]))
    models: dict[str, Any] = {}
    for file in files:
        if file.parts[-3] != files[-1].parts[-3]:
            continue
        found = json.loads(file.read_text(encoding="utf-8"))
        models[found["model"]] = {
            "photos": found["photos"],
            "simulated": found["simulated"],
            "heads": {
                kind: {split: {f: parts[split][f] for f in SHOWN if f in parts[split]} for split in JUDGED}
                for kind, parts in found["heads"].items()
            },
        }
    return {"version": files[-1].parts[-3], "models": models} if models else {}


def new_figures(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether there are figures that the last card does not tell; the same ones of another version are not new."""
    return bool(now) and before.get("models") != now["models"]


def baseline_lines(baselines: dict[str, Any]) -> list[str]:
    """The card's section."""
    lines = [
        f"`salon learn` trained heads on frozen vectors of the training split of version {baselines['version']} and "
        "judged them on its other splits; in brackets 95 % intervals over photos. What to beat.",
        "",
        "| vectors | head | split | photos | " + " | ".join(SHOWN.values()) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(SHOWN),
    ]
    for model, about in sorted(baselines["models"].items()):
        for kind, parts in sorted(about["heads"].items()):
            for split in JUDGED:
                if parts[split]:
                    cells = [_figure(parts[split].get(f)) for f in SHOWN]
                    cells = [model, kind, split, f"{about['photos'][split]:,}", *cells]
                    lines.append(f"| {' | '.join(cells)} |")
    if any(about["simulated"] for about in baselines["models"].values()):
        lines += ["", "They were trained and judged on simulated ratings."]
    return lines


def _figure(value: list[float] | None) -> str:
    return "" if value is None else f"{value[0]:.3f} ({value[1]:.3f} to {value[2]:.3f})"
