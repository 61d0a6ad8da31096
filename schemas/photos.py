"""Records of the curation half: photos and what is known, measured and decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from schemas.columns import TableSpec, column


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One content: equal bytes are one photo, wherever they were seen."""

    photo_id: str = column("sha256 of the file's bytes, 64 lower-case hex digits")
    uri: str = column("where it was first seen", arrival=True)
    source: str = column("the source given to ingest", arrival=True)
    format: str = column("true format in lower case, by content: jpeg, png, webp, avif, heif, tiff, gif, raw, ...")
    bytes: int = column("size of the file in bytes")
    width: int = column("width of the upright picture in pixels")
    height: int = column("height of the upright picture in pixels")
    mode: str = column("Pillow's mode of the stored pixels, such as RGB, L, CMYK")
    orientation: int = column("EXIF orientation 1 to 8; 1 is upright")
    icc_profile: str | None = column("description of the embedded colour profile", optional=True)
    has_gps: bool = column("the file holds a location")
    captured_at: datetime | None = column("capture time; in UTC where the zone is known", optional=True)
    captured_offset_minutes: int | None = column("zone of the capture time, minutes east of UTC", optional=True)
    camera_make: str | None = column("maker of the camera", optional=True)
    camera_model: str | None = column("model of the camera", optional=True)
    lens: str | None = column("model of the lens", optional=True)
    focal_length_mm: float | None = column("focal length in millimetres", optional=True)
    f_number: float | None = column("aperture", optional=True)
    exposure_s: float | None = column("exposure time in seconds", optional=True)
    iso: int | None = column("sensitivity", optional=True)
    photographer: str | None = column("creator, from the source's columns or the file", optional=True)
    copyright: str | None = column("copyright notice found in the file", optional=True)
    license: str | None = column("licence, from the source's columns or the file; never assumed", optional=True)
    star_rating: int | None = column("the photographer's own rating, 0 to 5", optional=True)
    has_gain_map: bool = column("the file carries an HDR gain map beside its base picture")
    opt_out: str | None = column("the signal found that forbids use, in its own words", optional=True)
    digital_source_type: str | None = column("IPTC digital source type, such as trainedAlgorithmicMedia", optional=True)
    latitude: float | None = column("degrees; only where the settings keep locations", optional=True)
    longitude: float | None = column("degrees; only where the settings keep locations", optional=True)
    warnings: list[str] = column("what was odd about the file, as codes")
    simulated: bool = column("made by Salon's demo from another picture; not a photo that a person took")
    ingested_at: datetime = column("when it was taken in", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """One place where a photo was seen: a file name or URI finds its photo here."""

    uri: str = column("path or address")
    photo_id: str = column("the photo seen there")
    file_name: str = column("last part of the URI, unquoted")
    source: str = column("the source given to ingest")
    size: int = column("size in bytes as listed; -1 where unknown")
    modified_at: datetime = column("modification time as listed; 1970-01-01 where unknown")
    etag: str = column("the object store's tag or version; empty where there is none")
    license: str | None = column("licence as the source says it there", optional=True)
    photographer: str | None = column("photographer as the source says it there", optional=True)
    seen_at: datetime = column("when it was seen", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The canonical picture: upright, sRGB, short side 512 px or the original's if smaller."""

    photo_id: str = column("the photo")
    version: str = column("how it was made, such as canonical@1")
    width: int = column("pixels")
    height: int = column("pixels")
    bytes: bytes = column("a JPEG file without metadata")


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A file that is not taken as a photo, with the reason."""

    uri: str = column("path or address")
    size: int = column("size in bytes as listed; -1 where unknown")
    modified_at: datetime = column("modification time as listed; 1970-01-01 where unknown")
    reason: str = column("a code of QuarantineReason")
    detail: str = column("what exactly, in a sentence for people")
    photo_id: str | None = column("sha256 of the bytes, where they could be read", optional=True)
    seen_at: datetime = column("when", arrival=True)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """A perceptual hash of the upright picture."""

    photo_id: str = column("the photo")
    method: str = column("method with its version, such as phash64@1")
    bits: bytes = column("8 or 32 bytes, big-endian")


@dataclass(frozen=True, kw_only=True)
class DuplicatePair:
    """A candidate pair that the Hamming join found, and what the second look said."""

    photo_a: str = column("the smaller photo_id")
    photo_b: str = column("the larger photo_id")
    method: str = column("fingerprint or embedding method that proposed the pair")
    distance: float = column("Hamming distance in bits, or 1 - cosine")
    verified: bool = column("the second look takes them for the same picture")
    measure: float = column("the second look's figure, 0 (unlike) to 1 (alike)")
    relation: str = column("a code of Relation, or 'different'")
    agreeing: float | None = column("share of the blocks with contrast that agree, 0 to 1", optional=True)
    form: str | None = column("how photo_b is mirrored or turned against photo_a; null is upright", optional=True)
    look: str | None = column("version of the second look", optional=True)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A photo whose pairs with all photos that were there are in duplicate_pairs."""

    photo_id: str = column("the photo")
    join: str = column("what was joined: fingerprint methods, radius, version of the second look")


@dataclass(frozen=True, kw_only=True)
class Duplicate:
    """A photo of a duplicate group, the representative too."""

    photo_id: str = column("the photo")
    group_id: str = column("id of the group: a hash of its members' smallest photo_id")
    representative_id: str = column("the member that stands for the group")
    relation: str = column("a code of Relation")
    distance: float = column("distance to the representative: Hamming bits, or 1 - cosine for semantic")
    method: str = column("fingerprint or embedding method")
    reason: str = column("why this member does or does not stand for the group")


@dataclass(frozen=True, kw_only=True)
class Burst:
    """A photo of a burst: same camera, seconds apart, alike."""

    photo_id: str = column("the photo")
    burst_id: str = column("id of the burst")
    position: int = column("place in the burst by capture time, from 0")


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """A photo in the space of one model; models are never mixed."""

    photo_id: str = column("the photo")
    model: str = column("open_clip:MODEL/TAG or descriptor@1 ..., with what tells spaces apart")
    vector: list[float] = column("L2-normalised float32")
    weights_sha256: str = column("checksum of the weights; empty for descriptors")
    precision: str = column("float32, bfloat16, ...")
    preprocessing: str = column("version of the preparation, and from which picture")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One rule's decision on one photo."""

    photo_id: str = column("the photo")
    rule: str = column("name of the rule in salon.toml")
    rules_version: str = column("hash of the rule's definition and its kind's version")
    kind: str | None = column("kind of the rule with its version, such as range@1", optional=True)
    space: str | None = column("model whose vectors the rule looked at; null where it looks at none", optional=True)
    measure: str | None = column("hash of all that determines the score: a new threshold leaves it", optional=True)
    kept: bool = column("the rule lets the photo pass")
    score: float | None = column("what the rule measured; null where it could not", optional=True)
    threshold: float | None = column("the limit that the score was held against", optional=True)
    reason: str = column("in words, for people")


PHOTOS = TableSpec("photos", Photo, ("photo_id",), "One row per content.")
SIGHTINGS = TableSpec("sightings", Sighting, ("uri", "photo_id"), "Every place where a photo was seen.")
PICTURES = TableSpec("pictures", Picture, ("photo_id", "version"), "Canonical pictures.")
QUARANTINE = TableSpec("quarantine", Quarantined, ("uri", "size", "modified_at", "reason"), "Files not taken.")
FINGERPRINTS = TableSpec("fingerprints", Fingerprint, ("photo_id", "method"), "Perceptual hashes.")
DUPLICATE_PAIRS = TableSpec(
    "duplicate_pairs", DuplicatePair, ("photo_a", "photo_b", "method"), "Every pair within the radius."
)
COMPARED = TableSpec("compared", Compared, ("photo_id", "join"), "Photos whose pairs are complete.")
DUPLICATES = TableSpec("duplicates", Duplicate, ("photo_id",), "Photos of duplicate groups.", derived=True)
BURSTS = TableSpec("bursts", Burst, ("photo_id",), "Photos of bursts.", derived=True)
EMBEDDINGS = TableSpec("embeddings", Embedding, ("photo_id", "model"), "Vectors, per model.")
VERDICTS = TableSpec("verdicts", Verdict, ("photo_id", "rule"), "Filter decisions.", derived=True)
