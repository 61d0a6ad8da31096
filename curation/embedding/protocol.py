"""What every embedder is: prepared pictures in, unit vectors out, and a name that tells spaces apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Prepared = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Space:
    """What tells one space of vectors from another, and how vectors in it are made.

    Parameters
    ----------
    model : str
        Name under which vectors are kept; equal names are one space.
    dimensions : int
        Length of a vector.
    weights_sha256 : str
        Checksum of the weights; empty where there are none.
    precision : str
        Arithmetic of the forward pass, such as float32 or bfloat16.
    preprocessing : str
        Version of the preparation of a picture.
    text : bool
        Sentences can be put into the same space.
    """

    model: str
    dimensions: int
    weights_sha256: str
    precision: str
    preprocessing: str
    text: bool


class Embedder(Protocol):
    """A model that places pictures in a space.

    `prepare` and `collate` are called by the loader's threads, ahead of `embed`; they never touch the model.
    """

    @property
    def space(self) -> Space:
        """The space that `embed` fills."""
        ...

    @property
    def batch(self) -> int:
        """Pictures per call of `embed` that suit the device."""
        ...

    @property
    def ahead(self) -> int:
        """Batches to be prepared while the model works; 0 where both share the same cores."""
        ...

    def prepare(self, picture: bytes) -> Prepared:
        """Decode one upright sRGB picture (a JPEG file) into what `embed` takes; raises BadInput."""
        ...

    def collate(self, prepared: Sequence[Prepared]) -> Any:
        """Prepared pictures, at least one, as one batch where the model wants it."""
        ...

    def embed(self, batch: Any) -> Vectors:
        """Vectors of a batch: float32, shape (n, dimensions), L2-normalised."""
        ...


@runtime_checkable
class TextEmbedder(Protocol):
    """An embedder with a text half."""

    def embed_text(self, sentences: Sequence[str]) -> Vectors:
        """Vectors of sentences: float32, shape (n, dimensions), L2-normalised."""
        ...


def normalised(values: npt.NDArray[np.floating]) -> Vectors:
    """Rows divided by their L2 norm; rows of zeros stay zeros."""
    norms = np.sqrt(np.sum(np.square(values, dtype=np.float64), axis=-1, keepdims=True))
    return np.asarray(values / np.where(norms == 0, 1, norms), dtype=np.float32)
