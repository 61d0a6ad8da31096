"""What `datasets` reads in Parquet metadata and in the card: the features of a table.

Lists are written as ``Sequence``: `datasets` 3.6 knows no ``List``, and later versions read both.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

IMAGE_TYPE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])

VALUE_TYPES = {
    pa.string(): "string",
    pa.int64(): "int64",
    pa.int32(): "int32",
    pa.float64(): "float64",
    pa.float32(): "float32",
    pa.bool_(): "bool",
}


def feature(kind: pa.DataType) -> dict[str, Any]:
    """One column's feature, as `datasets` stores it in JSON; raises TypeError for a type that releases do not use."""
    if kind == IMAGE_TYPE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": feature(kind.value_type), "_type": "Sequence"}
    if kind not in VALUE_TYPES:
        raise TypeError(f"no dataset feature for {kind}")
    return {"dtype": VALUE_TYPES[kind], "_type": "Value"}


def yaml_feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    """One column's feature, as it stands in a card's YAML."""
    if kind == IMAGE_TYPE:
        return {"name": name, "dtype": "image"}
    if pa.types.is_list(kind):
        return {"name": name, "sequence": VALUE_TYPES[kind.value_type]}
    return {"name": name, "dtype": VALUE_TYPES[kind]}


def with_features(schema: pa.Schema) -> pa.Schema:
    """The schema with the metadata from which `datasets` knows its features without guessing."""
    info = {"info": {"features": {field.name: feature(field.type) for field in schema}}}
    return schema.with_metadata({"huggingface": json.dumps(info, sort_keys=True)})
