"""How large PNG, JPEG, BMP and GIF are by their headers, before anything is decoded."""

from __future__ import annotations

import struct

PNG, JPEG, BMP, GIF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"GIF8"
_PNG_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}  # of what OpenCV makes of its kinds of colour
_GIF_SAMPLES = 4  # a canvas for each frame, with alpha
# Frames of a JPEG (SOF); C4, C8 and CC begin other things.
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length


def claimed(content: bytes) -> tuple[tuple[int, ...], int]:
    """What an image will take when it is decoded.

    Args:
        content: of the file, or enough of its beginning; of GIFs it tells how many frames.

    Returns:
        Its shape, (frames, H, W, samples), and the bytes of a sample; of a file that is cut short,
        or none of these, an empty image.
    """
    readers = {PNG: _png, JPEG: _jpeg, BMP: _bmp, GIF: _gif}
    read = next((read for begin, read in readers.items() if content.startswith(begin)), None)
    try:
        return read(content) if read else ((0, 0, 0, 0), 1)
    except (struct.error, IndexError):  # cut short: the decoder will say so
        return (0, 0, 0, 0), 1


def _png(content: bytes) -> tuple[tuple[int, ...], int]:
    width, height, bits, kind = struct.unpack_from(">IIBB", content, 16)
    return (1, height, width, _PNG_SAMPLES.get(kind, 4)), 2 if bits == 16 else 1


def _bmp(content: bytes) -> tuple[tuple[int, ...], int]:
    (size,) = struct.unpack_from("<I", content, 14)
    width, height, _, bits = struct.unpack_from("<hhHH" if size == 12 else "<iiHH", content, 18)
    return (1, abs(height), abs(width), 4 if bits == 32 else 3), 1


def _jpeg(content: bytes) -> tuple[tuple[int, ...], int]:
    place = 2
    while True:
        while content[place] == 0xFF and content[place + 1] == 0xFF:  # filled up with 0xFF
            place += 1
        marker = content[place + 1]
        if marker in _ALONE:
            place += 2
            continue
        length, _, height, width, samples = struct.unpack_from(">HBHHB", content, place + 2)
        if marker in _FRAMES:
            return (1, height, width, samples), 1
        place += 2 + length


def _gif(content: bytes) -> tuple[tuple[int, ...], int]:
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, frames = 13 + _colours(flags), 0
    while place < len(content) and content[place] in b"\x21\x2c":
        if content[place] == 0x2C:  # an image; others are extensions
            frames += 1
            place += 11 + _colours(content[place + 9])
        else:
            place += 2
        while content[place]:  # blocks of data, each with its length before it
            place += 1 + content[place]
        place += 1
    return (max(frames, 1), height, width, _GIF_SAMPLES), 1


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
