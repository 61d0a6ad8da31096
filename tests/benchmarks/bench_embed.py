"""How fast pictures become vectors: the model alone, decoding alone, and both as `salon embed` runs them.

Runs by itself wherever torch and open_clip are (no warehouse, no weights, no photos needed)::

    python tests/benchmarks/bench_embed.py --device cpu --models ViT-B-32
    python tests/benchmarks/bench_embed.py --device cuda

Pictures are synthetic canonical pictures (JPEG, short side 512); weights are random. All figures come from one
run on the same cores. On a CPU the bound is 1 / (t_prepare + t_forward), each measured alone on all cores;
on a GPU it is the bare forward rate.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from curation.embedding.descriptor import Descriptor
from curation.embedding.loader import embed_pictures
from curation.embedding.specs import CheckpointSpec
from schemas.codes import Precision

SIZES = ((512, 683), (683, 512), (512, 768), (768, 512), (512, 512), (512, 910))


def synthetic_pictures(count: int, distinct: int = 96) -> list[tuple[str, bytes]]:
    """Canonical pictures of about 60 to 120 kB: clouds of many scales, as photos have, and a few edges."""
    rng = np.random.default_rng(0)
    made = []
    for k in range(min(count, distinct)):
        width, height = SIZES[k % len(SIZES)]
        plane = np.zeros((height, width, 3), np.float32)
        for scale in (4, 8, 16, 32, 64, 128):
            noise = rng.normal(size=(height // scale + 2, width // scale + 2, 3)).astype(np.float32) * scale**0.8
            for c in range(3):
                plane[..., c] += np.asarray(
                    Image.fromarray(noise[..., c]).resize((width, height), Image.Resampling.BICUBIC)
                )
        plane += rng.normal(scale=1.5, size=plane.shape)
        plane[height // 3 : height // 2, width // 4 : width // 2] += rng.normal(scale=30, size=3)
        picture = Image.fromarray(np.clip(plane * 1.1 + 120, 0, 255).astype(np.uint8))
        stream = io.BytesIO()
        picture.save(stream, "JPEG", quality=90, subsampling=0)
        made.append(stream.getvalue())
    return [(f"{k:064x}", made[k % len(made)]) for k in range(count)]


def best(work: Callable[[], Any], rounds: int) -> float:
    """Least seconds of some runs of `work`, after one that warms up."""
    work()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def prepare_seconds(embedder: Any, pictures: Sequence[tuple[str, bytes]], workers: int) -> float:
    """Seconds a picture, decoding alone on all workers."""

    def chunk(part: Sequence[tuple[str, bytes]]) -> None:
        for _, data in part:
            embedder.prepare(data)

    parts = [pictures[k : k + 8] for k in range(0, len(pictures), 8)]
    with ThreadPoolExecutor(workers) as pool:
        return best(lambda: list(pool.map(chunk, parts)), 3) / len(pictures)


def forward_seconds(embedder: Any, pictures: Sequence[tuple[str, bytes]], device: str) -> float:
    """Seconds a picture, the model alone on a batch that is where it works."""
    import torch

    batch = embedder.collate([embedder.prepare(data) for _, data in pictures[: embedder.batch]])
    embedder.embed(batch)  # decides the precision

    def work() -> None:
        for _ in range(4):
            embedder.forward(batch)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    return best(work, 5) / 4 / len(batch)


def pipeline_seconds(embedder: Any, pictures: Sequence[tuple[str, bytes]], workers: int) -> float:
    """Seconds a picture, from JPEG bytes to vectors, as `salon embed` runs a shard."""
    began = time.perf_counter()
    done = sum(len(batch.photo_ids) for batch in embed_pictures(embedder, pictures, workers=workers))
    assert done == len(pictures)
    return (time.perf_counter() - began) / len(pictures)


def checkpoint_of(model: str, folder: Path) -> Path:
    """A file with random weights of an architecture, so that the real loading code runs."""
    import open_clip
    from safetensors.torch import save_file

    file = folder / f"{model}.safetensors"
    save_file({k: v.contiguous() for k, v in open_clip.create_model(model).state_dict().items()}, file)
    return file


def measure(model: str, options: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All figures of one model."""
    from curation.embedding.open_clip import Loading, load_open_clip

    loading = Loading(
        device=options.device,
        precision=Precision(options.precision),
        batch=options.batch,
        pictures=10**6,
    )
    embedder = load_open_clip(CheckpointSpec(model, checkpoint_of(model, folder)), loading)
    pictures = synthetic_pictures(options.pictures or (8192 if options.device.startswith("cuda") else 256))
    few = pictures[: max(256, 64 * options.workers)]
    forward = forward_seconds(embedder, pictures, options.device)
    prepare = prepare_seconds(embedder, few, options.workers)
    pipeline_seconds(embedder, few, options.workers)
    pipeline = min(pipeline_seconds(embedder, pictures, options.workers) for _ in range(2))
    apart = options.device.startswith("cuda")
    bound = forward if apart else prepare + forward
    return {
        "model": model,
        "device": options.device,
        "precision": embedder.space.precision,
        "batch": embedder.batch,
        "workers": options.workers,
        "forward alone, images/s": round(1 / forward, 1),
        "decoding alone, images/s": round(1 / prepare, 1),
        "decoding, ms x cores": round(prepare * options.workers * 1e3, 2),
        "pipeline, images/s": round(1 / pipeline, 1),
        "bound": "forward rate" if apart else "1 / (t_prepare + t_forward)",
        "pipeline / bound": round(bound / pipeline, 3),
        "reachable, images/s": round(1 / (max(forward, prepare) if apart else bound), 1),
    }


def descriptor_figures(options: argparse.Namespace) -> dict[str, object]:
    """The rate of descriptor@1 on all workers."""
    pictures = synthetic_pictures(128)
    took = pipeline_seconds(Descriptor(), pictures, options.workers)
    return {"model": "descriptor@1", "workers": options.workers, "pipeline, images/s": round(1 / took, 1)}


def figures(options: argparse.Namespace) -> Iterator[dict[str, object]]:
    """One row of figures per model."""
    if not options.device.startswith("cuda"):
        yield descriptor_figures(options)
    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            yield measure(model, options, Path(folder))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line per model."""
    import os

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--models", nargs="+", default=None, help="open_clip architectures")
    parser.add_argument("--precision", default="auto", choices=[str(p) for p in Precision])
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--pictures", type=int, default=0)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args(arguments)
    if options.models is None:
        options.models = ["ViT-B-32", "ViT-L-14"] if options.device.startswith("cuda") else ["ViT-B-32"]
    for row in figures(options):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
