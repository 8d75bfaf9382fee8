"""What an audio file promises, read from its own bytes before a decoder sees them.

libsndfile decodes what it finds and says nothing about what is missing: a WAV file cut in half
loads as a shorter sound, a lost Ogg page leaves a gap, and an MP3 file with a variable bit rate
and no length tag loses whatever lies beyond a guess. `helpers.audio.load` compares the promise
found here with what was decoded, so that nothing goes missing unsaid.
"""

import re
import struct
import zlib
from dataclasses import dataclass

from helpers.errors import AudioEmpty, AudioUnreadable

MAX_CHUNKS = 10_000
STREAMED = 0x7FFF0000  # sizes from here on are the "length not known yet" of recorders and pipes
MP3_IN_WAV = (0x50, 0x55)
SIMPLE_IN_WAV = (1, 3, 6, 7, 0xFFFE)  # so many bytes for each sample
BLOCKS_IN_WAV = (2, 0x11, 0x31)  # ADPCM and GSM: the header says how many samples in a block
SIMPLE_IN_AU = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # encoding: bytes per sample


@dataclass
class Header:
    """What the container says, where it says it.

    kind: "WAV", "AIFF", "AU", "FLAC", "OGG" or "MP3".
    sample_rate: Hz, or None where only the decoder knows.
    declared, present: bytes of sound promised and bytes there, or None.
    frames: samples per channel promised, where the bytes of one are known, or None.
    fault: a sentence on damage found while walking the file, or None.
    prefix, skip: bytes to show the decoder in place of the first `skip` bytes of the file.
    noisy: True if the decoder (mpg123) may write to the process's standard error.
    """

    kind: str
    sample_rate: int | None = None
    declared: int | None = None
    present: int | None = None
    frames: int | None = None
    fault: str | None = None
    prefix: bytes = b""
    skip: int = 0
    noisy: bool = False


# What people most often pass instead, by the first bytes: (offset, bytes, name, remedy).
_CONVERT = "Convert it first, for example with `ffmpeg -i {name} sound.wav`."
_NOT_AUDIO = "Choose an audio file."
_STRANGERS = (
    (4, b"ftyp", "an MP4, M4A or 3GP file (AAC)", _CONVERT),
    (0, b"\x1a\x45\xdf\xa3", "a WebM or Matroska file, as browsers record", _CONVERT),
    (0, b"\x30\x26\xb2\x75", "a Windows Media file", _CONVERT),
    (0, b"#!AMR", "an AMR recording", _CONVERT),
    (0, b"caff", "a Core Audio file", _CONVERT),
    (0, b"riff", "a Wave64 file", _CONVERT),
    (0, b"NIST_1A", "a NIST SPHERE file", _CONVERT),
    (0, b"wvpk", "a WavPack file", _CONVERT),
    (0, b"MAC ", "a Monkey's Audio file", _CONVERT),
    (0, b"MThd", "a MIDI file: notes, not sound", "Render it to WAV with a synthesiser first."),
    (0, b"%PDF", "a PDF document", _NOT_AUDIO),
    (0, b"\x89PNG", "a PNG picture", _NOT_AUDIO),
    (0, b"\xff\xd8\xff", "a JPEG picture", _NOT_AUDIO),
    (0, b"GIF8", "a GIF picture", _NOT_AUDIO),
    (0, b"PK\x03\x04", "a ZIP archive", "Unpack it and choose an audio file inside."),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it and choose an audio file inside."),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the file", "Run `git lfs pull`."),
    (0, b"\x93NUMPY", "a NumPy array", "Read it with numpy.load."),
    (0, b"\x7fELF", "a program", _NOT_AUDIO),
)


def read_header(reader, size):
    """Say what kind of audio file this is and how much sound it promises.

    reader: seekable binary file of `size` bytes. Returns a `Header`. Raises `AudioUnreadable`
    (without the file's name: the caller adds it) if it is no audio file of a supported kind.
    """
    head = _at(reader, 0, 64)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return _wav(reader, size, head)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(reader, size)
    if head[:4] in (b".snd", b"dns."):
        return _au(head, size)
    if head[:4] == b"fLaC":
        return Header("FLAC", int.from_bytes(head[18:21], "big") >> 4 if len(head) > 41 else None)
    if head[:4] == b"OggS":
        return _ogg(reader, size)
    for offset, magic, name, remedy in _STRANGERS:
        if head[offset : offset + len(magic)] == magic:
            raise AudioUnreadable(f"is {name}. {remedy}")
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0):
        return _mp3(reader, size)
    if not head.strip(b"\0"):
        raise AudioUnreadable("starts with nothing but zero bytes. Fetch the file again.")
    if re.fullmatch(rb"[\t\r\n\x20-\x7e]+", head):
        raise AudioUnreadable(f"is a text file. {_NOT_AUDIO}")
    raise AudioUnreadable(
        "is not an audio file of a kind that can be read: WAV, FLAC, OGG, MP3, AIFF or AU. "
        "If it is audio of another kind, convert it with `ffmpeg -i {name} sound.wav`."
    )


def _at(reader, position, count):
    reader.seek(position)
    return reader.read(count)


def _chunks(reader, size, order, position=12):
    """Walk a RIFF or FORM file: yield (id, declared size, where its bytes start)."""
    for _ in range(MAX_CHUNKS):
        head = _at(reader, position, 8)
        if len(head) < 8:
            return
        name, declared = struct.unpack(order + "4sI", head)
        yield name, declared, position + 8
        position += 8 + declared + declared % 2
        if position >= size:
            return
    raise AudioUnreadable(f"has more than {MAX_CHUNKS} parts in its header. Fetch it again.")


def _wav(reader, size, head):
    order = ">" if head[:4] == b"RIFX" else "<"
    whole = 8 + struct.unpack(order + "I", head[4:8])[0]
    header = Header("WAV")
    long_data, width, per_width = None, None, 1
    for name, declared, start in _chunks(reader, size, order):
        if name == b"ds64":
            fields = _at(reader, start, 16)
            if len(fields) == 16:
                long_data = struct.unpack("<Q", fields[8:])[0]
        elif name == b"fmt ":
            fields = _at(reader, start, 20)
            if len(fields) == 20:
                codec, _, header.sample_rate, _, align = struct.unpack(order + "HHIIH", fields[:14])
                header.noisy = codec in MP3_IN_WAV
                width = align if codec in SIMPLE_IN_WAV or codec in BLOCKS_IN_WAV else None
                if codec in BLOCKS_IN_WAV:
                    per_width = struct.unpack(order + "H", fields[18:20])[0]
        elif name == b"data":
            if declared == 0xFFFFFFFF and head[:4] == b"RF64" and long_data is not None:
                declared = long_data
            header.present = min(declared, size - start)
            header.declared = header.present if STREAMED <= declared <= 0xFFFFFFFF else declared
            header.frames = -(-header.declared // width) * per_width if width else None
            if declared == 0 and size > start and whole < size:
                raise AudioEmpty(
                    f"declares zero samples, yet {size - start} bytes follow: its recorder was "
                    "stopped before it wrote the length. Repair it with an audio editor."
                )
            return header
    if whole > size and whole - 8 < STREAMED:
        header.declared, header.present = whole, 0
        header.fault = "it ends before its sound begins"
    return header


def _aiff(reader, size):
    header = Header("AIFF")
    frames = None
    for name, declared, start in _chunks(reader, size, ">"):
        if name == b"COMM":
            fields = _at(reader, start, 22)
            if len(fields) >= 18:
                header.sample_rate = _extended(fields[8:18])
                if fields[18:22] == b"DWVW":
                    raise AudioUnreadable(f"is an AIFF file in the rare DWVW coding. {_CONVERT}")
                packed = fields[18:22] in (b"ima4", b"GSM ") and declared > 18
                frames = None if packed else int.from_bytes(fields[2:6], "big")
                if fields[2:6] == bytes(4):
                    raise AudioEmpty("holds no samples. Record or fetch it again.")
        elif name == b"SSND":
            header.present = min(declared, size - start)
            header.declared = header.present if declared >= STREAMED else declared
    header.frames = frames
    if header.present is None:
        header.fault = "it ends before its sound begins"
    return header


def _extended(ten_bytes):
    """Read an 80-bit IEEE extended number as a whole number (a sample rate); 0 if it is none."""
    exponent, mantissa = struct.unpack(">HQ", ten_bytes)
    if exponent >= 0x8000:
        return 0
    shift = exponent - 16383 - 63
    if shift > 0:
        return 1 << 62
    return mantissa >> -shift if shift > -64 else 0


def _au(head, size):
    header = Header("AU")
    if len(head) < 24:
        raise AudioUnreadable("is an AU file cut off inside its header. Fetch it again.")
    order = ">" if head[:4] == b".snd" else "<"
    start, declared, coding, header.sample_rate, channels = struct.unpack(order + "5I", head[4:24])
    header.present = max(0, min(declared, size - start))
    header.declared = header.present if declared >= STREAMED else declared
    width = SIMPLE_IN_AU.get(coding, 0) * channels
    header.frames = header.declared // width if width else None
    return header


# Ogg counts its checksum from the other end of each byte than zlib does: turn the bits round.
_TURNED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _ogg_checksum(page):
    turned = zlib.crc32(page.translate(_TURNED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{turned:032b}"[::-1], 2)


def _ogg(reader, size):
    """Walk every page: each must be whole, in order and unchanged, and the last marked last."""
    header = Header("OGG")
    position, following, ended = 0, {}, False
    while position < size:
        head = _at(reader, position, 27)
        lacing = _at(reader, position + 27, head[26]) if len(head) == 27 else b""
        if head[:4] != b"OggS":
            if ended:
                return header  # a tag or padding after the end of the stream
            header.fault = f"it is damaged {position} bytes in"
            return header
        length = 27 + len(lacing) + sum(lacing)
        if len(head) < 27 or len(lacing) < head[26] or position + length > size:
            header.fault = "it ends inside a page"
            return header
        page = bytearray(_at(reader, position, length))
        checksum, page[22:26] = struct.unpack("<I", page[22:26])[0], bytes(4)
        if _ogg_checksum(page) != checksum:
            header.fault = f"it is damaged {position} bytes in"
            return header
        serial, number = struct.unpack("<II", head[14:22])
        if following.get(serial, number) != number:
            header.fault = f"a part is missing {position} bytes in"
            return header
        following[serial] = number + 1
        ended = bool(head[5] & 4)
        position += length
    if not ended:
        header.fault = "its last page is not marked as the last"
    return header


# MPEG audio: kilobits per second by (version 1?, layer), and sample rates of version 1.
_KILOBITS = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)


def _mp3_frame(four):
    """Length in bytes, sample rate, samples, and stream identity of an MPEG frame; else None."""
    if len(four) < 4 or four[0] != 0xFF or four[1] < 0xE0:
        return None
    version, layer = four[1] >> 3 & 3, 4 - (four[1] >> 1 & 3)
    index, rate_index, padding = four[2] >> 4, four[2] >> 2 & 3, four[2] >> 1 & 1
    if version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    first = version == 3
    bits = 1000 * _KILOBITS[first, layer][index - 1]
    rate = _RATES[rate_index] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 1:
        return (12 * bits // rate + padding) * 4, rate, 384, (version, layer, rate)
    samples = 576 if layer == 3 and not first else 1152
    return samples // 8 * bits // rate + padding, rate, samples, (version, layer, rate)


def _mp3(reader, size):
    """Count the frames, and give the decoder a length tag if the file's own is absent or short."""
    header = Header("MP3", noisy=True)
    start = 0
    tag = _at(reader, 0, 10)
    if tag[:3] == b"ID3" and len(tag) == 10:
        start = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)
        )
        start += 10 if tag[5] & 0x10 else 0
        if start >= size:
            header.fault = "it ends inside its ID3 tag"
            return header
        if _at(reader, start, 4) == b"fLaC":
            return Header("FLAC", skip=start)
    first = _mp3_frame(_at(reader, start, 4))
    if not first:
        return header  # the decoder may still find its way in
    length, header.sample_rate, _, identity = first
    frame_bytes = _at(reader, start, length)
    promised = _xing_frames(frame_bytes)
    count, position, fault = 0, start, None
    while position < size:
        frame = _mp3_frame(_at(reader, position, 4))
        if frame and frame[3] == identity:
            if position + frame[0] > size:
                fault = fault or "its last frame is cut"
                break
            count += 1
            position += frame[0]
        elif _mp3_tail(_at(reader, position, 4096)):
            break
        else:
            damaged = position
            position = _next_frame(reader, position + 1, identity)
            if position is None and promised is not None and count > promised:
                break  # something follows the sound, and all the sound is there
            fault = fault or f"it is damaged {damaged} bytes in"
            if position is None:
                break
    header.fault = fault
    if promised is None and frame_bytes[36:40] != b"VBRI":
        header.prefix, header.skip = _length_tag(frame_bytes[:4], count), start
    elif promised is not None and promised < count - 1:
        header.prefix, header.skip = _length_tag(frame_bytes[:4], count - 1), start + length
    return header


def _mp3_tail(rest):
    """Is what follows a tag or padding, as many writers leave behind the sound?"""
    tags = (b"TAG", b"ID3", b"APETAGEX", b"LYRICSBE", b"LYRICS")
    return rest.startswith(tags) or not rest.strip(b"\0")


def _next_frame(reader, position, identity):
    """Where, from `position` on, two frames of this stream follow each other; None if nowhere."""
    while block := _at(reader, position, 65536):
        for match in re.finditer(b"\xff", block):
            place = position + match.start()
            frame = _mp3_frame(_at(reader, place, 4))
            if frame and frame[3] == identity:
                second = _mp3_frame(_at(reader, place + frame[0], 4))
                if second and second[3] == identity:
                    return place
        position += len(block)
    return None


def _side_bytes(four):
    """Bytes of a layer III frame between its header and where a Xing tag stands."""
    mono = four[3] >> 6 == 3
    if four[1] >> 3 & 3 == 3:
        return 17 if mono else 32
    return 9 if mono else 17


def _xing_frames(frame):
    """The number of frames that the length tag in this frame promises, or None."""
    offset = 4 + _side_bytes(frame[:4])
    if frame[offset : offset + 4] not in (b"Xing", b"Info") or len(frame) < offset + 12:
        return None
    flags, frames = struct.unpack(">II", frame[offset + 4 : offset + 12])
    return frames if flags & 1 else None


def _length_tag(four, frames):
    """Make a silent frame like this one that carries the number of frames to follow."""
    if 4 - (four[1] >> 1 & 3) != 3:
        return b""  # only layer III has such a tag
    four = bytes((four[0], four[1] | 1, four[2], four[3]))  # without a checksum of its own
    body = bytes(_side_bytes(four)) + b"Xing" + struct.pack(">II", 1, frames)
    length = _mp3_frame(four)[0]
    if length < len(four) + len(body):
        return b""
    return (four + body).ljust(length, b"\0")
