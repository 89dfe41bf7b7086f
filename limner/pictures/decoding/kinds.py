"""File types by their first bytes: names, suffixes and content types are often wrong."""

from __future__ import annotations

#: what callers may send
REFERENCE_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
#: what engines may return: Pillow knows more formats, but some of them run other programs
RESULT_FORMATS = (*REFERENCE_FORMATS, "AVIF", "BMP", "TIFF", "JPEG2000")

_BEGINNINGS = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"8BPS", "PSD"),
    (b"%PDF", "PDF"),
    (b"\0\0\1\0", "an icon"),
)
_BRANDS = ((b"avi", "AVIF"), (b"he", "HEIC"), (b"mif1", "HEIC"), (b"msf1", "HEIC"))
_TEXTS = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
    (b"{", "text"),
)


def kind_of(data: bytes) -> str | None:
    """Return the name of the file type, Pillow's if it has one; None if it is unknown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return next((name for begin, name in _BRANDS if brand.startswith(begin)), "a film")
    for begin, name in _BEGINNINGS:
        if data.startswith(begin):
            return name
    text = data[:200].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<?xml") and b"<svg" in data[:2000].lower():
        return "SVG"
    return next((name for begin, name in _TEXTS if text.startswith(begin)), None)
