"""Where the weights of an open_clip model lie on this machine, and one sentence where they do not.

No model hub is contacted here unless the settings ask for it, and nothing is unpickled: safetensors, or
torch's weights-only reader.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.embedding.specs import CheckpointSpec, FolderSpec, TagSpec
from schemas.errors import IntegrityFault, MissingWeights, WrongUse

CONFIG = "open_clip_config.json"
URL_CACHE = Path("~/.cache/clip")
"""Where open_clip keeps what it fetched from plain addresses."""
SHOWN = 12


@dataclass(frozen=True)
class Weights:
    """Weights that are there.

    Parameters
    ----------
    name : str
        Name of the space.
    architecture : str
        What open_clip calls the model, or ``local-dir:FOLDER``.
    file : Path
    sha256 : str
    create : dict
        Further arguments of ``open_clip.create_model``.
    """

    name: str
    architecture: str
    file: Path
    sha256: str
    create: dict[str, Any] = field(default_factory=dict)


def find_weights(spec: TagSpec | CheckpointSpec | FolderSpec, download: bool, expected: str) -> Weights:
    """The weights that a spec names.

    Parameters
    ----------
    spec : TagSpec, CheckpointSpec or FolderSpec
    download : bool
        A hub may be asked.
    expected : str
        The checksum that they must have; empty where any will do.

    Raises
    ------
    WrongUse
        There is no such architecture or tag.
    MissingWeights
        The weights are not on this machine.
    IntegrityFault
        Their checksum is another.
    """
    if isinstance(spec, FolderSpec):
        found = _in_folder(spec)
    elif isinstance(spec, CheckpointSpec):
        found = _in_file(spec)
    else:
        found = _by_tag(spec, download)
    if expected and found.sha256 != expected:
        raise IntegrityFault(
            f"{found.file}: embed.weights_sha256 wants {expected}, the file has {found.sha256}; it is another model, "
            "or it is damaged."
        )
    return found


def _in_folder(spec: FolderSpec) -> Weights:
    from open_clip.factory import _find_checkpoint_in_dir

    if not (spec.folder / CONFIG).is_file():
        raise MissingWeights(f"{spec.folder}: no {CONFIG} there; name a folder that holds one beside its weights.")
    checkpoint = _find_checkpoint_in_dir(spec.folder)  # the very choice that open_clip will make
    if checkpoint is None:
        raise MissingWeights(f"{spec.folder}: no weights beside {CONFIG}; expected open_clip_model.safetensors.")
    digest = sha256_of(Path(checkpoint))
    name = f"open_clip:{spec.folder.resolve().name}@{digest[:SHOWN]}"
    return Weights(name, f"local-dir:{spec.folder}", Path(checkpoint), digest)


def _in_file(spec: CheckpointSpec) -> Weights:
    _refuse_unknown(spec.model)
    if not spec.file.is_file():
        raise MissingWeights(f"{spec.file}: no such checkpoint file.")
    digest = sha256_of(spec.file)
    name = f"open_clip:{spec.model}@{digest[:SHOWN]}"
    return Weights(name, spec.model, spec.file, digest, {"pretrained": str(spec.file)})


def _by_tag(spec: TagSpec, download: bool) -> Weights:
    from open_clip.pretrained import download_pretrained, get_pretrained_cfg, list_pretrained_tags_by_model

    _refuse_unknown(spec.model)
    known = get_pretrained_cfg(spec.model, spec.tag)
    if not known:
        tags = ", ".join(list_pretrained_tags_by_model(spec.model)) or "none"
        raise MissingWeights(f"open_clip:{spec.model}/{spec.tag}: no such weights; {spec.model} has {tags}.")
    file = _cached(known)
    if file is None and download:
        try:
            file = Path(download_pretrained(known))
        except (OSError, RuntimeError, ValueError) as error:
            raise MissingWeights(f"open_clip:{spec.model}/{spec.tag}: cannot be fetched: {_first(error)}.") from error
    if file is None:
        raise MissingWeights(
            f"open_clip:{spec.model}/{spec.tag}: the weights are not on this machine; fetch them by embed.download = "
            f"true, or name a file (open_clip:{spec.model}@FILE), a folder (open_clip:local-dir:FOLDER), or descriptor."
        )
    preprocess = {name: known[name] for name in PREPROCESS_KEYS if name in known}
    create = {
        "pretrained": str(file),
        "force_preprocess_cfg": preprocess,
        "force_quick_gelu": bool(known.get("quick_gelu")),
    }
    return Weights(f"open_clip:{spec.model}/{spec.tag}", spec.model, file, sha256_of(file), create)


PREPROCESS_KEYS = ("mean", "std", "interpolation", "resize_mode", "fill_color")


def _cached(known: dict[str, Any]) -> Path | None:
    """The file where an earlier download has left it; no network is touched."""
    from huggingface_hub import try_to_load_from_cache
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    if known.get("hf_hub"):
        repository, name = os.path.split(known["hf_hub"])
        plain = name or HF_WEIGHTS_NAME
        safe = HF_SAFE_WEIGHTS_NAME if not name else f"{Path(name).stem}.safetensors"
        for candidate in (safe, plain):
            found = try_to_load_from_cache(repository, candidate)
            if isinstance(found, str):
                return Path(found)
    if known.get("url"):
        file = (URL_CACHE / Path(known["url"]).name).expanduser()
        if file.is_file():
            return file
    return None


def _refuse_unknown(model: str) -> None:
    import open_clip

    if model not in open_clip.list_models():
        raise WrongUse(f"open_clip knows no model '{model}'; it has {', '.join(open_clip.list_models())}.")


def tokenizer_of(weights: Weights) -> Any:
    """The tokenizer of a model's text half; raises MissingWeights where its words are not on this machine."""
    import open_clip

    try:
        return open_clip.get_tokenizer(weights.architecture)
    except (OSError, ValueError, ImportError) as error:
        raise MissingWeights(
            f"{weights.name}: the tokenizer of its text half is not on this machine: {_first(error)}."
        ) from error


def sha256_of(file: Path) -> str:
    """Checksum of a file, in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _first(error: BaseException) -> str:
    """The first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
