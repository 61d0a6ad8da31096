"""From the words in the settings to an embedder; models are imported only where one is named."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from curation.embedding.descriptor import Descriptor
from curation.embedding.protocol import Embedder
from curation.embedding.specs import DescriptorSpec, TagSpec, parse_spec
from flows.context import Run
from schemas.codes import Framing
from schemas.errors import MissingWeights
from schemas.settings.embed import EmbedSettings
from warehouse.vectors import VectorMatrix, open_vectors


def make_embedder(settings: EmbedSettings, pictures: int | None = None) -> Embedder:
    """The embedder that the settings name.

    Parameters
    ----------
    settings : EmbedSettings
    pictures : int, optional
        How many are to be embedded; a precision is chosen by measuring only where that pays.

    Raises
    ------
    WrongUse, MissingWeights, IntegrityFault
        The words, the weights or their checksum are wrong.
    """
    spec = parse_spec(settings.embedder)
    if isinstance(spec, DescriptorSpec):
        return Descriptor()
    _stay_offline(settings)
    from curation.embedding.open_clip import Loading, load_open_clip

    loading = Loading(
        device=settings.device,
        precision=settings.precision,
        weights_sha256=settings.weights_sha256,
        download=settings.download,
        batch=settings.batch,
        pictures=pictures,
        framing=settings.framing,
    )
    return load_open_clip(spec, loading)


def space_name(settings: EmbedSettings) -> str:
    """Name under which the vectors of the settings' model are kept, without loading the model."""
    spec = parse_spec(settings.embedder)
    if isinstance(spec, DescriptorSpec):
        return Descriptor().space.model
    tail = "" if settings.framing is Framing.MODEL else f"+{settings.framing}"
    if isinstance(spec, TagSpec):
        return f"open_clip:{spec.model}/{spec.tag}{tail}"
    _stay_offline(settings)
    from curation.embedding.open_clip_weights import find_weights

    return find_weights(spec, download=False, expected=settings.weights_sha256).name + tail


def why_no_text(settings: EmbedSettings) -> str:
    """Why sentences cannot be put into the space of the settings' model; empty where they can."""
    spec = parse_spec(settings.embedder)
    if isinstance(spec, DescriptorSpec):
        return f"the embedder '{settings.embedder}' has no text half"
    _stay_offline(settings)
    from curation.embedding.open_clip_weights import find_weights, tokenizer_of

    try:
        tokenizer_of(find_weights(spec, settings.download, settings.weights_sha256))
    except MissingWeights as error:
        return str(error).rstrip(".")
    return ""


def uses_gpu(settings: EmbedSettings) -> bool:
    """Whether the settings' model can work on a GPU."""
    return settings.device != "cpu" and not isinstance(parse_spec(settings.embedder), DescriptorSpec)


def matrix_of(run: Run, space: str) -> VectorMatrix:
    """All vectors of a space; the matrix of a warehouse in an object store lies in this user's cache."""
    if run.warehouse.location.is_local:
        return open_vectors(run.warehouse, space)
    name = hashlib.sha256(run.root.encode()).hexdigest()[:16]
    return open_vectors(run.warehouse, space, Path.home() / ".cache" / "salon" / "vectors" / name)


def _stay_offline(settings: EmbedSettings) -> None:
    """The hub's library reads this when it is imported: what is not here is then said at once, unasked."""
    if not settings.download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
