"""`croissant.json`: Croissant 1.1 metadata with the RAI vocabulary."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from flows.release.biases import biases
from flows.release.citation import bibtex, title_of
from flows.release.datasheet import raters_lines, screening_lines, suggestion_lines
from flows.release.dictionary import meanings
from flows.release.wide import Axis
from warehouse.releases.features import IMAGE_TYPE

if TYPE_CHECKING:
    from flows.release.build import Material, Written

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
DATA_TYPES = {
    pa.string(): "sc:Text",
    pa.int64(): "sc:Integer",
    pa.float64(): "sc:Float",
    pa.float32(): "sc:Float",
    pa.bool_(): "sc:Boolean",
}


def croissant(
    checksums: dict[str, str], material: Material, rows: pa.Table, axes: tuple[Axis, ...], configs: list[Written]
) -> str:
    """The metadata as JSON; `checksums` holds the SHA-256 of every Parquet file, `rows` those of `default`."""
    settings = material.settings
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": material.name,
        "alternateName": title_of(material),
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "description": settings.description or f"Photos with aesthetic ratings: {material.name}.",
        "version": material.version,
        "citeAs": bibtex(material),
        "license": settings.license or "https://choosealicense.com/no-permission/",
        "url": settings.homepage or f"urn:salon:{material.name}:{material.version}",
        "creator": [{"@type": "sc:Person", "name": author} for author in settings.authors]
        or [{"@type": "sc:Organization", "name": f"The makers of {material.name}"}],
        "isLiveDataset": False,
        **rai_fields(material, rows, axes),
        "distribution": [_file(name, checksum) for name, checksum in sorted(checksums.items())]
        + [_file_set(config) for config in configs],
        "recordSet": [_record_set(config, axes) for config in configs],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def rai_fields(material: Material, rows: pa.Table, axes: tuple[Axis, ...]) -> dict[str, Any]:
    """Fields of the RAI vocabulary, filled from the data."""
    simulated = bool(material.facts.get("simulated"))
    certificate = material.facts["certificate"]
    asked = [
        f"{row['question']} ({row['scale'] or 'comparison of two photos'}): "
        + (f"“{row['wording']}”" if "wording" in row else "the wording was not recorded (imported ratings)")
        for row in material.facts.get("protocols", [])
    ]
    people = "simulated raters" if simulated else "people"
    sent = bool(material.facts.get("designs"))
    ratings = material.tables.get("ratings")
    raters = len(ratings["rater_id"].unique()) if ratings is not None else None
    return {
        "rai:dataCollection": "Photos were taken in from the sources of the dataset's makers, near copies were "
        "grouped, and filters decided which photos were rated; METHODS.md tells the numbers.",
        "rai:dataCollectionType": ["Existing datasets" if not sent else "Manual Human Curator"],
        "rai:dataPreprocessingProtocol": [
            "Metadata was removed from the pictures without touching a pixel; formats that readers may not open were "
            "converted and say so (image_kind). Near copies were grouped by perceptual hashes and verified."
        ],
        "rai:dataAnnotationProtocol": f"Ratings by {people}. Asked: {'; '.join(asked) or 'not recorded'}.",
        "rai:dataAnnotationAnalysis": [f"Scores by the method {material.facts['method']}, with 95 % intervals; plain "
                                       "means and every single rating stand beside them.",
                                       *screening_lines(material, axes)[-1:]],
        "rai:personalSensitiveInformation": ["Pseudonyms of raters; coarse traits only in groups of "
                                             f"{material.settings.k_anonymity} and more raters."],
        "rai:dataLimitations": [f"{certificate['groups']} independent groups of photos; scores hold for the raters who "
                                "rated, and not for people in general."],
        "rai:annotationsPerItem": f"{axes[0].ratings / max(rows.num_rows, 1):.1f} on average"
        + (f", by {raters} raters" if raters is not None else ""),
        "rai:annotatorDemographics": raters_lines(material) or ["not known"],
        "rai:dataAnnotationPlatform": ["Label Studio" if sent else "not recorded (imported ratings)"],
        "rai:dataBiases": [*suggestion_lines(material),
                           *([bias.sentence for bias in biases(rows)] or ["too few photos to measure any"])],
        "rai:dataUseCases": ["Aesthetic quality models, personal taste, studies of agreement between raters."],
        "rai:dataReleaseMaintenancePlan": "Versions never change; a withdrawn version leaves a tombstone and has a "
        "redacted successor.",
    }  # fmt: skip


def _file(name: str, checksum: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "encodingFormat": "application/x-parquet",
        "sha256": checksum,
    }


def _file_set(config: Written) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-of-{config.name}",
        "encodingFormat": "application/x-parquet",
        "includes": f"{config.folder}/*.parquet",
    }


def _record_set(config: Written, axes: tuple[Axis, ...]) -> dict[str, Any]:
    told = dict(meanings(config.name, config.schema.names, axes))
    fields = [_field(config, column, told[column.name]) for column in config.schema]
    return {"@type": "cr:RecordSet", "@id": config.name, "name": config.name, "field": fields}


def _field(config: Written, column: pa.Field, meaning: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": f"files-of-{config.name}"}, "extract": {"column": column.name}}
    kind = column.type
    found: dict[str, Any] = {"@type": "cr:Field", "@id": f"{config.name}/{column.name}", "name": column.name}
    if meaning:
        found["description"] = meaning
    if kind == IMAGE_TYPE:
        source["transform"] = {"jsonPath": "bytes"}
        found["dataType"] = "sc:ImageObject"
    elif pa.types.is_list(kind):
        found.update(dataType=DATA_TYPES[kind.value_type], repeated=True)
    else:
        found["dataType"] = DATA_TYPES[kind]
    found["source"] = source
    return found
