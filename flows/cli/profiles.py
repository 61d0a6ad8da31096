"""`salon raters import`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console import Json, Root, resolve_root, show_outcome, wants_json


def import_file(
    file: Annotated[str, typer.Argument(help="A CSV file (UTF-8; comma, semicolon or tab) or a Parquet file.")],
    rater: Annotated[str, typer.Option(help="Column that names the rater; a pseudonym is stored.")] = "rater",
    source: Annotated[
        str,
        typer.Option(help="Namespace of the names, as of import-ratings; labelstudio where they are logins there."),
    ] = "import",
    age: Annotated[
        str | None, typer.Option(help="Column of ages in years; only their band is kept, such as 25-34.")
    ] = None,
    age_band: Annotated[str | None, typer.Option(help="Column of age bands.")] = None,
    gender: Annotated[str | None, typer.Option(help="Column of the gender, as the rater says it.")] = None,
    region: Annotated[str | None, typer.Option(help="Column of the coarse region.")] = None,
    experience: Annotated[str | None, typer.Option(help="Column of the experience with photography.")] = None,
    vision: Annotated[
        str | None, typer.Option(help="Column of the vision: normal, corrected, colour-deficient.")
    ] = None,
    consent_version: Annotated[str | None, typer.Option(help="Column of the version of the consent text.")] = None,
    consented_at: Annotated[str | None, typer.Option(help="Column of the time of consent, ISO 8601.")] = None,
    panel: Annotated[str | None, typer.Option(help="Column of the panel that the rater came from.")] = None,
    completion_code: Annotated[str | None, typer.Option(help="Column of the completion code.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Take in what raters told of themselves: coarse, optional, stored under pseudonyms.

    Columns of these very names need no option. What is no coarse answer (an age band of two years, an e-mail
    address) is refused with its line. Releases show demographics only in groups of five raters and more.
    """
    from flows.import_profiles import ProfileFile, import_profiles

    asked = {
        "age_band": age_band,
        "gender": gender,
        "region": region,
        "experience": experience,
        "vision": vision,
        "consent_version": consent_version,
        "consented_at": consented_at,
        "panel": panel,
        "completion_code": completion_code,
    }
    columns = {name: column for name, column in asked.items() if column}
    request = ProfileFile(file, rater, source, columns, age)
    show_outcome(import_profiles(resolve_root(root), request), wants_json(as_json))
