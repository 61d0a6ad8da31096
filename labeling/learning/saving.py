"""A head as a file: an .npz of plain arrays, with a JSON text inside that says what it belongs to.

A linear head has the arrays `weight` (1, d) and `bias` (1,), as LAION's heads have; a kernel head has
`landmarks` (m, d), `rate` and `dual` (m,) instead: score = bias + sum over landmarks of dual exp(-rate |x - l|^2).
These alone give the score; the other arrays give uncertainty and histograms. Nothing is ever unpickled.
"""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np

from labeling.learning.heads import Head, HeadKind
from labeling.learning.kernel import KernelMap
from labeling.learning.ridge import Ridge
from schemas.errors import BadInput

FORMAT = "salon-head@2"
RIDGE = ("centre", "coefficients", "intercept", "basis", "shrinkage", "noise")
EPOCH = (1980, 1, 1, 0, 0, 0)


def to_bytes(head: Head) -> bytes:
    """The head as the bytes of an .npz file; equal heads give equal bytes."""
    ridge = head.ridge
    arrays: dict[str, np.typing.NDArray[np.generic]] = {
        "centre": ridge.centre,
        "coefficients": ridge.coefficients,
        "intercept": ridge.intercept,
        "basis": ridge.basis.astype(np.float32),
        "shrinkage": ridge.weight,
        "noise": ridge.noise,
    }
    first = ridge.coefficients[:, 0]
    bias = ridge.intercept[0] - float(ridge.centre @ first)
    if head.features is None:
        arrays |= {"weight": first[None, :], "bias": np.array([bias])}
    else:
        arrays |= {
            "landmarks": np.asarray(head.features.landmarks),
            "rate": np.array([head.features.rate]),
            "whitening": head.features.whitening,
            "dual": head.features.whitening @ first,
            "bias": np.array([bias]),
        }
    about = {
        "format": FORMAT,
        "kind": head.kind.value,
        "calibration": head.calibration,
        "strength": ridge.strength,
        "freedom": ridge.freedom,
        "criterion": ridge.criterion,
        "rows": ridge.rows,
        "about": head.about,
    }
    arrays["about"] = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", EPOCH), member.getvalue())
    return out.getvalue()


def from_bytes(content: bytes, where: str = "") -> Head:
    """Read a head that `to_bytes` wrote.

    Raises
    ------
    BadInput
        It is no head of Salon's, or arrays are missing.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        about = json.loads(arrays["about"].tobytes())
        if about["format"] != FORMAT:
            raise BadInput(
                "this head is of another format",
                where=where,
                expected=FORMAT,
                got=str(about["format"]),
                todo="Train it again with salon learn.",
            )
        ridge = Ridge(
            centre=arrays["centre"],
            coefficients=arrays["coefficients"],
            intercept=arrays["intercept"],
            strength=about["strength"],
            basis=arrays["basis"].astype(np.float64),
            weight=arrays["shrinkage"],
            noise=arrays["noise"],
            freedom=about["freedom"],
            criterion=about["criterion"],
            rows=about["rows"],
        )
        kind = HeadKind(about["kind"])
        features = None
        if kind is HeadKind.KERNEL:
            features = KernelMap(arrays["landmarks"], float(arrays["rate"].item()), arrays["whitening"])
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        # numpy's own sentence about a file of another kind advises to load pickles.
        got = "a file of another kind" if "pickle" in str(error) else str(error)[:200]
        raise BadInput(
            "this is no head", where=where, expected=f"an .npz of {FORMAT} that salon learn wrote", got=got
        ) from error
    return Head(kind, ridge, features, about["calibration"], about["about"])
