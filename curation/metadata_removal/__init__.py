"""Metadata removal that never touches a pixel: JPEG segments, PNG chunks and WebP chunks, by an allow-list.

What decoding needs stays (pixel data, tables, colour profile, Adobe's colour transform); everything else
goes: EXIF, XMP, IPTC, comments, maker notes, thumbnails, second pictures, gain maps, and whatever follows the end
of the picture. An orientation other than upright is written anew, as the only tag of a fresh EXIF block.
"""

from curation.metadata_removal.clean import LOSSLESS, Cleaned, cleaned, lossless_format

__all__ = ["LOSSLESS", "Cleaned", "cleaned", "lossless_format"]
