"""Tower and head as one ONNX file, checked against Salon's own prediction before anybody gets it."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curation.canonical import VERSION as PICTURE_VERSION
from curation.embedding.specs import DescriptorSpec, parse_spec
from flows.context import Run
from flows.embedders import make_embedder
from flows.learning.files import write_whole
from flows.learning.release import Published
from labeling.learning.heads import Head, Prediction
from labeling.learning.onnx_head import HISTOGRAM, SCORE, SD, head_graph
from labeling.learning.onnx_head import VECTOR as HEAD_VECTOR
from schemas.codes import Precision
from schemas.errors import IntegrityFault, WrongUse
from schemas.photos import PICTURES
from warehouse.pictures import picture_shards, read_pictures

if TYPE_CHECKING:
    from curation.embedding.open_clip import OpenClipEmbedder

BAR = 1e-4
"""Most that the file may differ from Salon's own prediction: shares of votes, and steps of a scale of up to ten."""
CHECKED = 24
"""Photos that the file is checked on."""
TIMED = 15
"""Single pictures whose median time is told."""


@dataclass(frozen=True)
class Checked:
    """One exported file.

    Attributes
    ----------
    file : Path
    bytes : int
    off : float
        Largest difference to Salon's own score, standard deviation or share of votes, over all photos looked at.
    photos : int
        How many were.
    milliseconds, own_milliseconds : float
        Median for one prepared picture, of this file in onnxruntime and of Salon itself.
    """

    file: Path
    bytes: int
    off: float
    photos: int
    milliseconds: float
    own_milliseconds: float

    def __str__(self) -> str:
        return (
            f"{self.bytes / 1e6:.1f} MB, {self.milliseconds:.1f} ms a picture ({self.own_milliseconds:.1f} ms in "
            f"Salon), at most {self.off:.1e} off on {self.photos} photos"
        )


def exportable(run: Run, published: Published) -> OpenClipEmbedder:
    """The tower that heads of a release belong to, in float32 on the CPU.

    Raises
    ------
    WrongUse
        A package is missing, the settings' embedder has no tower, or it is not the model of the vectors.
    """
    settings = run.settings.embed
    if isinstance(parse_spec(settings.embedder), DescriptorSpec):
        raise WrongUse(
            f"--export onnx: the embedder '{settings.embedder}' computes its vectors without a network, so there is no "
            "tower to write; name an open_clip model under [embed], embed, and publish again."
        )
    from curation.embedding.onnx_tower import refuse_without_packages
    from curation.embedding.open_clip import OpenClipEmbedder

    refuse_without_packages()
    embedder = make_embedder(settings.model_copy(update={"device": "cpu", "precision": Precision.FLOAT32}))
    assert isinstance(embedder, OpenClipEmbedder)
    if embedder.space.model != published.model:
        raise WrongUse(
            f"--export onnx: the heads belong to {published.model}, the settings' embedder is {embedder.space.model}; "
            "name the heads' model under [embed], or learn with --model."
        )
    return embedder


def export_heads(
    run: Run, published: Published, embedder: OpenClipEmbedder, heads: dict[str, Head], folder: Path
) -> list[Checked]:
    """Write KIND.onnx for every head, each checked first; a file beyond the bar is not written.

    Raises
    ------
    WrongUse
        The model cannot be written, or there is no picture to check it on.
    IntegrityFault
        A file would not say what Salon says.
    """
    from curation.embedding.onnx_tower import tower_graph

    pictures = _pictures(run, published)
    prepared = [embedder.prepare(picture) for picture in pictures]
    shape = Counter(one.shape for one in prepared).most_common(1)[0][0]  # whole pictures have several
    pixels = np.stack([one for one in prepared if one.shape == shape]).astype(np.uint8)
    tower = tower_graph(embedder)
    done = []
    for kind, head in heads.items():
        whole = joined(tower, head, _about(published, embedder, head))
        content = whole.SerializeToString(deterministic=True)
        unit = max(1.0, _span(published) / 10)
        found = checked(content, folder / f"{kind}.onnx", embedder, head, pixels, unit)
        write_whole(found.file, content)
        done.append(found)
    return done


def joined(tower: Any, head: Head, about: dict[str, str]) -> Any:
    """Tower and head as one model: `pixels` in; `score`, `sd`, `histogram` and `vector` out."""
    import onnx

    from curation.embedding.onnx_tower import OPSET, VECTOR

    whole = onnx.compose.merge_models(
        tower, head_graph(head, OPSET), io_map=[(VECTOR, HEAD_VECTOR)], outputs=[SCORE, SD, HISTOGRAM, VECTOR]
    )
    whole.graph.name = "salon"
    whole.producer_name, whole.producer_version = "salon", ""
    onnx.helper.set_model_props(whole, about)
    onnx.checker.check_model(whole, full_check=True)
    return whole


def checked(
    content: bytes, file: Path, embedder: OpenClipEmbedder, head: Head, pixels: npt.NDArray[np.uint8], unit: float
) -> Checked:
    """Run the file and Salon itself on the same pixels.

    Parameters
    ----------
    content : bytes
        The file to be.
    pixels : ndarray of uint8, shape (n, height, width, 3)
    unit : float
        Scale units that count as one step.

    Raises
    ------
    IntegrityFault
        They differ by more than the bar.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    own = head.predict(embedder.embed(embedder.collate(list(pixels))))
    score, sd, histogram = session.run([SCORE, SD, HISTOGRAM], {"pixels": pixels})
    off = furthest(Prediction(score, sd, histogram), own, unit)
    if not off <= BAR:
        raise IntegrityFault(
            f"{file.name}: not written, since it would be {off:.1e} off Salon's own prediction, and {BAR:.0e} is the "
            "most that is taken; the network loses too much in float32."
        )

    def other(one: npt.NDArray[np.uint8]) -> None:
        session.run([SCORE], {"pixels": one})

    def ours(one: npt.NDArray[np.uint8]) -> None:
        head.predict(embedder.embed(embedder.collate(list(one))))

    return Checked(file, len(content), off, len(pixels), _median(other, pixels), _median(ours, pixels))


def furthest(found: Prediction, own: Prediction, unit: float) -> float:
    """The largest difference of all outputs; NaN where one is no number."""
    return float(
        max(
            np.max(np.abs(found.score - own.score)) / unit,
            np.max(np.abs(found.sd - own.sd)) / unit,
            np.max(np.abs(found.histogram - own.histogram)),
        )
    )


def _median(run: Any, pixels: npt.NDArray[np.uint8]) -> float:
    """Milliseconds for one picture."""
    times = []
    for k in range(TIMED + 2):
        one = pixels[k % len(pixels)][None]
        began = time.perf_counter()
        run(one)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times[2:]))


def _pictures(run: Run, published: Published) -> list[bytes]:
    """Canonical pictures of photos spread over the release."""
    ids = published.photo_ids
    chosen = [ids[k] for k in np.unique(np.linspace(0, len(ids) - 1, CHECKED).astype(int))]
    table = run.warehouse.table(PICTURES)
    found: dict[str, bytes] = {}
    for shard in picture_shards(table, PICTURE_VERSION, chosen, len(chosen)):
        found |= dict(read_pictures(table, PICTURE_VERSION, shard))
    if not found:
        raise WrongUse(
            f"--export onnx: no picture of {published.name} is in this warehouse to check the file on; run "
            "`salon ingest` on its photos."
        )
    return [found[photo] for photo in chosen if photo in found]


def _span(published: Published) -> float:
    """Width of the scale, as far as the scores and their histogram show it."""
    return float(max(published.histogram.shape[1] - 1, np.ptp(published.score)))


def _about(published: Published, embedder: OpenClipEmbedder, head: Head) -> dict[str, str]:
    """What the file says of itself."""
    from curation.embedding.preparation import GRID, MOST, WHOLE

    how = embedder.preparation
    preparation = {
        "height": how.height,
        "width": how.width,
        "colour": "upright sRGB, uint8, channels last",
        "resize_mode": how.resize_mode,
        "interpolation": how.interpolation,
        "fill": how.fill,
        **({"grid": GRID, "longest": MOST} if how.resize_mode == WHOLE else {}),
    }
    return {
        **head.about,
        "kind": head.kind.value,
        "weights_sha256": embedder.space.weights_sha256,
        "preparation": json.dumps(preparation, sort_keys=True),
    }
