"""Commands on releases: `publish`, `approve`, `diff`, `verify`, `trace`, `takedown`, `push`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import OUT, Json, Root, need, print_json, resolve_root, show_outcome, wants_json
from schemas.errors import IntegrityFault

Name = Annotated[str, typer.Argument(help="Name of the dataset.")]


def publish(
    name: Name,
    draft: Annotated[
        bool, typer.Option("--draft", help="Make a draft, which `salon approve` makes a version.")
    ] = False,
    bump: Annotated[
        str, typer.Option(help="major, minor or patch: more than the difference asks for, never less.")
    ] = "",
    resplit: Annotated[
        bool, typer.Option("--resplit", help="Draw all splits anew, in a major version: photos change their split.")
    ] = False,
    rebuild: Annotated[
        str, typer.Option(help="Make this version again from its own inputs, and prove that its bytes are the same.")
    ] = "",
    to: Annotated[str, typer.Option(help="With --rebuild: keep the result in this folder.")] = "",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Make the next version of a dataset, with pictures, scores, ratings, card and checksums.

    With nothing new it says `nothing has changed since VERSION` and makes nothing. A gate that is not reached
    refuses the release: exit code 3, with by how much and what would mend it.
    """
    from flows.runtime import run_flow

    need(rebuild or not to, "--to says where --rebuild puts its result; it means nothing without it.")
    if rebuild:
        from flows.context import open_run
        from flows.release.rebuild import rebuild as make_again

        show_outcome(make_again(open_run(resolve_root(root)), name, rebuild, to), wants_json(as_json))
        return
    outcome = run_flow(
        "flows.publish:publish", root=resolve_root(root), name=name, draft=draft, bump=bump, resplit=resplit
    )
    show_outcome(outcome, wants_json(as_json))


def approve(
    name: Name,
    version: Annotated[str, typer.Argument(help="Version of the draft.")],
    by: Annotated[str, typer.Option(help="Who approves; else the name of the account on this machine.")] = "",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Make a draft of a scheduled publish a version; who approved it is kept with the gates it passed."""
    import getpass

    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.publish:approve", root=resolve_root(root), name=name, version=version, by=by or getpass.getuser()
    )
    show_outcome(outcome, wants_json(as_json))


def diff(
    name: Name,
    before: Annotated[str, typer.Argument(help="The earlier version.")],
    after: Annotated[str, typer.Argument(help="The later version, or a draft.")],
    predictions: Annotated[
        str, typer.Option(help="A CSV or Parquet file with photo_id and score: its SRCC and PLCC with both versions.")
    ] = "",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Tell what changed between two versions: photos, ratings, raters, and scores that left their interval."""
    from flows.release_diff import diff as stage

    show_outcome(stage(resolve_root(root), name, before, after, predictions), wants_json(as_json))


def verify(
    path: Annotated[str, typer.Argument(help="Folder of a release, or its s3:// or gs:// address.")],
    as_json: Json = False,
) -> None:
    """Check every checksum, schema, row count and the splits of a release; needs nothing but the release.

    Each fault is named with its file; exit code 1 where there is one.
    """
    from warehouse.releases.shelf import fetched
    from warehouse.releases.verify import verify as prove

    with fetched(path) as folder:
        proof = prove(folder)
    if wants_json(as_json):
        print_json({"release": str(path), "files": proof.files, "rows": proof.rows, "faults": proof.faults})
    else:
        for fault in proof.faults:
            OUT.print(fault, soft_wrap=True)
    if proof.faults:
        raise IntegrityFault(f"{path}: {len(proof.faults)} faults; this is not the release that was published.")
    if not wants_json(as_json):
        OUT.print(f"{path}: {proof.files} files and {proof.rows:,} rows are as they were published.", soft_wrap=True)


def takedown(
    photos: Annotated[list[str] | None, typer.Argument(help="photo_ids, URIs or file names.")] = None,
    rater: Annotated[str, typer.Option(help="A rater's pseudonym in the table ratings, instead of photos.")] = "",
    reason: Annotated[str, typer.Option(help="Why; it stands in the tombstone.")] = "",
    prove: Annotated[
        bool, typer.Option("--prove", help="Only list each place: erased, not held, or out of reach with what to do.")
    ] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Erase photos, or a rater's votes, from every version and every place within reach.

    Versions that held them are withdrawn (bytes deleted, a tombstone stays) and the newest gets a redacted
    successor; tables lose the rows and their history; ingest refuses the photos and near copies from now on.
    """
    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.takedown:takedown",
        root=resolve_root(root),
        photos=list(photos or []),
        rater=rater,
        reason=reason,
        prove=prove,
    )
    show_outcome(outcome, wants_json(as_json))


def push(
    name: Name,
    version: Annotated[str, typer.Argument(help="The version.")],
    target: Annotated[str, typer.Argument(help="OWNER/NAME on the Hugging Face Hub, or an address such as s3://...")],
    public: Annotated[bool, typer.Option("--public", help="A repository made for it is public; else private.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Push a version to the Hub, with a tag of its own, or to any address that fsspec knows.

    The token comes from HF_TOKEN. The same push again resumes: what has arrived is not sent twice. A version that
    is damaged, or that holds photos without a known licence, is not pushed.
    """
    from flows.runtime import run_flow

    outcome = run_flow(
        "flows.push:push", root=resolve_root(root), name=name, version=version, target=target, private=not public
    )
    show_outcome(outcome, wants_json(as_json))


def trace(
    photo: Annotated[str, typer.Argument(help="photo_id (8 digits do), URI, file name, or PHOTO_ID.jpg of a release.")],
    page: Annotated[bool, typer.Option("--page", help="Write a page under reports/ as well.")] = False,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Walk one photo from the raw file to every release: sightings, near copies, each rule's decision, batches,
    ratings, scores and versions."""
    from flows.trace import page as write_page
    from flows.trace import readable
    from flows.trace import trace as walk

    found = walk(resolve_root(root), photo)
    outcome = write_page(resolve_root(root), found) if page else None
    if wants_json(as_json):
        print_json(found)
        return
    for step, rows in found.items():
        if step == "photo_id":
            OUT.print(f"photo {rows}", style="bold")
            continue
        OUT.print(step if rows else f"{step}: nothing", style="bold" if rows else None)
        for row in rows:
            told = {name: readable(value) for name, value in row.items()}
            known = [f"{name} {value}" for name, value in told.items() if value not in (None, "")]
            OUT.print("  " + " · ".join(known), soft_wrap=True)
    if outcome:
        OUT.print(f"page: {outcome.files['page']}", soft_wrap=True)
