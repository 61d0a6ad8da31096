"""What files say about themselves is read from every block, and hostile blocks cost their own values alone."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from curation.decoding.decode import decode
from curation.examination import Examined, Refused, Wanted, examine
from curation.metadata.exif import moment_of
from curation.metadata.facts import Facts
from curation.metadata.iptc import facts_of_iptc
from curation.metadata.reading import facts_of
from curation.metadata.signals import training_opt_out
from curation.metadata.xmp import facts_of_xmp
from tests.conftest import real_data

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:cc="http://creativecommons.org/ns#">'
)
TAIL = "</rdf:RDF></x:xmpmeta>"


def packet(attributes: str = "", inside: str = "") -> bytes:
    return f'{HEAD}<rdf:Description rdf:about="" {attributes}>{inside}</rdf:Description>{TAIL}'.encode()


def jpeg(exif: Image.Exif | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    picture = Image.linear_gradient("L").convert("RGB")
    picture.save(stream, "JPEG", **({"exif": exif} if exif is not None else {}), **options)
    return stream.getvalue()


def facts(data: bytes, sidecar: bytes | None = None) -> Facts:
    return facts_of(decode(data), data, sidecar)


def camera_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make] = "Maker "
    exif[Base.Model] = "Model X"
    exif[Base.Artist] = "Zo\u00eb".encode()  # most writers put UTF-8 there
    exif[Base.Copyright] = "(c) Zo"
    photo = exif.get_ifd(IFD.Exif)
    photo[Base.DateTimeOriginal] = "2024:05:17 12:34:56"
    photo[Base.SubsecTimeOriginal] = "25"
    photo[Base.OffsetTimeOriginal] = "+02:00"
    photo[Base.FNumber] = 2.8
    photo[Base.ExposureTime] = 0.004
    photo[Base.FocalLength] = 50.0
    photo[Base.ISOSpeedRatings] = 400
    photo[Base.LensModel] = "50mm F1.8"
    return exif


def test_camera_lens_exposure_creator_and_the_time_in_utc_are_read_from_exif() -> None:
    found = facts(jpeg(camera_exif()))
    assert (found.camera_make, found.camera_model, found.lens) == ("Maker", "Model X", "50mm F1.8")
    assert (found.photographer, found.copyright) == ("Zo\u00eb", "(c) Zo")
    assert found.captured_at == datetime(2024, 5, 17, 10, 34, 56, 250_000, tzinfo=UTC)
    assert found.captured_offset_minutes == 120
    assert (found.f_number, found.exposure_s, found.focal_length_mm, found.iso) == (2.8, 0.004, 50.0, 400)
    assert not found.has_gps


def test_a_location_is_a_flag_and_its_degrees_are_right() -> None:
    exif = Image.Exif()
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLatitude], gps[GPS.GPSLatitudeRef] = (33.0, 51.0, 36.0), "S"
    gps[GPS.GPSLongitude], gps[GPS.GPSLongitudeRef] = (151.0, 12.0, 36.0), "E"
    found = facts(jpeg(exif))
    assert found.has_gps
    assert found.latitude == pytest.approx(-33.86)
    assert found.longitude == pytest.approx(151.21)


def test_the_real_photo_with_a_location_is_flagged() -> None:
    data = real_data("gps_photo", "gps_made_for_tests.jpg").read_bytes()
    found = facts(data)
    assert found.has_gps
    assert found.camera_make


@pytest.mark.parametrize(
    ("clock", "zone", "wanted"),
    [
        ("2024:05:17 12:34:56", None, (datetime(2024, 5, 17, 12, 34, 56, tzinfo=UTC), None)),
        ("2024-05-17T12:34:56", "-05:30", (datetime(2024, 5, 17, 18, 4, 56, tzinfo=UTC), -330)),
        ("0000:00:00 00:00:00", None, (None, None)),
        ("1700:01:01 00:00:00", None, (None, None)),
        ("2024:13:45 99:99:99", None, (None, None)),
        ("2024:05:17 12:34:56", "+99:00", (datetime(2024, 5, 17, 12, 34, 56, tzinfo=UTC), None)),
        ("    :  :     :  :  ", "Z", (None, None)),
    ],
)
def test_clocks_that_were_never_set_are_no_times(
    clock: str, zone: str | None, wanted: tuple[datetime | None, int | None]
) -> None:
    assert moment_of(clock, None, zone) == wanted


def test_rights_rating_source_type_and_data_mining_are_read_from_xmp() -> None:
    inside = (
        "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>"
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Ada</rdf:li></rdf:Alt></dc:rights>'
        '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>'
        "<plus:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING</plus:DataMining>"
        "<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        "</Iptc4xmpExt:DigitalSourceType>"
    )
    found = facts_of_xmp(packet('xmp:Rating="4" exif:GPSLatitude="52,31N"', inside))
    assert (found.photographer, found.copyright, found.star_rating) == ("Ada", "(c) Ada", 4)
    assert found.license == "https://creativecommons.org/licenses/by/4.0/"
    assert found.opt_out == "plus:DataMining DMI-PROHIBITED-AIMLTRAINING"
    assert found.digital_source_type == "trainedAlgorithmicMedia"
    assert found.has_gps
    assert not found.unreadable
    allowed = facts_of_xmp(packet('plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-ALLOWED"'))
    assert allowed.opt_out is None


@pytest.mark.parametrize(
    "bad",
    [
        b"<x:xmpmeta",
        b"\xff\xfe\x00",
        b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b"<a>" * 200,
        b'<?xml version="1.0" encoding="no-such-coding"?><a/>',
    ],
)
def test_hostile_xmp_is_only_unreadable(bad: bytes) -> None:
    assert facts_of_xmp(bad) == Facts(unreadable=True)


def test_a_sidecar_goes_before_what_the_file_says_and_a_broken_one_is_a_warning() -> None:
    data = jpeg(camera_exif())
    sidecar = packet('xmp:Rating="5"', "<dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>")
    found = facts(data, sidecar)
    assert (found.photographer, found.star_rating, found.camera_model) == ("Ada", 5, "Model X")
    broken = examine(data, "a.jpg", Wanted(), b"<broken")
    assert isinstance(broken, Examined)
    assert broken.warnings == ("unreadable_metadata",)


def test_iim_gives_by_line_and_copyright_and_stops_at_a_broken_record() -> None:
    def record(number: int, value: bytes, part: int = 2) -> bytes:
        return bytes([0x1C, part, number]) + len(value).to_bytes(2, "big") + value

    block = record(90, b"\x1b%G", 1) + record(80, "Zo\u00eb".encode()) + record(116, b"(c)")
    assert (facts_of_iptc(block).photographer, facts_of_iptc(block).copyright) == ("Zo\u00eb", "(c)")
    cut = facts_of_iptc(block[:-1])
    assert (cut.photographer, cut.copyright, cut.unreadable) == ("Zo\u00eb", None, True)


def test_content_credentials_that_forbid_training_are_an_opt_out() -> None:
    claim = b"\xff\xeb..jumb..c2pa.assertions/c2pa.training-mining" + b"x" * 9000
    assertion = b"jumdc2pa.training-mining\x00cborc2pa.ai_training\xa1cuse\x6anotAllowed"
    assert training_opt_out(claim + assertion) == "c2pa.training-mining notAllowed"
    assert training_opt_out(claim) is None
    assert training_opt_out(b"c2pa.training-mining notAllowed without its block") is None


def test_credentials_say_what_made_the_picture_where_no_other_block_does() -> None:
    address = b"http://cv.iptc.org/newscodes/digitalsourcetype/"

    def credentials(*codes: bytes) -> bytes:
        actions = b"".join(
            b"\xa2factionlc2pa.createdqdigitalSourceType\x78\x40" + address + code + b"\x00" for code in codes
        )
        block = b"jumb..c2pa.actions.v2" + actions
        plain = jpeg()
        return plain[:2] + b"\xff\xeb" + (len(block) + 2).to_bytes(2, "big") + block + plain[2:]

    def told(data: bytes) -> str | None:
        return facts(data).digital_source_type

    assert told(credentials(b"digitalCapture")) == "digitalCapture"
    assert told(credentials(b"digitalCapture", b"compositeWithTrainedAlgorithmicMedia", b"humanEdits")) == (
        "compositeWithTrainedAlgorithmicMedia"
    )
    assert told(credentials(b"digitalCapture", b"humanEdits")) == "humanEdits"
    assert told(jpeg() + address + b"digitalCapture") is None
    said = packet("", f"<Iptc4xmpExt:DigitalSourceType>{address.decode()}digitalArt</Iptc4xmpExt:DigitalSourceType>")
    assert facts(credentials(b"digitalCapture"), said).digital_source_type == "digitalArt"


def test_an_opt_out_is_a_column_or_a_refusal_as_the_settings_say() -> None:
    mining = packet('plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"')
    data = jpeg(xmp=mining)
    kept = examine(data, "a.jpg", Wanted())
    assert isinstance(kept, Examined)
    assert kept.facts.opt_out == "plus:DataMining DMI-PROHIBITED"
    refused = examine(data, "a.jpg", Wanted(respect_opt_out=True))
    assert isinstance(refused, Refused)
    assert refused.reason == "opted_out"


def test_exif_that_points_nowhere_costs_its_own_values_alone() -> None:
    data = real_data("hostile", "files", "bad_exif.jpg").read_bytes()
    found = examine(data, "bad_exif.jpg", Wanted())
    assert isinstance(found, Examined)
    assert "unreadable_metadata" in found.warnings
