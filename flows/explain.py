"""`salon explain`: why a head gives one photo its score, as a page with a map, neighbours and what-if curves."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from prefect import flow

from curation.canonical import VERSION as PICTURE_VERSION
from curation.embedding.protocol import Embedder
from flows.context import Run, open_run
from flows.embedders import make_embedder, matrix_of
from flows.learning.release import Published, open_version, read_version
from flows.outcome import Outcome
from flows.reports.learning import heat_over
from flows.reports.learning_plots import curve_plot, histogram_plot
from flows.reports.page import Page, Tile
from flows.reports.thumbnails import file_names, shrunk, thumbnails
from flows.runtime import publish_counts
from labeling.learning.distribution import shares
from labeling.learning.heads import Head, Prediction
from labeling.learning.relevance import deletion_effect, relevance_map
from labeling.learning.saving import from_bytes
from labeling.learning.whatif import KNOBS, variants
from schemas.codes import Split
from schemas.errors import WrongUse
from schemas.photos import PICTURES
from warehouse.facts import find_photos
from warehouse.pictures import picture_shards, read_pictures

Picture = npt.NDArray[np.uint8]
Predict = Callable[[list[Picture]], Prediction]

NEIGHBOURS = 8
DELETED = 0.15
"""Share of the patches that the check of the map covers."""


@flow(name="explain", flow_run_name="explain {photo}")
def explain(root: str, photo: str, head: str = "") -> Outcome:
    """Explain one photo's predicted score.

    Parameters
    ----------
    root : str
        The warehouse.
    photo : str
        photo_id, URI, file name, or file name without ending.
    head : str
        A head's file that `salon learn` wrote; else the kernel head of the newest.
    """
    run = open_run(root)
    file = Path(head) if head else newest_head(run)
    if not file.is_file():
        raise WrongUse(f"{file}: no such head; run `salon learn NAME VERSION`.")
    trained = from_bytes(file.read_bytes(), str(file))
    photo_id, data = picture_of(run, photo)
    embedder = make_embedder(run.settings.embed)
    if embedder.space.model != trained.about["model"]:
        raise WrongUse(
            f"{file}: this head belongs to {trained.about['model']}, the settings' embedder is "
            f"{embedder.space.model}; name the head's model under [embed], or another head with --head."
        )
    with Image.open(io.BytesIO(data)) as opened:
        picture = np.asarray(opened.convert("RGB"))
    predict = predictor(embedder, trained)
    page, counts = explained(run, photo_id, picture, predict, trained)
    report = page.write(run.warehouse.location.local("reports", f"explain-{photo_id[:12]}.html"))
    counts = {"head": f"{trained.kind} of {trained.about['release']} {trained.about['version']}", **counts}
    notes = ("The head was trained on simulated ratings.",) if trained.about.get("simulated") == "true" else ()
    return publish_counts(Outcome("explain", counts, notes, {"head": str(file), "report": str(report)}))


def newest_head(run: Run) -> Path:
    """The kernel head that was written last; raises WrongUse where there is none."""
    found = sorted(
        run.warehouse.location.local("heads").glob("*/*/*/kernel.npz"), key=lambda p: (p.stat().st_mtime_ns, str(p))
    )
    if not found:
        raise WrongUse(f"{run.root}: no head has been trained here; run `salon learn NAME VERSION`.")
    return found[-1]


def picture_of(run: Run, photo: str) -> tuple[str, bytes]:
    """A photo's id and its canonical picture; raises WrongUse where the name is not one photo's."""
    found = find_photos(run.warehouse, [photo])[photo]
    if len(found) != 1:
        raise WrongUse(f"{photo}: names {len(found) or 'no'} photos of this warehouse, one is expected.")
    table = run.warehouse.table(PICTURES)
    for shard in picture_shards(table, PICTURE_VERSION, found, 1):
        for photo_id, data in read_pictures(table, PICTURE_VERSION, shard):
            return photo_id, data
    raise WrongUse(f"{photo}: there is no picture of {found[0]}; run `salon ingest` again.")


def predictor(embedder: Embedder, head: Head) -> Predict:
    """Pictures to predictions, by way of the embedder, in its own batches."""

    def predict(pictures: list[Picture]) -> Prediction:
        vectors = []
        for start in range(0, len(pictures), embedder.batch):
            files = [_jpeg(picture) for picture in pictures[start : start + embedder.batch]]
            vectors.append(embedder.embed(embedder.collate([embedder.prepare(file) for file in files])))
        return head.predict(np.concatenate(vectors))

    return predict


def _jpeg(picture: Picture) -> bytes:
    """Encoded as canonical pictures are, finely enough that the encoding does not move a prediction."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=97, subsampling=0)
    return out.getvalue()


def explained(
    run: Run, photo_id: str, picture: Picture, predict: Predict, head: Head
) -> tuple[Page, dict[str, int | float | str]]:
    """The page, and the figures for the console."""
    about = head.about
    published = read_version(open_version(run, about["release"], about["version"]), about["model"])
    now = predict([picture])
    low, high = now.interval()
    page = Page(
        f"Why {file_names(run, [photo_id]).get(photo_id, photo_id[:12])}",
        f"Predicted by the {head.kind} head of {about['release']} {about['version']} on {about['model']}.",
        simulated=about.get("simulated") == "true",
    )
    counts: dict[str, int | float | str] = {
        "photo": photo_id,
        "predicted score": round(float(now.score[0]), 3),
        "95 % interval": f"{low[0]:.3f} to {high[0]:.3f}",
    }
    counts |= _verdict_section(page, published, photo_id, now)
    trust = _map_section(page, picture, predict)
    counts["covering the most relevant patches moves it by"] = round(trust[0], 3)
    counts["covering as many random patches"] = round(trust[1], 3)
    _neighbours_section(run, page, photo_id, published)
    return page, {**counts, **_what_if_section(page, picture, predict)}


def _verdict_section(page: Page, published: Published, photo_id: str, now: Prediction) -> dict[str, int | float | str]:
    """The prediction beside what people said, where they said something; returns the latter for the console."""
    low, high = now.interval()
    tiles = {"predicted score": f"{now.score[0]:.2f}", "95 % interval": f"{low[0]:.2f} to {high[0]:.2f}"}
    ids = published.photo_ids
    row = ids.index(photo_id) if photo_id in ids else -1
    if row >= 0:
        split = str(published.rows["split"][row].as_py())
        tiles["score that people gave"] = f"{published.score[row]:.2f}"
        tiles["split of the release"] = split
    page.numbers(tiles)
    real = None if row < 0 else shares(published.histogram[row][None])[0]
    if real is not None and not np.isfinite(real).all():
        real = None
    page.figure(histogram_plot(now.histogram[0], real, 1.0), "Votes that are expected, step by step of the scale.")
    if row < 0:
        page.text("Nobody has rated this photo in the release.")
        return {}
    if split == Split.TRAIN:
        page.text("The head was trained on this photo: that it comes near what people said proves nothing here.")
    return {"score that people gave": round(float(published.score[row]), 3), "split": split}


def _map_section(page: Page, picture: Picture, predict: Predict) -> tuple[float, float]:
    """The relevance map with its own check: the most relevant patches against random ones."""

    def ask(pictures: list[Picture]) -> npt.NDArray[np.float64]:
        return predict(pictures).score

    relevance = relevance_map(picture, ask)
    order = np.argsort(-np.abs(relevance).ravel(), kind="stable")
    rng = np.random.default_rng(0)
    most = deletion_effect(picture, ask, order, DELETED)
    random = float(np.mean([deletion_effect(picture, ask, rng.permutation(order), DELETED) for _ in range(4)]))
    page.heading(
        "Where",
        "Each patch covered in turn: red speaks for the photo, blue against it. Covering the "
        f"{DELETED:.0%} most relevant patches together moves the prediction by {most:.2f}, as many random ones by "
        f"{random:.2f}" + ("." if most > random else ": for this photo the map says little."),
    )
    whole = io.BytesIO()
    Image.fromarray(picture).save(whole, "JPEG", quality=85)
    tiles = [
        Tile(whole.getvalue(), "the photo"),
        Tile(heat_over(picture, relevance), "relevance", f"{relevance.min():+.2f} to {relevance.max():+.2f} a patch"),
    ]
    page.sheet("", tiles, size="large")
    return most, random


def _neighbours_section(run: Run, page: Page, photo_id: str, published: Published) -> None:
    """The nearest photos of the training split with their scores: the evidence that the head has."""
    matrix = matrix_of(run, published.model)
    row = matrix.rows_of([photo_id])[0]
    if row < 0:
        return
    train = published.rows_in(Split.TRAIN)
    near = published.vectors[train] @ matrix.vectors[row]
    ids = [published.photo_ids[k] for k in train]
    order = [k for k in np.argsort(-near, kind="stable") if ids[k] != photo_id][:NEIGHBOURS]
    shown = [ids[k] for k in order]
    pictures, names = thumbnails(run, shown), file_names(run, shown)
    tiles = [
        Tile(
            pictures[ids[k]], names.get(ids[k], ids[k][:12]), f"{published.score[train[k]]:.2f} · cosine {near[k]:.2f}"
        )
        for k in order
        if ids[k] in pictures
    ]
    page.heading("Evidence", "The nearest photos that the head learnt from: scores that people gave, and the cosine.")
    page.sheet("", tiles)


def _what_if_section(page: Page, picture: Picture, predict: Predict) -> dict[str, int | float | str]:
    """One curve per knob, on one axis, with the pictures that were judged; returns each knob's best for the console."""
    page.heading(
        "What if",
        "One property moved, all else as it is; the band is the 95 % interval of the prediction. What the head would "
        "say, not what people would: far from ordinary photos it knows little.",
    )
    made = {knob.name: variants(picture, knob) for knob in KNOBS}
    found = {name: predict(pictures) for name, pictures in made.items()}
    ends = np.concatenate([np.concatenate(prediction.interval()) for prediction in found.values()])
    limits = (float(ends.min()) - 0.1, float(ends.max()) + 0.1)
    best: dict[str, int | float | str] = {}
    for knob in KNOBS:
        told = found[knob.name]
        neutral = float(told.score[knob.settings.index(knob.neutral)])
        top = int(told.score.argmax())
        tiles = [
            Tile(shrunk(_jpeg(variant)), f"{setting:g}", f"{score:.2f}", "good" if k == top else "")
            for k, (variant, setting, score) in enumerate(zip(made[knob.name], knob.settings, told.score, strict=True))
        ]
        page.sheet(f"{knob.name.capitalize()}", tiles, f"{knob.unit}; blue: where the prediction is highest", "strip")
        page.figure(curve_plot(f"{knob.name}, {knob.unit}", knob.settings, told.score, told.sd, knob.neutral, limits))
        best[f"what if, highest prediction: {knob.name}"] = (
            f"{told.score[top]:.2f} at {knob.settings[top]:g} {knob.unit} ({told.score[top] - neutral:+.2f})"
        )
    return best
