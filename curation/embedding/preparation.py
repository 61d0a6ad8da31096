"""From a canonical picture to a model's input, as lean as it goes while it stays what open_clip would make.

open_clip's transform decodes and resizes through Pillow and works in float32. Here libjpeg-turbo decodes
straight into an array, torch's 8-bit resize (the same filter as Pillow's, in vector instructions where the
processor has them) makes it small, and pictures stay 8 bits deep until they are on the model's device.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from PIL import Image

from schemas.errors import BadInput

WHOLE = "whole"
"""A resize mode of ours: the short side fits, nothing is cropped."""
GRID = 32
"""Long sides of whole pictures grow in steps of so many pixels: few shapes, so that pictures share a batch."""
MOST = 2.0
"""Longer pictures are squashed to this shape."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes the input of one model.

    Parameters
    ----------
    height, width : int
        Input size in pixels.
    mean, std : tuple of float
        Per channel, on the scale 0 to 1.
    interpolation : str
        bicubic or bilinear.
    resize_mode : str
        shortest (then a crop in the middle), squash, longest (then a border of `fill`), or whole (no crop: one side
        is longer than the input size says).
    fill : int
        Colour of that border.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    resize_mode: str
    fill: int = 0

    @property
    def name(self) -> str:
        """What is recorded with a vector."""
        return f"lean@2 {self.width}x{self.height} {self.resize_mode} {self.interpolation}"

    def pixels(self, picture: bytes) -> Pixels:
        """Decode, resize and crop.

        Parameters
        ----------
        picture : bytes
            An upright picture: a JPEG file, or whatever else Pillow reads.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)

        Raises
        ------
        BadInput
            It cannot be decoded.
        """
        rgb = decoded(picture)
        if self.resize_mode == WHOLE:
            return self._resized(rgb, *self.whole_size(*rgb.shape[:2]))
        if self.resize_mode == "squash":
            return self._resized(rgb, self.height, self.width)
        if self.resize_mode == "longest":
            return self._with_border(rgb)
        return self._cropped(rgb)

    def _resized(self, rgb: Pixels, height: int, width: int) -> Pixels:
        """Resize with the filter widened by the reduction, as Pillow does it."""
        planes = torch.from_numpy(rgb).permute(2, 0, 1)[None]
        mode = "bilinear" if self.interpolation == "bilinear" else "bicubic"
        small = torch.nn.functional.interpolate(planes, size=(height, width), mode=mode, antialias=True)
        return small[0].permute(1, 2, 0).numpy()

    def _cropped(self, rgb: Pixels) -> Pixels:
        """The middle of the picture after its short side fits: torchvision's Resize and CenterCrop."""
        height, width = rgb.shape[:2]
        if width / self.width <= height / self.height:
            size = (max(self.height, int(self.width * height / width)), self.width)
        else:
            size = (self.height, max(self.width, int(self.height * width / height)))
        whole = self._resized(rgb, *size)
        top, left = round((size[0] - self.height) / 2), round((size[1] - self.width) / 2)
        return whole[top : top + self.height, left : left + self.width]

    def whole_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a whole picture of some size is seen: near its own shape, on a grid."""
        tall, wide = height / self.height, width / self.width
        longer = min(max(tall, wide) / min(tall, wide), MOST)
        if wide >= tall:
            return self.height, self.width + GRID * round(self.width * (longer - 1) / GRID)
        return self.height + GRID * round(self.height * (longer - 1) / GRID), self.width

    def _with_border(self, rgb: Pixels) -> Pixels:
        height, width = rgb.shape[:2]
        ratio = max(height / self.height, width / self.width)
        size = (min(self.height, round(height / ratio)), min(self.width, round(width / ratio)))
        whole = np.full((self.height, self.width, 3), self.fill, np.uint8)
        top, left = (self.height - size[0]) // 2, (self.width - size[1]) // 2
        whole[top : top + size[0], left : left + size[1]] = self._resized(rgb, *size)
        return whole


def decoded(picture: bytes) -> Pixels:
    """Pixels of a picture, shape (height, width, 3); raises BadInput where it cannot be decoded."""
    try:
        return np.asarray(simplejpeg.decode_jpeg(picture))
    except ValueError:  # no JPEG, one in four colours, or a broken one: Pillow reads some, and says what is wrong
        try:
            with Image.open(io.BytesIO(picture)) as image:
                return np.array(image.convert("RGB"))  # a copy: torch wants to be able to write
        except (OSError, ValueError, SyntaxError) as error:
            raise BadInput("the picture cannot be decoded", got=str(error)) from error
