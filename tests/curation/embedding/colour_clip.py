"""A tiny model that has learnt the names of plain colours: a text half that knows something, made in seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

from curation.embedding.concepts import COLOURS
from tests.conftest import real_data

STEPS = 150
SENTENCES = ("a plain {} picture", "a photo of {}", "{}", "a {} photo")


def colour_clip(folder: Path) -> Path:
    """Train the tiny random model on pictures of one colour and sentences that name it; returns a local-dir folder."""
    start = real_data("open_clip", "tiny-random")
    model = open_clip.create_model(f"local-dir:{start}", require_pretrained=True).float()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{start}")
    tokens = torch.stack([tokenizer([text.format(name) for name in COLOURS]) for text in SENTENCES])
    plain = torch.tensor(list(COLOURS.values()), dtype=torch.float32) / 255
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    generator = torch.Generator().manual_seed(0)
    steps = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()
    for step in range(STEPS):
        pixels = plain[:, :, None, None] + 0.06 * torch.randn((len(plain), 3, 64, 64), generator=generator)
        pixels = (pixels.clamp(0, 1) - mean[:, None, None]) / std[:, None, None]
        images = model.encode_image(pixels, normalize=True)
        texts = model.encode_text(tokens[step % len(tokens)], normalize=True)
        cosines = 20 * images @ texts.T
        wanted = torch.arange(len(plain))
        loss = torch.nn.functional.cross_entropy(cosines, wanted) + torch.nn.functional.cross_entropy(cosines.T, wanted)
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type here
        steps.step()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(start / "open_clip_config.json", folder)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder
