"""Embedding as a flow: representatives that have no vector in the space yet, a shard per data file of pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from curation.canonical import VERSION as PICTURE_VERSION
from curation.embedding.loader import embed_pictures
from curation.embedding.protocol import Embedder, Space, Vectors
from flows.context import Run, open_run
from flows.embedders import cores, make_embedder, uses_gpu
from flows.engine import RayEngine, cluster_of
from flows.outcome import Outcome
from flows.progress import track
from flows.runtime import RETRIES, Sealed, publish_counts
from flows.settled import unless_settled
from schemas.codes import Precision
from schemas.errors import IntegrityFault
from schemas.photos import EMBEDDINGS, PICTURES
from schemas.settings.embed import EmbedSettings
from warehouse.pictures import PictureShard, picture_shards, read_pictures
from warehouse.store import Warehouse


@dataclass(frozen=True)
class ShardDone:
    """What became of one shard."""

    embedded: int
    failed: tuple[tuple[str, str], ...]


@flow(name="embed", flow_run_name="embed {root}")
def embed(root: str, embedder: str | None = None) -> Outcome:
    """Give every representative a vector in the space of the model.

    Parameters
    ----------
    root : str
        The warehouse.
    embedder : str, optional
        Which model; else the one in the settings.
    """
    run = open_run(root)
    settings = run.settings.embed.model_copy(update={"embedder": embedder} if embedder else {})
    return publish_counts(
        unless_settled(run, "embed", {"embedder": settings.embedder}, lambda: embed_new(run, settings))
    )


def embed_new(run: Run, settings: EmbedSettings) -> Outcome:
    """Embed the representatives that have no vector yet."""
    total = run.warehouse.query("SELECT count(*) AS n FROM representatives")["n"][0].as_py()
    done: list[ShardDone] = []
    with cluster_of(run) as cluster:
        settings = settings if cluster is None else on_many_machines(settings)
        model = make_embedder(settings, pictures=total)
        space = model.space
        refuse_mixing(run, space)
        wanted = without_vector(run, space)
        shards = picture_shards(run.warehouse.table(PICTURES), PICTURE_VERSION, wanted, settings.shard)
        results = _here(run, model, settings, shards) if cluster is None else _there(run, cluster, settings, shards)
        with track(f"embed {space.model}", total=len(wanted)) as progress:
            for result in results:
                done.append(result)
                progress.advance(result.embedded + len(result.failed), failed=len(result.failed))
    failed = [pair for shard_done in done for pair in shard_done.failed]
    missing = len(wanted) - sum(len(shard.photo_ids) for shard in shards)
    return Outcome(
        stage="embed",
        counts={
            "new vectors": sum(shard_done.embedded for shard_done in done),
            "had one already": total - len(wanted),
            "pictures not readable": len(failed),
            "without a picture": missing,
            "model": space.model,
            "precision": model.space.precision or "chosen with the first pictures",
        },
        notes=tuple(f"{photo_id}: {why}" for photo_id, why in failed[:10]),
        again=None if failed or missing else {"new vectors": 0, "had one already": total},
    )


def _here(run: Run, model: Embedder, settings: EmbedSettings, shards: Sequence[PictureShard]) -> Iterator[ShardDone]:
    """The shards one after the other, with the model that was loaded for all of them."""

    @task(name="embed shard", cache_policy=NO_CACHE, **RETRIES)
    def work(sealed: Sealed[PictureShard]) -> ShardDone:
        return embed_shard(run.warehouse, model, settings, sealed.content)

    return map(work, map(Sealed, shards))


@dataclass(frozen=True)
class Order:
    """A shard for another machine, with all that it needs to know."""

    root: str
    settings: EmbedSettings
    shard: PictureShard


@task(name="embed shard", cache_policy=NO_CACHE, **RETRIES)
def carry_out(sealed: Sealed[Order]) -> ShardDone:
    """Embed a shard on whichever machine this runs, with a model that is loaded once in each process."""
    order = sealed.content
    return embed_shard(Warehouse.open(order.root), _loaded(order.settings), order.settings, order.shard)


def _there(
    run: Run, cluster: RayEngine, settings: EmbedSettings, shards: Sequence[PictureShard]
) -> Iterator[ShardDone]:
    """The shards on the nodes of a cluster, in the order in which they are done."""
    orders = (Order(run.root, settings, shard) for shard in shards)
    return cluster.map(carry_out, orders, gpu=uses_gpu(settings))


@lru_cache(maxsize=1)
def _loaded(settings: EmbedSettings) -> Embedder:
    return make_embedder(settings)


def on_many_machines(settings: EmbedSettings) -> EmbedSettings:
    """Settings under which every node works with the same arithmetic: the fastest one differs between machines."""
    if settings.precision is not Precision.AUTO:
        return settings
    return settings.model_copy(update={"precision": Precision.FLOAT32})


def embed_shard(warehouse: Warehouse, model: Embedder, settings: EmbedSettings, shard: PictureShard) -> ShardDone:
    """Embed a shard and commit it; the same again adds nothing."""
    pictures = read_pictures(warehouse.table(PICTURES), PICTURE_VERSION, shard)
    batches = list(embed_pictures(model, pictures, workers=settings.workers or cores()))
    tables = [vector_rows(batch.photo_ids, batch.vectors, model.space) for batch in batches if batch.photo_ids]
    written = warehouse.table(EMBEDDINGS).insert(pa.concat_tables(tables)) if tables else 0
    return ShardDone(written, tuple(pair for batch in batches for pair in batch.failed))


def vector_rows(photo_ids: tuple[str, ...], vectors: Vectors, space: Space) -> pa.Table:
    """Rows of `embeddings`, built without a Python object per number."""
    count, size = vectors.shape
    lists = pa.ListArray.from_arrays(pa.array(range(0, count * size + 1, size), pa.int32()), vectors.reshape(-1))
    columns = {
        "photo_id": pa.array(photo_ids, pa.string()),
        "model": _same(space.model, count),
        "vector": lists.cast(EMBEDDINGS.schema.field("vector").type),
        "weights_sha256": _same(space.weights_sha256, count),
        "precision": _same(space.precision, count),
        "preprocessing": _same(preprocessing(space), count),
    }
    return pa.table(columns, schema=EMBEDDINGS.schema)


def preprocessing(space: Space) -> str:
    """What stands in the column: the preparation, and the picture that it starts from."""
    return f"{space.preprocessing} from {PICTURE_VERSION}"


def _same(value: str, count: int) -> pa.Array:
    return pa.array([value] * count, pa.string())


def without_vector(run: Run, space: Space) -> list[str]:
    """Representatives without a vector in the space, in order."""
    rows = run.warehouse.query(
        """SELECT photo_id FROM representatives
           ANTI JOIN (SELECT photo_id FROM embeddings WHERE model = ?) e USING (photo_id) ORDER BY photo_id""",
        [space.model],
    )
    return [str(photo_id) for photo_id in rows["photo_id"].to_pylist()]


def refuse_mixing(run: Run, space: Space) -> None:
    """Vectors of one name must come from the same weights and preparation."""
    rows = run.warehouse.query(
        "SELECT weights_sha256, preprocessing, count(*) AS n FROM embeddings WHERE model = ? GROUP BY ALL",
        [space.model],
    ).to_pylist()
    for row in rows:
        found = (row["weights_sha256"], row["preprocessing"])
        if found != (space.weights_sha256, preprocessing(space)):
            raise IntegrityFault(
                f"embeddings: {row['n']:,} vectors named '{space.model}' were made with weights "
                f"{found[0][:12] or 'none'} and '{found[1]}', this run has {space.weights_sha256[:12] or 'none'} and "
                f"'{preprocessing(space)}': spaces are never mixed; go back to those weights and "
                "settings, or name the model by its file (open_clip:MODEL@FILE), which gives it a name of its own."
            )
