"""Copies of photos as people make them, harder than those on which the second look was calibrated; seeded."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from scipy import ndimage

Edit = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    """A JPEG file."""
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def compressed(quality: int) -> Edit:
    """Saved at a JPEG quality."""
    return lambda picture, _: Image.open(io.BytesIO(jpeg(picture, quality)))


def cropped(share: float) -> Edit:
    """Less a share of width and height in all, taken from the sides at random."""

    def edit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        width, height = picture.size
        left, top = rng.random(2) * share
        right, bottom = left + 1 - share, top + 1 - share
        return picture.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))

    return edit


def gamma(power: float) -> Edit:
    """Tones raised to a power: below 1 brighter."""
    table = [round(255 * (value / 255) ** power) for value in range(256)] * 3
    return lambda picture, _: picture.point(table)


def rotated(degrees: float) -> Edit:
    """Turned to a random side, cropped so that no corner is empty."""

    def edit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        turned = picture.rotate(degrees * rng.choice([-1, 1]), Image.Resampling.BICUBIC)
        width, height = picture.size
        lost = np.tan(np.deg2rad(degrees)) / 2
        x, y = lost * height, lost * width
        return turned.crop((round(x), round(y), round(width - x), round(height - y)))

    return edit


def framed(down: float, across: float, colour: tuple[int, int, int]) -> Edit:
    """Bars above and below, and beside, each of a share of the height and of the width."""

    def edit(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        x, y = round(across * picture.width), round(down * picture.height)
        frame = Image.new("RGB", (picture.width + 2 * x, picture.height + 2 * y), colour)
        frame.paste(picture, (x, y))
        return frame

    return edit


def lettered(picture: Image.Image, text: str, place: tuple[float, float], size: float, opacity: int) -> Image.Image:
    """Text laid over a picture at a place given in shares of its sides."""
    out = picture.copy()
    draw = ImageDraw.Draw(out, "RGBA")
    font = ImageFont.load_default(round(size * min(out.size)))
    draw.text((place[0] * out.width, place[1] * out.height), text, font=font, fill=(255, 255, 255, opacity))
    return out


def corner_mark(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A photographer's mark in a corner."""
    return lettered(picture, f"© A. Photographer {rng.integers(99)}", (0.4, 0.88), 0.07, 200)


def centre_mark(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """An agency's mark across the middle."""
    return lettered(picture, "SAMPLE", (0.15, 0.38), 0.28, 130)


def tiled_mark(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """A mark over all of the picture."""
    for row in range(4):
        for column in range(3):
            picture = lettered(picture, "preview", (0.02 + column / 3, 0.05 + row / 4), 0.09, 120)
    return picture


def caption(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """A caption on a dark bar over the lowest eighth."""
    out = picture.copy()
    ImageDraw.Draw(out).rectangle((0, round(0.87 * out.height), *out.size), fill=(20, 20, 20))
    return lettered(out, "what a day this was", (0.05, 0.885), 0.07, 255)


def on_a_screen(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A screenshot: the picture in the window of a viewer, with bars and buttons."""
    width, height = picture.size
    shot = Image.new("RGB", (round(1.25 * width), round(1.35 * height)), (32, 33, 36))
    shot.paste(picture, (round(0.05 * width), round(0.15 * height)))
    draw = ImageDraw.Draw(shot)
    draw.rectangle((0, 0, shot.width, round(0.06 * height)), fill=(60, 64, 67))
    for place in range(6):
        x = round((1.1 + 0.02 * rng.random()) * width)
        y = round((0.2 + 0.15 * place) * height)
        draw.rectangle((x, y, x + round(0.1 * width), y + round(0.04 * height)), fill=(200, 200, 205))
    return shot


def retouched(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Three spots of a tenth of the height smoothed away."""
    soft, mask = picture.filter(ImageFilter.GaussianBlur(12)), Image.new("L", picture.size)
    for x, y in rng.random((3, 2)):
        radius = 0.05 * picture.height
        centre = (x * picture.width, y * picture.height)
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        ImageDraw.Draw(mask).ellipse(box, fill=255)
    return Image.composite(soft, picture, mask.filter(ImageFilter.GaussianBlur(2)))


def tinted(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Channels scaled by up to a third each, as a filter of a phone does."""
    gains = rng.uniform(0.67, 1.33, 3)
    return Image.fromarray(np.clip(np.asarray(picture, np.float32) * gains, 0, 255).astype(np.uint8))


def faded(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Low contrast, raised blacks, little colour: the look of an old print."""
    return ImageEnhance.Color(ImageEnhance.Contrast(picture).enhance(0.5)).enhance(0.4)


def noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Gaussian noise of 20 gray levels."""
    pixels = np.asarray(picture, np.float32) + rng.normal(0, 20, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def squeezed(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Another aspect ratio, a fifth narrower."""
    return picture.resize((round(0.8 * picture.width), picture.height))


def reduced(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """A quarter of the size."""
    return picture.resize((picture.width // 4, picture.height // 4))


def shared(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Several at once, as a photo that has gone around: cropped a little, brightened, reduced, quality 40."""
    less = gamma(0.8)(cropped(0.04)(picture, rng), rng)
    return compressed(40)(less.resize((2 * less.width // 3, 2 * less.height // 3)), rng)


def mirrored(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    """Left and right exchanged."""
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def elsewhere(share: float) -> Edit:
    """Each part moved by about a share of the size in its own direction: another place to stand."""

    def edit(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        pixels = np.asarray(picture, np.float32)
        height, width = pixels.shape[:2]
        side = min(height, width)
        fields = [ndimage.gaussian_filter(rng.normal(size=(height, width)), 0.15 * side) for _ in range(2)]
        y, x = np.mgrid[0:height, 0:width]
        moved = [axis + share * side * field / field.std() for axis, field in zip((y, x), fields, strict=True)]
        planes = [ndimage.map_coordinates(pixels[..., c], moved, order=1, mode="reflect") for c in range(3)]
        return Image.fromarray(np.stack(planes, -1).astype(np.uint8))

    return edit


def subject_moved(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The middle of the picture, a third of its sides, moved by 4 to 8 % before an unmoved background."""
    width, height = picture.size
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((width // 3, height // 3, 2 * width // 3, 2 * height // 3), fill=255)
    shift = (round(width * rng.uniform(0.04, 0.08)), round(height * rng.uniform(-0.04, 0.04)))
    out = picture.copy()
    out.paste(picture, shift, mask.filter(ImageFilter.GaussianBlur(3)))
    return out


COPIES: Mapping[str, Edit] = {
    "JPEG quality 20": compressed(20),
    "JPEG quality 5": compressed(5),
    "a quarter of the size": reduced,
    "gamma 0.45": gamma(0.45),
    "gamma 2.2": gamma(2.2),
    "tint of a filter": tinted,
    "faded": faded,
    "noise": noisy,
    "retouched": retouched,
    "mark in a corner": corner_mark,
    "mark across the middle": centre_mark,
    "mark over all": tiled_mark,
    "caption on a bar": caption,
    "letterbox 15 %": framed(0.15, 0, (0, 0, 0)),
    "white border 6 %": framed(0.06, 0.06, (255, 255, 255)),
    "pillarbox 25 %": framed(0, 0.25, (0, 0, 0)),
    "screenshot of a viewer": on_a_screen,
    "squeezed by a fifth": squeezed,
    "rotated by 1°": rotated(1),
    "rotated by 2°": rotated(2),
    "rotated by 4°": rotated(4),
    "cropped by 5 %": cropped(0.05),
    "cropped by 10 %": cropped(0.10),
    "cropped by 15 %": cropped(0.15),
    "several at once": shared,
}
OTHERS: Mapping[str, Edit] = {
    "simulated: seen from elsewhere, 1 %": elsewhere(0.01),
    "simulated: seen from elsewhere, 3 %": elsewhere(0.03),
    "simulated: the subject moved": subject_moved,
}
