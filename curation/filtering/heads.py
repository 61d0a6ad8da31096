"""Heads on embeddings, such as LAION's aesthetic predictors: arrays from a file, a score out."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from schemas.errors import BadInput, WrongUse

Vectors = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

# Trained on embeddings of OpenAI's CLIP; the file names are those of the two LAION repositories.
KNOWN_MODELS: tuple[tuple[str, str], ...] = (
    ("vit_b_32_linear", "ViT-B-32"),
    ("vit_b_16_linear", "ViT-B-16"),
    ("vit_l_14_linear", "ViT-L-14"),
    ("l14-linearMSE", "ViT-L-14"),
    ("l14-reluMSE", "ViT-L-14"),
)


@dataclass(frozen=True)
class Head:
    """Linear layers, with or without rectifiers between them.

    Parameters
    ----------
    weights : tuple of ndarray, shapes (out, in)
    biases : tuple of ndarray, shapes (out,)
    rectified : bool
        max(x, 0) after every layer but the last.
    """

    weights: tuple[npt.NDArray[np.float64], ...]
    biases: tuple[npt.NDArray[np.float64], ...]
    rectified: bool

    @property
    def dimensions(self) -> int:
        """Length of the vectors that it takes."""
        return int(self.weights[0].shape[1])

    def scores(self, vectors: Vectors) -> Scores:
        """Score of each L2-normalised vector; shape (n,)."""
        values = vectors.astype(np.float64)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = values @ weight.T + bias
            if self.rectified and number < len(self.weights) - 1:
                values = np.maximum(values, 0)
        return np.asarray(values[:, 0])


def read_head(file: Path) -> Head:
    """Read a head from .npz or .safetensors; nothing is unpickled.

    Raises
    ------
    WrongUse
        There is no such file.
    BadInput
        Its arrays are no chain of linear layers that ends in one number.
    """
    if not file.is_file():
        raise WrongUse(f"{file}: no such file with a head's arrays.")
    arrays = _arrays(file)
    layers: list[tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []
    for name, weight in arrays.items():
        if name == "weight" or name.endswith(".weight"):
            number = int((re.findall(r"\d+", name) or ["0"])[-1])
            bias = arrays.get(name.removesuffix("weight") + "bias", np.zeros(len(weight)))
            layers.append((number, weight.astype(np.float64), bias.astype(np.float64)))
    layers.sort(key=lambda layer: layer[0])
    fits = all(
        before[1].ndim == after[1].ndim == 2 and before[1].shape[0] == after[1].shape[1]
        for before, after in pairwise(layers)
    )
    if not layers or not fits or layers[-1][1].shape[0] != 1:
        raise BadInput(
            "this is no head",
            where=str(file),
            expected="arrays NAME.weight and NAME.bias of linear layers that end in one number",
            got=", ".join(f"{name} {array.shape}" for name, array in arrays.items())[:200],
        )
    # Numbers count modules: linear, dropout is 2 apart, linear, rectifier, dropout is 3 apart.
    rectified = len(layers) > 1 and layers[1][0] - layers[0][0] >= 3
    return Head(tuple(layer[1] for layer in layers), tuple(layer[2] for layer in layers), rectified)


def _arrays(file: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        if file.suffix == ".safetensors":
            from safetensors.numpy import load_file

            return dict(load_file(file))
        with np.load(file, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise BadInput("the arrays cannot be read", where=str(file), got=str(error)[:200]) from error


def belongs_to(file: Path, named: str, model: str) -> str:
    """Why a head does not belong to the vectors of a model; empty where it does.

    Parameters
    ----------
    file : Path
    named : str
        The model that the settings name for it; empty: known from the file's name.
    model : str
        The model whose vectors are there.
    """
    if named:
        return "" if named == model else f"it belongs to {named}, the vectors are of {model}"
    for part, architecture in KNOWN_MODELS:
        if part in file.name:
            fitting = tuple(f"open_clip:{architecture}{gelu}/openai" for gelu in ("", "-quickgelu"))
            return "" if model in fitting else f"it belongs to {fitting[0]}, the vectors are of {model}"
    return 'which model it belongs to is not known from its name: set model = "open_clip:..." in the rule'
