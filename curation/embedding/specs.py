"""The words that name an embedder, in settings and on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import WrongUse

FORMS = "descriptor, open_clip:MODEL/TAG, open_clip:MODEL@CHECKPOINT-FILE or open_clip:local-dir:FOLDER"


@dataclass(frozen=True)
class DescriptorSpec:
    """The built-in descriptor."""


@dataclass(frozen=True)
class TagSpec:
    """A model with weights that open_clip knows by a tag."""

    model: str
    tag: str


@dataclass(frozen=True)
class CheckpointSpec:
    """A model of open_clip's with weights from a file."""

    model: str
    file: Path


@dataclass(frozen=True)
class FolderSpec:
    """A folder with its own open_clip_config.json and weights."""

    folder: Path


Spec = DescriptorSpec | TagSpec | CheckpointSpec | FolderSpec


def parse_spec(text: str) -> Spec:
    """Read the name of an embedder.

    Raises
    ------
    WrongUse
        The words are none of the four forms.
    """
    if text in ("descriptor", "descriptor@1"):
        return DescriptorSpec()
    kind, _, rest = text.partition(":")
    if kind == "open_clip" and rest:
        if rest.startswith("local-dir:") and rest != "local-dir:":
            return FolderSpec(Path(rest.removeprefix("local-dir:")).expanduser())
        model, at, file = rest.partition("@")
        if at and model and file:
            return CheckpointSpec(model, Path(file).expanduser())
        model, slash, tag = rest.rpartition("/")
        if slash and model and tag and not at:
            return TagSpec(model, tag)
    raise WrongUse(f"embedder '{text}': expected {FORMS}.")
