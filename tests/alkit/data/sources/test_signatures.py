"""Kinds of images by their first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image, features

from alkit.data.sources.signatures import FORMATS, SNIFFED, formats_of, looks_like_image
from alkit.errors import UnusableImage

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"


def head(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    return stream.getvalue()[:SNIFFED]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_the_usual_kinds_look_like_images(kind: str) -> None:
    assert looks_like_image(head(kind))
    assert formats_of(head(kind)) == FORMATS


def test_other_files_do_not() -> None:
    for content in (b"", b"image,label\n", b"%PDF-1.7", b"\x00\x00\x00\x18ftypisom"):
        assert not looks_like_image(content)


@pytest.mark.parametrize(("kind", "feature"), [("AVIF", "avif"), ("JPEG2000", "jpg_2000")])
def test_newer_kinds_get_their_own_decoder(kind: str, feature: str) -> None:
    if not features.check(feature):
        pytest.skip(f"Pillow was built without {kind}")
    assert looks_like_image(head(kind))
    assert formats_of(head(kind)) == (kind,)


def test_a_kind_without_a_decoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alkit.data.sources.signatures._installed", lambda: frozenset({"JPEG"}))
    assert looks_like_image(HEIC)
    with pytest.raises(UnusableImage, match="pillow-heif"):
        formats_of(HEIC)
