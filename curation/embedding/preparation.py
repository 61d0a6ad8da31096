"""From a canonical picture to a model's input, as lean as it goes while it stays what open_clip would make.

open_clip's transform decodes all pixels, resizes all of them, crops, and works in float32. Here the JPEG is
decoded at the smallest scale that is large enough, only the part that survives the crop is resized, and
pictures stay 8 bits deep until they are on the model's device.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from schemas.errors import BadInput

Pixels = npt.NDArray[np.uint8]
FAITHFUL_MARGIN = 3.0


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
        shortest (then a crop in the middle), squash, or longest (then a border of `fill`).
    fill : int
        Colour of that border.
    margin : float
        A picture is decoded at a reduced scale where at least so many times the input's size is left. At 3,
        vectors keep cosine .9999 to open_clip's own transform; at 1 a convolutional tower's keep .997 only.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str
    resize_mode: str
    fill: int = 0
    margin: float = FAITHFUL_MARGIN

    @property
    def name(self) -> str:
        """What is recorded with a vector."""
        reduced = " reduced" if self.margin < FAITHFUL_MARGIN else ""
        return f"lean@1 {self.width}x{self.height} {self.resize_mode} {self.interpolation}{reduced}"

    def pixels(self, picture: bytes) -> Pixels:
        """Decode, resize and crop.

        Parameters
        ----------
        picture : bytes
            A JPEG file, upright.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)

        Raises
        ------
        BadInput
            It cannot be decoded.
        """
        try:
            with Image.open(io.BytesIO(picture)) as image:
                self._draft(image)
                rgb = image.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise BadInput("the picture cannot be decoded", got=str(error)) from error
        if self.resize_mode == "squash":
            return np.asarray(rgb.resize((self.width, self.height), self._filter))
        if self.resize_mode == "longest":
            return self._with_border(rgb)
        return np.asarray(rgb.resize((self.width, self.height), self._filter, box=self._crop(rgb.size)))

    @property
    def _filter(self) -> Image.Resampling:
        return Image.Resampling.BILINEAR if self.interpolation == "bilinear" else Image.Resampling.BICUBIC

    def _draft(self, image: Image.Image) -> None:
        """Let libjpeg decode at 1/2, 1/4 or 1/8 where enough is left."""
        if image.format == "JPEG" and image.mode == "RGB" and self.resize_mode == "shortest":
            image.draft("RGB", (math.ceil(self.width * self.margin), math.ceil(self.height * self.margin)))

    def _crop(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """The part of the picture that survives torchvision's resize and crop, in the picture's pixels."""
        width, height = size
        if width / self.width <= height / self.height:
            resized = (self.width, max(self.height, int(self.width * height / width)))
        else:
            resized = (max(self.width, int(self.height * width / height)), self.height)
        left = round((resized[0] - self.width) / 2)
        top = round((resized[1] - self.height) / 2)
        x, y = width / resized[0], height / resized[1]
        return (
            left * x,
            top * y,
            min((left + self.width) * x, float(width)),
            min((top + self.height) * y, float(height)),
        )

    def _with_border(self, rgb: Image.Image) -> Pixels:
        ratio = max(rgb.height / self.height, rgb.width / self.width)
        size = (min(self.width, round(rgb.width / ratio)), min(self.height, round(rgb.height / ratio)))
        whole = Image.new("RGB", (self.width, self.height), (self.fill,) * 3)
        whole.paste(rgb.resize(size, self._filter), ((self.width - size[0]) // 2, (self.height - size[1]) // 2))
        return np.asarray(whole)
