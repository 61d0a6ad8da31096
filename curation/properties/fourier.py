"""Slopes of the Fourier spectrum, in the three ways of the field, and the spectrum's deviation from a line.

References
----------
C. Redies, J. Hasenstein and J. Denzler, Fractal-like image statistics in visual art: similarity to natural
scenes, Spatial Vision 21, 2007 (slope and sigma of power). Z. J. Isherwood and others, Nice and slow, Vision
Research 181, 2021 (Spehar's group: slope of amplitude without outliers). G. Mather, Visual image statistics in
the history of Western art, 2018 (slope of amplitude of lightness).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.fft
from PIL import Image

from curation.compiled import compiled

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Gray = npt.NDArray[np.uint8]

SIDE = 1024
"""Redies: side of the square on which the picture is laid."""
CYCLES = (10, 256)
"""Redies: cycles per picture from and to which the line is fitted."""
BIN = 2


@dataclass(frozen=True)
class FourierStatistics:
    """Slopes (about -4 to 0; Redies of power, the others of amplitude), and the mean squared residual (log10)."""

    slope_redies: float
    sigma: float
    slope_spehar: float
    slope_mather: float


def fourier_statistics(gray: Image.Image, lightness: Singles) -> FourierStatistics:
    """Spectral statistics.

    Parameters
    ----------
    gray : PIL.Image.Image
        8-bit luma, mode L.
    lightness : ndarray of float32, shape (height, width)
        CIELAB's L*, 0 to 100.
    """
    slope, sigma = _redies(gray)
    return FourierStatistics(slope, sigma, _spehar(np.asarray(gray)), _mather(lightness))


def radial_mean(values: Singles, power: bool) -> Floats:
    """Mean amplitude or power of a square's spectrum at each whole distance from its centre, up to half the side."""
    spectrum = scipy.fft.rfft2(values)
    squared = spectrum.real**2 + spectrum.imag**2
    return np.asarray(_rings(squared if power else np.sqrt(squared)))


@compiled
def _rings(half: npt.NDArray[np.float32]) -> Floats:
    """Means over rings of a square's spectrum, of which columns from frequency 0 up are given."""
    side = half.shape[0]
    most = half.shape[1] - 1
    total, count = np.zeros(most + 1), np.zeros(most + 1)
    for row in range(side):
        y = row if row < side // 2 else row - side
        if y > most or y < -most:
            continue
        for x in range(most + 1):
            ring = int(np.sqrt(np.float32(y * y + x * x)) + np.float32(0.5))
            if ring <= most:
                # Columns of negative frequency mirror those of positive frequency.
                twice = 1.0 if x == 0 or 2 * x == side else 2.0
                total[ring] += twice * half[row, x]
                count[ring] += twice
    return total / count


def _redies(gray: Image.Image) -> tuple[float, float]:
    width, height = gray.size
    # The mean of the picture as it came, not of the enlarged one, fills the square: as the reference has it.
    fill = float(np.round(np.asarray(gray).mean()))
    scale = SIDE / max(width, height)
    large = np.asarray(gray.resize((int(width * scale), int(height * scale)), Image.Resampling.LANCZOS))
    # Where on the square the picture lies changes phases alone, and the fill's level the mean alone: neither counts.
    across = scipy.fft.rfft(large.astype(np.float32) - np.float32(fill), n=SIDE, axis=1)
    spectrum = scipy.fft.fft(across[:, : CYCLES[1] + 1], n=SIDE, axis=0)
    power = _rings((spectrum.real**2 + spectrum.imag**2).astype(np.float32))
    first, last = CYCLES[0], min(CYCLES[1], len(power))
    bins = int(np.ceil((last - first) / BIN))
    edges = np.floor(10 ** (np.log10(first) + np.arange(bins + 1) * (np.log10(last) - np.log10(first)) / bins))
    x, y = [], []
    for start, end in zip(edges[:-1].astype(int), np.minimum(edges[1:].astype(int), len(power)), strict=True):
        x.append((start + end) / 2)
        y.append(power[start - 1 : end].mean())
    slope, offset = np.polyfit(np.log10(x), np.log10(np.maximum(y, 1e-12)), 1)
    used = np.arange(first, last + 1)
    residual = slope * np.log10(used) + offset - np.log10(np.maximum(power[used - 1], 1e-12))
    return float(slope), float(residual.var())


def _centred_square(values: npt.NDArray[np.generic], side: int) -> Singles:
    top, left = values.shape[0] // 2 - side // 2, values.shape[1] // 2 - side // 2
    return values[top : top + side, left : left + side].astype(np.float32)


def _power_of_two(values: npt.NDArray[np.generic]) -> int:
    return int(2 ** int(np.log2(min(values.shape))))


def _spehar(gray: Gray) -> float:
    """Slope of log amplitude over log frequency, without frequencies that pull a straight line at them."""
    even = gray[: gray.shape[0] // 2 * 2, : gray.shape[1] // 2 * 2]
    side = even.shape[0] if even.shape[0] == even.shape[1] else _power_of_two(even)
    amplitude = radial_mean(_centred_square(even, side), power=False)
    x = np.arange(1, side // 2 + 1, dtype=np.float64)
    y = amplitude[1 : side // 2 + 1]
    kept = (_cooks_distance(x, y) <= 4 / len(x)) & (y > 0)
    return float(np.polyfit(np.log(x[kept]), np.log(y[kept]), 1)[0]) if kept.sum() > 1 else 0.0


def _cooks_distance(x: Floats, y: Floats) -> Floats:
    """How much each point moves a straight line fitted to all (R. D. Cook, 1977)."""
    slope, offset = np.polyfit(x, y, 1)
    residual = y - slope * x - offset
    deviation = x - x.mean()
    leverage = 1 / len(x) + deviation**2 / (deviation**2).sum()
    variance = (residual**2).sum() / (len(x) - 2)
    if variance == 0:
        return np.zeros(len(x))
    return np.asarray(residual**2 / (2 * variance) * leverage / (1 - leverage) ** 2)


def _mather(lightness: Singles) -> float:
    side = _power_of_two(lightness)
    whole = np.floor(lightness / np.float32(100) * np.float32(255))
    power = radial_mean(_centred_square(whole, side) / np.float32(255), power=True)
    first, last = round(side / 2 / 25), round(side / 4)
    frequency = np.arange(side // 2 + 1)[first - 1 : last]
    used = power[first - 1 : last]
    used, frequency = used[frequency > 0], frequency[frequency > 0]
    return float(np.polyfit(np.log(frequency), np.log(np.maximum(used, 1e-30)), 1)[0] / 2)
