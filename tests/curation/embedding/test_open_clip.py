"""open_clip models: the vectors of open_clip's own code, and one sentence for everything that can be wrong."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import pytest
import torch
from PIL import Image

from curation.embedding.open_clip import Loading, OpenClipEmbedder, choose_device, load_open_clip
from curation.embedding.open_clip_weights import sha256_of
from curation.embedding.specs import CheckpointSpec, DescriptorSpec, FolderSpec, TagSpec, parse_spec
from schemas.codes import Precision
from schemas.errors import IntegrityFault, MissingWeights, WrongUse
from tests.conftest import real_data

Array = npt.NDArray[Any]

SIZES = ((700, 512), (512, 768), (500, 400), (513, 512))


def photos() -> list[bytes]:
    """Real photos at the sizes of canonical pictures."""
    names = sorted(real_data("oasis", "images").iterdir())[:: 501 // len(SIZES)]
    made = []
    for name, size in zip(names, SIZES, strict=False):
        stream = io.BytesIO()
        with Image.open(name) as picture:
            picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(
                stream, "JPEG", quality=90, subsampling=0
            )
        made.append(stream.getvalue())
    return made


def loaded(folder: str, precision: Precision = Precision.FLOAT32, **changes: object) -> OpenClipEmbedder:
    loading = Loading(device="cpu", precision=precision, **changes)  # type: ignore[arg-type]  # fields by name
    return load_open_clip(FolderSpec(real_data("open_clip", folder)), loading)


def embed(embedder: OpenClipEmbedder, pictures: list[bytes]) -> Array:
    return embedder.embed(embedder.collate([embedder.prepare(picture) for picture in pictures]))


def open_clips_own(folder: str, pictures: list[bytes], *, autocast: bool = False) -> Array:
    name = f"local-dir:{real_data('open_clip', folder)}"
    model, _, transform = open_clip.create_model_and_transforms(name, require_pretrained=True)
    model.eval()
    batch = torch.stack([transform(Image.open(io.BytesIO(data)).convert("RGB")) for data in pictures])
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        found = model.encode_image(batch).float().numpy()
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.mark.parametrize("folder", ["tiny-random", "mobilenet-v1-real"])
def test_vectors_are_those_of_open_clips_own_code(folder: str) -> None:
    pictures = photos()
    ours = embed(loaded(folder), pictures)
    assert np.sum(ours * open_clips_own(folder, pictures), axis=1).min() > 0.9999
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    cast = embed(loaded(folder, Precision.AUTOCAST), pictures)
    assert np.sum(cast * open_clips_own(folder, pictures, autocast=True), axis=1).min() > 0.999


def test_bfloat16_weights_keep_the_vectors() -> None:
    pictures = photos()
    low = embed(loaded("tiny-random", Precision.BFLOAT16), pictures)
    assert np.sum(low * open_clips_own("tiny-random", pictures), axis=1).min() > 0.999


def test_the_precision_that_is_chosen_is_faithful_and_recorded() -> None:
    embedder = loaded("tiny-random", Precision.AUTO, pictures=10**6)
    pictures = photos()
    vectors = embed(embedder, pictures)
    assert embedder.space.precision in ("float32", "bfloat16", "bfloat16 autocast")
    assert np.sum(vectors * embed(loaded("tiny-random"), pictures), axis=1).min() >= 0.999


def test_sentences_are_placed_as_open_clip_places_them() -> None:
    name = f"local-dir:{real_data('open_clip', 'tiny-random')}"
    model = open_clip.create_model(name).eval()
    sentences = ["a photo of a dog", "sunset over water"]
    with torch.no_grad():
        expected = model.encode_text(open_clip.get_tokenizer(name)(sentences), normalize=True).numpy()
    assert np.allclose(loaded("tiny-random").embed_text(sentences), expected, atol=1e-6)


def test_a_space_is_named_by_its_weights_so_that_spaces_never_mix(tmp_path: Path) -> None:
    first = loaded("tiny-random").space
    other = tmp_path / "tiny-random"
    shutil.copytree(real_data("open_clip", "tiny-random"), other)
    from safetensors.torch import load_file, save_file

    file = other / "open_clip_model.safetensors"
    tensors = load_file(file)
    tensors["visual.proj"] = tensors["visual.proj"] + 1
    save_file(tensors, file)
    second = load_open_clip(FolderSpec(other), Loading(device="cpu")).space
    assert first.weights_sha256 != second.weights_sha256
    assert first.model != second.model


def test_a_checkpoint_file_is_loaded_into_the_model_that_is_named(tmp_path: Path) -> None:
    config = json.loads((real_data("open_clip", "tiny-random") / "open_clip_config.json").read_text())
    (tmp_path / "salon-tiny.json").write_text(json.dumps(config["model_cfg"]))
    open_clip.add_model_config(tmp_path / "salon-tiny.json")
    file = real_data("open_clip", "tiny-random") / "open_clip_model.safetensors"
    embedder = load_open_clip(CheckpointSpec("salon-tiny", file), Loading(device="cpu"))
    pictures = photos()
    assert np.allclose(embed(embedder, pictures), embed(loaded("tiny-random"), pictures), atol=1e-6)


def test_a_wrong_checksum_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(IntegrityFault, match="weights_sha256"):
        loaded("tiny-random", weights_sha256="0" * 64)
    file = real_data("open_clip", "tiny-random") / "open_clip_model.safetensors"
    assert loaded("tiny-random", weights_sha256=sha256_of(file)).space.weights_sha256 == sha256_of(file)


def test_weights_that_are_not_here_are_named_with_the_choices_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(MissingWeights, match=r"not on this machine; .*embed.download.*local-dir.*descriptor"):
        load_open_clip(TagSpec("ViT-B-32", "laion2b_s34b_b79k"), Loading())
    with pytest.raises(MissingWeights, match="no such weights; ViT-B-32 has openai"):
        load_open_clip(TagSpec("ViT-B-32", "laion9000"), Loading())
    with pytest.raises(WrongUse, match="open_clip knows no model 'ViT-Z'"):
        load_open_clip(TagSpec("ViT-Z", "openai"), Loading())


def test_damaged_foreign_and_pickled_weights_are_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (Path.write_text, (tmp_path / "trapped", "code ran"))  # type: ignore[return-value]  # a trap

    for name, content in {
        "trap.pt": pickle.dumps({"state_dict": Trap()}, protocol=2),
        "noise.safetensors": b"\x00" * 100,
        "noise.pt": b"not weights",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MissingWeights, match="cannot be loaded"):
            load_open_clip(CheckpointSpec("ViT-B-32", tmp_path / name), Loading(device="cpu"))
    assert not (tmp_path / "trapped").exists()
    with pytest.raises(MissingWeights, match="no open_clip_config"):
        load_open_clip(FolderSpec(tmp_path), Loading())
    with pytest.raises(MissingWeights, match="no such checkpoint"):
        load_open_clip(CheckpointSpec("ViT-B-32", tmp_path / "absent.pt"), Loading())


def test_a_device_that_is_not_there_is_wrong_use() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(WrongUse, match="device 'cuda:77'"):
        choose_device("cuda:77")


def test_the_words_that_name_an_embedder_are_understood() -> None:
    assert parse_spec("descriptor") == DescriptorSpec()
    assert parse_spec("open_clip:ViT-B-32/openai") == TagSpec("ViT-B-32", "openai")
    assert parse_spec("open_clip:ViT-B-32@/a/b.pt") == CheckpointSpec("ViT-B-32", Path("/a/b.pt"))
    assert parse_spec("open_clip:local-dir:/a/b") == FolderSpec(Path("/a/b"))
    for wrong in ("", "clip", "open_clip:", "open_clip:ViT-B-32", "open_clip:local-dir:", "open_clip:@x"):
        with pytest.raises(WrongUse, match="expected descriptor, open_clip"):
            parse_spec(wrong)
