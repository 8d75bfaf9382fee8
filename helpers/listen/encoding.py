"""Sound and its picture as a page carries them: `data:` addresses, waveforms, spectrograms.

Nothing is fetched and nothing is left behind on disk; the build of the site moves sounds and
pictures into files. The exact code is the default, because most sounds of the book are there to be
compared: a 16-bit WAV to three seconds, which everything plays at once, FLAC beyond, about half the
size, which every current browser plays (Safari from 11). The compact code is Opus, for sounds whose
last bits nobody compares, with an MP3 beside it for browsers that do not play Ogg.
"""

import functools
import io
import itertools

import numpy as np

from helpers import _html
from helpers.audio import check_rate, check_samples, resample
from helpers.errors import BadSampleRate

WAV_SECONDS = 3.0
LOWEST_PLAYABLE, HIGHEST_PLAYABLE = 3_000, 192_000
LOUDEST = 0.99
MATCHED_RMS = 0.1
"""The level that sounds side by side are brought to: −20 dB, unless a peak forbids it."""
OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
OPUS_LEVEL = 0.85
"""libsndfile's compression level for Opus; about 48 kbit/s for a voice at 16 kHz."""
ENCODINGS = ("lossless", "compact")
VIEWS = ("waveform", "spectrogram", None)
WAVE_COLUMNS = 100
SPECTROGRAM_COLUMNS, SPECTROGRAM_ROWS = 240, 80
"""Columns of the small pictures under a playhead."""


def matched(sounds):
    """Bring sounds to one root-mean-square level; silence stays as it is. Inputs are not changed.

    sounds: list of float (n,). Returns a list of float32 (n,). The level is `MATCHED_RMS`, or less
    if a peak would leave [-1, 1].

    Chapter: 5.1
    """
    sounds = [check_samples(s, ndim=np.ndim(s) if np.ndim(s) == 2 else 1) for s in sounds]
    levels = [float(np.sqrt(np.mean(np.square(s, dtype=np.float64)))) for s in sounds]
    peaks = [float(np.max(np.abs(s))) for s in sounds]
    level = min(
        [MATCHED_RMS]
        + [LOUDEST * r / p for r, p in zip(levels, peaks, strict=True) if r > 0 and p > 0]
    )
    return [
        (s * (level / r)).astype(np.float32) if r > 0 else s
        for s, r in zip(sounds, levels, strict=True)
    ]


def encode(samples, sample_rate):
    """Encode sound for a browser: (bytes, media type), WAV to three seconds, FLAC beyond.

    samples: float (n,) or (n, channels) within [-1, 1]; 16 bits. Raises `BadSampleRate` for a rate
    that browsers do not play, and as `helpers.audio.check_samples` for what is no sound.

    Chapter: 2.1
    """
    samples, sample_rate = checked(samples, sample_rate)
    short = len(samples) <= WAV_SECONDS * sample_rate
    steps = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    content = _written(steps, sample_rate, "WAV" if short else "FLAC", "PCM_16")
    return content, "audio/wav" if short else "audio/flac"


def encode_compact(samples, sample_rate):
    """Encode sound small: [(bytes, media type)], Opus first, then MP3 for who does not play that.

    samples: float (n,) or (n, channels) within [-1, 1]. A rate that Opus does not know is brought
    to the next one above it that it does. Raises as `encode`. Chapter: 2.1
    """
    samples, sample_rate = checked(samples, sample_rate)
    rate = next((r for r in OPUS_RATES if r >= sample_rate), OPUS_RATES[-1])
    if rate != sample_rate:
        samples = np.clip(resample(samples, sample_rate, rate), -1.0, 1.0)
    opus = _with_serial(_written(samples, rate, "OGG", "OPUS", OPUS_LEVEL), 1)
    mp3 = _written(samples, rate, "MP3", "MPEG_LAYER_III", 0.5)
    return [(opus, "audio/ogg; codecs=opus"), (mp3, "audio/mpeg")]


def _written(samples, sample_rate, kind, subtype, level=None):
    import soundfile

    file = io.BytesIO()
    options = {} if level is None else {"compression_level": level}
    channels = 1 if np.ndim(samples) == 1 else np.shape(samples)[1]
    with soundfile.SoundFile(
        file, "w", sample_rate, channels, subtype, format=kind, **options
    ) as out:
        out.write(samples)
    return file.getvalue()


def _with_serial(ogg, serial):
    """Ogg pages with a serial number of ours for the random one: the same sound, the same bytes."""
    out, at = bytearray(ogg), 0
    while at < len(out):
        segments = out[at + 26]
        end = at + 27 + segments + sum(out[at + 27 : at + 27 + segments])
        out[at + 14 : at + 18] = serial.to_bytes(4, "little")
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = _ogg_checksum(out[at:end]).to_bytes(4, "little")
        at = end
    return bytes(out)


def _ogg_checksum(page):
    """Ogg's CRC-32: polynomial 0x04c11db7, not reflected, from 0 (RFC 3533)."""
    table = _ogg_table()
    crc = 0
    for byte in page:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ table[(crc >> 24) ^ byte]
    return crc


@functools.cache
def _ogg_table():
    table = []
    for byte in range(256):
        crc = byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(crc)
    return table


# --- pieces of HTML ----------------------------------------------------------------------------


def checked(samples, sample_rate):
    """Samples and rate, if a browser plays them. Raises as `encode`. Chapter: 2.1"""
    sample_rate = check_rate(sample_rate)
    if not LOWEST_PLAYABLE <= sample_rate <= HIGHEST_PLAYABLE:
        raise BadSampleRate(
            f"browsers do not play {sample_rate} Hz: bring the sound to a rate from "
            f"{LOWEST_PLAYABLE} to {HIGHEST_PLAYABLE} Hz with helpers.audio.resample"
        )
    return check_samples(samples, ndim=2 if np.ndim(samples) == 2 else 1), sample_rate


def fitted(samples):
    """Samples turned down if they exceed [-1, 1], and whether they were. Chapter: 2.1"""
    peak = float(np.max(np.abs(samples)))
    return (samples * np.float32(LOUDEST / peak), True) if peak > 1 else (samples, False)


def audio_element(samples, sample_rate, label, encoding="lossless"):
    """An `<audio>` element with the browser's controls and the name `label`, as HTML.

    Raises ValueError without a label (it is what a screen reader says) or for an unknown encoding,
    and as `encode`. Chapter: 2.1
    """
    if not str(label or "").strip():
        raise ValueError("a player needs a label: say what is to be heard")
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding is {encoding!r}; it is 'lossless' or 'compact'")
    samples, sample_rate = checked(samples, sample_rate)
    samples = fitted(samples)[0]
    opening = (
        f'<audio controls preload="none" aria-label="{_html.escape(label)}" '
        f'data-seconds="{len(samples) / sample_rate:.4f}" '
        'style="width:17rem;max-width:100%;height:2.5rem;vertical-align:middle"'
    )
    if encoding == "lossless":
        return f'{opening} src="{_html.data_address(*encode(samples, sample_rate))}"></audio>'
    sources = "".join(
        f'<source src="{_html.data_address(content, kind.partition(";")[0])}" type="{kind}">'
        for content, kind in encode_compact(samples, sample_rate)
    )
    return f"{opening}>{sources}</audio>"


def picture(samples, sample_rate, label, view, columns=WAVE_COLUMNS):
    """The picture under a playhead, as HTML: "waveform", "spectrogram" or None for none.

    columns: how finely a waveform is drawn. Raises ValueError for another view, and as `encode`.

    Chapter: 2.1
    """
    if view not in VIEWS:
        raise ValueError(f"view is {view!r}; it is 'waveform', 'spectrogram' or None")
    if view is None:
        return ""
    samples, sample_rate = checked(samples, sample_rate)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    seconds = len(mono) / sample_rate
    if view == "waveform":
        said = f"Waveform of: {label}; {seconds:.1f} s, peak {np.max(np.abs(mono)):.2f}"
        return (
            f'<svg class="lm-wave" role="img" aria-label="{_html.escape(said)}" '
            f'viewBox="0 -20 {columns} 40" preserveAspectRatio="none" '
            'style="width:17rem;max-width:100%;height:2.4rem;display:block">'
            f'<path fill="currentColor" d="{_outline(mono, columns)}"/></svg>'
        )
    said = f"Spectrogram of: {label}; {seconds:.1f} s, 0 to {sample_rate / 2000:g} kHz"
    content = _spectrogram(mono, sample_rate)
    return (
        f'<img class="lm-spec" alt="{_html.escape(said)}" '
        f'width="{SPECTROGRAM_COLUMNS}" height="{SPECTROGRAM_ROWS}" '
        f'data-top="{sample_rate / 2000:g} kHz" '
        'loading="lazy" style="width:100%;max-width:34rem;height:6rem;display:block;margin:0;'
        'padding:0;object-fit:fill" '
        f'src="{_html.data_address(content, "image/webp")}">'
    )


def _outline(mono, columns):
    """The path of bars, one for the range in each column, scaled to the peak."""
    edges = np.unique(np.linspace(0, len(mono), columns + 1).astype(int))[:-1]
    scale = 20 / max(float(np.max(np.abs(mono))), 1e-9)
    high = np.maximum(np.round(np.maximum.reduceat(mono, edges) * scale), 0)
    low = np.minimum(np.round(np.minimum.reduceat(mono, edges) * scale), 0)
    low = np.where(high == low, low - 1, low)  # silence is a line, not nothing
    at = np.round(edges / len(mono) * columns).astype(int)
    width = np.diff(np.append(at, columns))
    bars = zip(at, width, high.astype(int), (high - low).astype(int), strict=True)
    return "".join(f"M{x} {-up}h{wide}v{tall}h-{wide}" for x, wide, up, tall in bars)


def _spectrogram(mono, sample_rate):
    """A small picture, linear in frequency and 80 dB deep, as WebP bytes."""
    import matplotlib
    from PIL import Image

    width = max(64, round(0.032 * sample_rate))
    padded = np.pad(mono, width // 2, mode="reflect" if len(mono) > width // 2 else "constant")
    starts = np.linspace(0, max(0, len(mono) - 1), SPECTROGRAM_COLUMNS).astype(int)
    frames = padded[np.minimum(starts[:, None] + np.arange(width), len(padded) - 1)]
    power = np.abs(np.fft.rfft(frames * np.hanning(width))) ** 2
    level = 10 * np.log10(power + 1e-12)
    level = np.clip((level - level.max()) / 80 + 1, 0, 1)
    rows = np.linspace(0, level.shape[1] - 1, SPECTROGRAM_ROWS + 1).astype(int)
    image = np.stack(
        [level[:, a : max(b, a + 1)].max(axis=1) for a, b in itertools.pairwise(rows)]
    )[::-1]
    colours = matplotlib.colormaps["magma"](image, bytes=True)[:, :, :3]
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "WEBP", quality=60, method=6)
    return file.getvalue()


def credit_line(credit):
    """Whose sound it is, as HTML; nothing for None. Chapter: 2.1"""
    if not credit:
        return ""
    return (
        f'<p class="lm-credit" style="font-size:0.8em;margin:0.1rem 0 0.5rem;color:{_html.MUTED}">'
        f"{_html.inline(str(credit))}</p>"
    )
