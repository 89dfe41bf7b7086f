"""PNG files taken apart: the picture for Pillow, and those other chunks that affect how it looks.

Editors, scanners and ComfyUI write megabytes of text and profiles into PNGs, which Pillow then
refuses. Viewers skip the chunks that they do not need, whatever their checksums, and whatever follows the
end; of a file that is cut off they show what is there. Of a chunk that may occur only once, the first one
counts, as in libpng: a file full of repeated chunks costs no more than another. Source: W3C PNG, third
edition.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from isal import isal_zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: a larger colour profile is ignored
PROFILE_MAX_BYTES = 8 * 2**20
_GREY, _RGB, _PALETTE = 0, 2, 3
_CHANNELS = {_GREY: 1, _RGB: 3, _PALETTE: 1, 4: 2, 6: 4}
#: a broken stream is fed in small steps, because the step that contains the fault yields nothing
_STEP_BYTES = 256
_PIECE_BYTES = 2**20
#: each chunk costs time, and a file of 10 MB could have 800,000
_CHUNKS_MAX = 100_000
#: no deflate stream expands by more than this factor
_DEFLATE_MOST = 1032
#: a profile's name, with its terminating zero
_NAME_MAX_BYTES = 80


@dataclass(slots=True)
class Png:
    """The relevant parts of a PNG file."""

    width: int = 0
    height: int = 0
    depth: int = 8
    colour: int = _RGB
    interlaced: bool = False
    #: whether the file has an end
    ended: bool = False
    header: bytes = b""
    palette: dict[bytes, bytes] = field(default_factory=dict)
    pixels: bytearray = field(default_factory=bytearray)
    #: compressed, as in the file; `profile` unpacks it, once memory is reserved
    packed_profile: memoryview | None = None
    exif: bytes | None = None
    #: 100,000 / the exponent that turns the values into linear light
    gamma: int | None = None
    #: the one grey or colour that is transparent: in 16 bits for 16-bit greys, else in 8
    key: int | tuple[int, ...] | None = None

    @property
    def profile_bytes(self) -> int:
        """The largest size to which the colour profile can unpack."""
        return min(PROFILE_MAX_BYTES, len(self.packed_profile or b"") * _DEFLATE_MOST)

    def profile(self) -> bytes | None:
        """Return the colour profile; None if it is missing or broken."""
        return None if self.packed_profile is None else _profile(self.packed_profile)

    def file(self, packed: bytes | bytearray | None = None) -> bytes:
        """Return a PNG file of the picture alone, with checksums of our own."""
        packed = self.pixels if packed is None else packed
        chunks = [
            (b"IHDR", self.header),
            *self.palette.items(),
            (b"IDAT", packed),
            (b"IEND", b""),
        ]
        return b"".join((SIGNATURE, *(part for each in chunks for part in chunk(*each))))

    def mended(self) -> tuple[bytes, int]:
        """Return a cut-off file completed, and how many of its rows are real.

        Raises:
            ValueError: there is no whole row, or the picture is interlaced.
        """
        if self.interlaced:
            raise ValueError("an interlaced picture breaks off")
        row_bytes = (self.width * _CHANNELS[self.colour] * self.depth + 7) // 8 + 1
        missing = row_bytes * self.height
        packer, packed = zlib.compressobj(1), bytearray()
        for piece in _unpacked(self.pixels):
            packed += packer.compress(piece[:missing])
            missing -= min(missing, len(piece))
            # Whatever follows the last row may expand a thousandfold.
            if not missing:
                break
        rows = self.height - -(-missing // row_bytes)
        if rows < 1:
            raise ValueError("no row of the picture is there")
        while missing:
            fill = min(missing, _PIECE_BYTES)
            packed += packer.compress(bytes(fill))
            missing -= fill
        return self.file(packed + packer.flush()), rows


def take_apart(data: bytes) -> Png:
    """Read the chunks of a PNG file, which may be cut off.

    Raises:
        ValueError, struct.error: it does not begin as a PNG file does, or has too many chunks.
    """
    png, seen = Png(), set[bytes]()
    for name, body in _chunks(memoryview(data)):
        if not png.header and name != b"IHDR":
            raise ValueError("the header is not first")
        if name == b"IDAT":
            png.pixels += body
        elif name == b"IEND":
            png.ended = True
        elif name not in seen:
            seen.add(name)
            _read(png, name, body)
    if b"sRGB" in seen:
        png.gamma = None
    return png


def _read(png: Png, name: bytes, body: memoryview) -> None:
    """Read a chunk that may occur only once."""
    if name == b"IHDR":
        png.header = bytes(body)
        fields = struct.unpack(">IIBBBBB", body)
        png.width, png.height, png.depth, png.colour = fields[:4]
        png.interlaced = bool(fields[6])
    elif name == b"tRNS" and png.colour in (_GREY, _RGB):
        png.key = _key(bytes(body), png.colour, png.depth)
    elif name in (b"PLTE", b"tRNS"):
        png.palette[name] = bytes(body)
    elif name == b"iCCP":
        png.packed_profile = body
    elif name == b"eXIf":
        png.exif = bytes(body)
    elif name == b"gAMA" and len(body) == 4:
        png.gamma = int.from_bytes(body, "big")


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and content of each chunk up to the end; the last may be truncated.

    Raises:
        ValueError: there are too many.
    """
    at, number = len(SIGNATURE), 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if not name.isalpha():
            return
        number += 1
        if number > _CHUNKS_MAX:
            raise ValueError("too many chunks")
        yield name, data[at + 8 : at + 8 + length]
        if name == b"IEND":
            return
        at += length + 12


def chunk(name: bytes, *body: bytes | bytearray) -> tuple[bytes | bytearray, ...]:
    """Return the parts of a chunk, whose content comes in parts as well."""
    checksum = isal_zlib.crc32(name)
    for part in body:
        checksum = isal_zlib.crc32(part, checksum)
    length = sum(len(part) for part in body)
    return struct.pack(">I", length), name, *body, struct.pack(">I", checksum)


def _key(body: bytes, colour: int, depth: int) -> int | tuple[int, ...] | None:
    if len(body) != 2 * _CHANNELS[colour]:
        return None
    values: tuple[int, ...] = struct.unpack(f">{_CHANNELS[colour]}H", body)
    if colour == _GREY:
        return values[0] if depth == 16 else values[0] * 255 // (2**depth - 1)
    return tuple(value >> 8 if depth == 16 else value for value in values)


def _profile(body: memoryview) -> bytes | None:
    name = bytes(body[:_NAME_MAX_BYTES]).partition(b"\0")[0]
    packed = body[len(name) + 2 :]
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed, PROFILE_MAX_BYTES)
    except zlib.error:
        return None
    return profile if unpacker.eof else None


def _unpacked(packed: bytearray) -> Iterator[bytes]:
    """Yield what can be unpacked before the first fault; the checksum at the end does not matter."""
    # Negative: a raw stream, without the two header bytes and the checksum, which are skipped.
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    at = 2
    while at < len(packed) and not unpacker.eof:
        step = bytes(packed[at : at + _STEP_BYTES])
        at += len(step)
        while step:
            try:
                piece = unpacker.decompress(step, _PIECE_BYTES)
            except zlib.error:
                return
            if piece:
                yield piece
            step = unpacker.unconsumed_tail
