"""Embedders of open_clip: CPU, CUDA or MPS, in the precision that is fastest and still true."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import open_clip
import torch
from safetensors import SafetensorError

from curation.embedding.open_clip_weights import Weights, find_weights, tokenizer_of
from curation.embedding.precision import Form, fastest_form, in_form
from curation.embedding.preparation import Preparation
from curation.embedding.protocol import Prepared, Space, Vectors, normalised
from curation.embedding.specs import CheckpointSpec, FolderSpec, TagSpec
from schemas.codes import Framing, Precision
from schemas.errors import MissingWeights, WrongUse

WORTH_MEASURING = 1000
"""Below so many pictures, on a CPU, finding the fastest precision takes longer than it saves."""
BATCH = {"cpu": 32, "mps": 64, "cuda": 256}


@dataclass(frozen=True)
class Loading:
    """How a model is loaded and run; the fields are those of `[embed]`.

    Parameters
    ----------
    device, precision, weights_sha256, download, batch
        See `schemas.settings.embed`.
    pictures : int, optional
        How many are to be embedded: a precision is measured only where that pays.
    """

    device: str = "auto"
    precision: Precision = Precision.AUTO
    weights_sha256: str = ""
    download: bool = False
    batch: int = 0
    pictures: int | None = None
    framing: Framing = Framing.MODEL


def load_open_clip(spec: TagSpec | CheckpointSpec | FolderSpec, loading: Loading) -> OpenClipEmbedder:
    """Load a model; what can be wrong is said before any picture is read.

    Raises
    ------
    WrongUse
        No such architecture or device.
    MissingWeights
        The weights are not there, or do not fit.
    IntegrityFault
        They have another checksum.
    """
    weights = find_weights(spec, loading.download, loading.weights_sha256)
    device = choose_device(loading.device)
    if loading.precision is Precision.AUTO and device.type == "cpu" and (loading.pictures or 0) < WORTH_MEASURING:
        loading = replace(loading, precision=Precision.FLOAT32)
    weights = replace(weights, name=framed(weights.name, loading.framing))
    if loading.framing is Framing.WHOLE:
        from curation.embedding.whole import WholePictureEmbedder

        return WholePictureEmbedder(_create(weights), weights, device, loading)
    return OpenClipEmbedder(_create(weights), weights, device, loading)


def framed(name: str, framing: Framing) -> str:
    """Name of the space of a model that sees pictures so: another framing is another space."""
    return name if framing is Framing.MODEL else f"{name}+{framing}"


def choose_device(text: str) -> torch.device:
    """The device that the settings name; auto takes CUDA, then MPS, then the CPU."""
    if text == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(text)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that CUDA was compiled in
        raise WrongUse(f"embed.device '{text}': {str(error).splitlines()[0]}") from error
    return device


def _create(weights: Weights) -> Any:
    """The model in float32 on the CPU, ready for inference."""
    try:
        model = open_clip.create_model(
            weights.architecture, require_pretrained=True, weights_only=True, **weights.create
        )
    except (RuntimeError, OSError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0][:200]
        raise MissingWeights(
            f"{weights.file}: cannot be loaded as weights of {weights.architecture} without running code from the "
            f"file: {first}; expected safetensors or a plain state dict of that architecture."
        ) from error
    return model.eval().requires_grad_(False)


class OpenClipEmbedder:
    """An open_clip model as an embedder with a text half.

    Parameters
    ----------
    model : open_clip model
        In float32, on the CPU.
    weights : Weights
    device : torch.device
    loading : Loading
        Precision AUTO is decided on the first batch.
    """

    def __init__(self, model: Any, weights: Weights, device: torch.device, loading: Loading) -> None:
        self.batch = loading.batch or BATCH.get(device.type, 32)
        self.ahead = 0 if device.type == "cpu" else 4
        self.preparation = preparation_of(model)
        self._model = model.to(device)
        self._weights = weights
        self._device = device
        scale = torch.tensor(self.preparation.std, device=device) * 255
        self._shift = (torch.tensor(self.preparation.mean, device=device) * 255 / scale).view(1, 3, 1, 1)
        self._scale = (1 / scale).view(1, 3, 1, 1)
        self._form: Form | None = None
        if loading.precision is not Precision.AUTO:
            self._form = in_form(model.visual, loading.precision, device)
        self._space = Space(
            model=weights.name,
            dimensions=int(self._sizes()),
            weights_sha256=weights.sha256,
            precision="",
            preprocessing=self.preparation.name,
            text=True,
        )

    @property
    def space(self) -> Space:
        """The space; its precision is known once the first batch is embedded."""
        return replace(self._space, precision=self._form.name if self._form else "")

    @property
    def visual(self) -> Any:
        """The image half in float32."""
        return self._model.visual

    @property
    def shift(self) -> torch.Tensor:
        """What is taken off scaled pixels, shape (1, 3, 1, 1)."""
        return self._shift

    @property
    def scale(self) -> torch.Tensor:
        """What pixels, 0 to 255, are multiplied by, shape (1, 3, 1, 1)."""
        return self._scale

    def prepare(self, picture: bytes) -> Prepared:
        """Decode, resize and crop one canonical picture: uint8, shape (height, width, 3)."""
        return self.preparation.pixels(picture)

    def collate(self, prepared: Sequence[Prepared]) -> torch.Tensor:
        """Pixels on the model's device: uint8, shape (n, height, width, 3)."""
        tensor = torch.from_numpy(np.stack(prepared))
        if self._device.type != "cuda":
            return tensor.to(self._device)
        # On a stream of its own, so that the copy runs while the model works on the batch before.
        stream: Any = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]  # torch has no type here
        with torch.cuda.stream(stream):
            on_device = tensor.pin_memory().to(self._device, non_blocking=True)
            stream.synchronize()
        return on_device

    def embed(self, batch: torch.Tensor) -> Vectors:
        """Vectors of a batch; the first one decides the precision where that is left open."""
        if self._form is None:
            self._form = fastest_form(self._model.visual, self.inputs(batch), self._device)
        return normalised(self.forward(batch).float().cpu().numpy())

    def inputs(self, batch: torch.Tensor) -> torch.Tensor:
        """A batch as the image half wants it: float32, (n, 3, height, width), channels last in memory."""
        return torch.addcmul(-self._shift, batch.permute(0, 3, 1, 2).float(), self._scale)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """The image half alone, on its device; vectors are not normalised."""
        assert self._form is not None
        return self._form(self.inputs(batch))

    def embed_text(self, sentences: Sequence[str]) -> Vectors:
        """Vectors of sentences, in float32.

        Raises
        ------
        MissingWeights
            The model's tokenizer is not on this machine.
        """
        tokenizer = tokenizer_of(self._weights)
        with torch.no_grad():
            found = self._model.encode_text(tokenizer(list(sentences)).to(self._device))
        return normalised(found.float().cpu().numpy())

    def _sizes(self) -> int:
        """Length of a vector, by one forward pass over grey."""
        grey = torch.zeros(1, 3, self.preparation.height, self.preparation.width, device=self._device)
        form = self._form or in_form(self._model.visual, Precision.FLOAT32, self._device)
        return int(form(grey).shape[-1])


def preparation_of(model: Any) -> Preparation:
    """What open_clip would do to a picture for this model."""
    known = open_clip.get_model_preprocess_cfg(model)
    size = known["size"]
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    return Preparation(
        height=height,
        width=width,
        mean=tuple(known["mean"]),
        std=tuple(known["std"]),
        interpolation=str(known["interpolation"]),
        resize_mode=str(known["resize_mode"]),
        fill=int(known.get("fill_color") or 0),
    )
