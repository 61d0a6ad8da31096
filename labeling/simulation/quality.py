"""What a simulated rater likes: a photo's traits, from its image properties, and a latent quality made of them.

It is a plausible quantity, not a finding: colourful, contrasty, sharp photos of middling brightness come out
higher, and half of the variance is explained by nothing that was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from labeling.selection.pool import Floats, permanent_numbers

TRAITS: tuple[tuple[str, float, float], ...] = (
    ("brightness", 0.5, 0.15),
    ("contrast", 20.0, 7.0),
    ("colorfulness", 35.0, 20.0),
    ("saturation", 0.35, 0.2),
    ("sharpness", 6.5, 1.5),
    ("entropy", 7.0, 0.6),
)
"""Property, and the centre and scale that make it a trait: fixed, so that no photo's traits depend on others."""

LOGARITHMIC = "sharpness"
WEIGHTS = np.array([0.0, 0.35, 0.45, 0.1, 0.3, 0.15])
DARK_OR_LIGHT = 0.3
MEASURED_SHARE = 0.5


def traits(properties: Mapping[str, Floats], count: int) -> Floats:
    """Standardised properties, shape (count, 6), clipped to ± 3; 0 where not measured."""
    columns = []
    for name, centre, scale in TRAITS:
        values = np.asarray(properties.get(name, np.full(count, np.nan)), dtype=np.float64)
        if name == LOGARITHMIC:
            values = np.log1p(np.maximum(values, 0))
        columns.append(np.nan_to_num(np.clip((values - centre) / scale, -3, 3)))
    return np.stack(columns, axis=1)


def latent_quality(photo_ids: Sequence[str], features: Floats, seed: str) -> Floats:
    """Latent quality of each photo, about normal with mean 0 and variance 1.

    Parameters
    ----------
    photo_ids : sequence of str
        n photos.
    features : ndarray of float64, shape (n, 6)
        From `traits`.
    seed : str
        Decides the part that no property explains.
    """
    measured = features @ WEIGHTS - DARK_OR_LIGHT * (features[:, 0] ** 2 - 1)
    measured /= np.sqrt((WEIGHTS**2).sum() + 2 * DARK_OR_LIGHT**2)
    unexplained = stats.norm.ppf(permanent_numbers(photo_ids, f"{seed}/quality"))
    return np.asarray(np.sqrt(MEASURED_SHARE) * measured + np.sqrt(1 - MEASURED_SHARE) * unexplained)


def quality_of_scores(shares: Floats) -> Floats:
    """Given scores as latent quality: the middle of the scale is 0, a fifth of its range is 1.

    Parameters
    ----------
    shares : ndarray of float64, shape (n,)
        Scores as shares of their scale: 0 is its lower, 1 its upper end.
    """
    return (shares - 0.5) * 5
