"""Sound as arrays: load, save, resample, set levels, mix, cut into frames and segments.

A sound is a NumPy array of float32 samples, shape (n,), nominally in [-1, 1], and a sample rate in
hertz. Every function takes float arrays of any precision, computes in float64 where rounding would
show, and returns a new float32 array: inputs are never changed. Samples are checked on the way in
(`check_samples`); what is wrong is raised as a member of the `AudioError` family of
`helpers.errors`, whose message says what to do.

*Silence* here means that no sample exceeds `SILENCE` = 1e-10 (−200 dB): less than the smallest
step of a 32-bit file.
"""

import contextlib
import difflib
import functools
import io
import itertools
import math
import os
import secrets
import shlex
import stat
import sys
import threading
from typing import NamedTuple

import numpy as np

from helpers._headers import read_header
from helpers.errors import (
    AudioEmpty,
    AudioError,
    AudioFileMissing,
    AudioNotFinite,
    AudioOutOfRange,
    AudioSilent,
    AudioTooLong,
    AudioTooShort,
    AudioTruncated,
    AudioUnreadable,
    AudioUnwritable,
    BadSampleRate,
    BadSampleType,
    ShapeError,
)

LOWEST_RATE = 1_000
HIGHEST_RATE = 768_000
MAX_SAMPLES = 2**30  # 4 GiB of float32: what one call may return
LARGEST_SAMPLE = 2.0**31  # a float file that holds unscaled 32-bit integers reaches this
SILENCE = 1e-10
FLOOR_DB = -200.0
LARGEST_SNR = 100.0

_BLOCK = 65536  # frames decoded at a time
_SALVAGE_BLOCK = 256  # the same when the decoder has failed and every good frame counts
_UNKNOWN_LENGTH = 2**62  # libsndfile reports more frames than this when it does not know
_READABLE = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "AIFF", "AU")
_WRITABLE = {  # format, coding, highest rate (beyond it the Vorbis encoder crashes), most channels
    ".wav": ("WAV", "PCM_16", HIGHEST_RATE, 64),
    ".flac": ("FLAC", "PCM_16", 655_350, 8),
    ".ogg": ("OGG", "VORBIS", 200_000, 8),
}


class Sound(NamedTuple):
    """What `load` returns: samples, float32 of shape (n,), and their rate in hertz, an int."""

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self):
        """Duration in seconds."""
        return len(self.samples) / self.sample_rate


# --- checks ------------------------------------------------------------------------------------


def check_samples(x, name="samples", ndim=1):
    """Return `x` as a float32 array, or say what is wrong with it.

    x: float array of shape (n,), or (n, channels) with ndim=2; any float precision. Returns
    float32 of the same shape; `x` itself if it is float32 already.

    Raises `BadSampleType` if the samples are not floating point, `ShapeError` for another number
    of dimensions, `AudioEmpty` for no samples, `AudioNotFinite` for NaN or infinity,
    `AudioOutOfRange` beyond ±2³¹ (samples beyond ±1 are legal until they are saved).

    Chapter: 2.1
    """
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"{name} is no regular array ({error}). Pass one sound.") from None
    if array.dtype.kind in "iu":
        width = array.dtype.itemsize * 8
        raise BadSampleType(
            f"{name} has whole numbers ({array.dtype}). Scale it to [-1, 1] first, for 16-bit "
            f"samples `{name}.astype('float32') / 32768` (here perhaps 2**{width - 1})."
        )
    if array.dtype.kind != "f":
        raise BadSampleType(
            f"{name} is of type {array.dtype}, not floating point numbers. Pass the samples of a "
            "sound as a float32 array, such as `load(path).samples`."
        )
    if array.ndim != ndim:
        remedy = "Take one channel, `x[:, 0]`, or the mean of all, `x.mean(axis=1)`."
        if ndim == 2 or array.ndim == 0:
            remedy = "Reshape it."
        shape = "(n,)" if ndim == 1 else "(n, channels)"
        raise ShapeError(f"{name} has shape {array.shape}, but {shape} is needed. {remedy}")
    if array.size == 0:
        raise AudioEmpty(f"{name} has no samples. Check how it was cut.")
    _check_values(array, name)
    return array.astype(np.float32, copy=False)


def _check_values(array, name, first=0):
    """Refuse NaN, infinity and absurd values; `first` is the index of array[0] in the sound."""
    low, high = float(array.min()), float(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = np.argwhere(~np.isfinite(array))[0]
        value = array[tuple(bad)]
        raise AudioNotFinite(
            f"{name} has a sample that is no finite number ({value} at index {first + bad[0]}). "
            "Find the step that made it, or replace such samples with numpy.nan_to_num."
        )
    if max(-low, high) > LARGEST_SAMPLE:
        raise AudioOutOfRange(
            f"{name} has a sample of {max(low, high, key=abs):.3g}; sound lies in [-1, 1]. "
            "This is more likely other data, or a damaged file."
        )


def check_rate(rate, name="sample_rate"):
    """Return a sample rate in hertz as an int, or raise `BadSampleRate`.

    Whole numbers from 1 000 to 768 000 are accepted, as int or float: less carries no speech, more
    no converter delivers. Chapter: 2.1
    """
    try:
        number = float(rate)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(rate, bool | str | bytes) or not number.is_integer():
        raise BadSampleRate(f"{name} is {rate!r}: pass a whole number of hertz, such as 8000.")
    if not LOWEST_RATE <= number <= HIGHEST_RATE:
        raise BadSampleRate(
            f"{name} is {number:.0f} Hz, outside {LOWEST_RATE} … {HIGHEST_RATE} Hz. Speech is "
            "usually at 8000 or 16000, music at 44100 or 48000."
        )
    return int(number)


def _check_count(value, name, least=1):
    """Return a whole number of samples as an int, or raise `ShapeError`."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool | str | bytes) or not number.is_integer() or number < least:
        raise ShapeError(f"{name} is {value!r}: pass a whole number of at least {least}.")
    if number > MAX_SAMPLES:
        raise AudioTooLong(f"{name} is {value!r}, more than the {MAX_SAMPLES} one call may make.")
    return int(number)


def _check_number(value, name, low, high, unit=""):
    """Return a float within [low, high], or raise `AudioOutOfRange`."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool | str | bytes) or not low <= number <= high:
        raise AudioOutOfRange(f"{name} is {value!r}: pass a number from {low:g} to {high:g}{unit}.")
    return number


# --- loading -----------------------------------------------------------------------------------


def load(
    path, sample_rate=None, mono=True, max_seconds=3600.0, channel=None, allow_truncated=False
):
    """Read a sound file: WAV (with RF64), FLAC, OGG (Vorbis, Opus), MP3, AIFF or AU.

    path: a path (str or Path, `~` is your home), the file's content (bytes, bytearray or
        memoryview, as an upload widget gives), or a binary file object, which is read to its end.
    sample_rate: hertz to resample to; None keeps the file's own.
    mono: True averages the channels into one. Channels of opposite phase cancel each other in an
        average, even to silence: take one with `channel`. False returns every channel.
    channel: number of the one channel to return, from 0.
    max_seconds: refuse more. Checked on the header, before anything is decoded.
    allow_truncated: return what is there of a file that is cut off or damaged.

    Returns `Sound(samples, sample_rate)`: float32 of shape (n,), or (n, channels) if mono=False.
    Whole-number formats of b bits are divided by 2^(b-1), so they lie in [-1, 1); float formats
    come as they are and may exceed ±1. A file of one sample gives one sample, a silent file gives
    silence. The length is the file's, or after resampling the one that `resample` documents. The
    kind of file is told by its content, never by its name. The file is decoded in blocks: memory
    beyond the result stays small however long the file.

    What is missing is never passed over: a file that has less than its header promises, an Ogg page
    that is missing or changed, or an MP3 frame that cannot be found raises `AudioTruncated`. What
    no format can show stays unseen: changed samples in WAV, AIFF and AU, which have no checksum,
    and an MP3 file without a length tag that ends exactly between two frames.

    Raises, all of the `AudioError` family: `AudioFileMissing`; `AudioUnreadable` (a folder, a
    device or pipe, no permission, no audio, another format); `AudioTruncated`; `AudioEmpty`;
    `AudioNotFinite`; `AudioOutOfRange` (samples beyond ±2³¹); `BadSampleRate` (outside 1 000 …
    768 000 Hz); `AudioTooLong` (more than max_seconds, or than 2³⁰ samples); `AudioTooShort`
    (nothing left after resampling); `ShapeError` (no such channel). `TypeError` if `path` is none
    of the above.

    The MP3 decoder writes warnings to the process's standard error. While an MP3 file is decoded,
    file descriptor 2 therefore leads nowhere: one thread decodes MP3 at a time, and what other
    threads write straight to that descriptor meanwhile is lost.

    Chapter: 2.1. Source: decoding by libsndfile, rate conversion by the SoX resampler.
    """
    if sample_rate is not None:
        sample_rate = check_rate(sample_rate)
    max_seconds = _check_number(max_seconds, "max_seconds", 0, math.inf)
    if channel is not None:
        channel = _check_count(channel, "channel", least=0)
        if not mono:
            raise ShapeError("channel= asks for one channel, mono=False for all: pass one of them.")
    with _open_source(path) as (file, size, name):
        try:
            header = read_header(file, size)
        except AudioError as error:
            text = str(error).replace(
                "{name}", shlex.quote(name) if isinstance(path, str | os.PathLike) else "sound.in"
            )
            raise type(error)(f"{name} {text}") from None
        except OSError as error:
            raise AudioUnreadable(f"{name} cannot be read: {error}. Check the disk.") from None
        if header.sample_rate is not None:
            _check_file_rate(header.sample_rate, name)
        shown = _Shown(file, size, header)
        request = _Request(name, sample_rate, mono, channel, max_seconds, header.fault)
        with _standard_error_closed(header.noisy):
            result = _decode(shown, request, _BLOCK)
            if result.error:
                result = _decode(shown, request, _SALVAGE_BLOCK)
    if not allow_truncated:
        _refuse_truncated(name, header, result)
    if result.frames == 0:
        raise AudioEmpty(f"{name} holds no samples. Record or fetch it again.")
    return Sound(result.samples, result.sample_rate)


def _check_file_rate(rate, name):
    try:
        return check_rate(rate)
    except BadSampleRate:
        raise BadSampleRate(
            f"{name} says that its sample rate is {rate} Hz, outside {LOWEST_RATE} … "
            f"{HIGHEST_RATE} Hz. The header is damaged, or this is no sound: fetch it again."
        ) from None


def _refuse_truncated(name, header, result):
    """Raise `AudioTruncated` if the file promised more than was decoded."""
    remedy = "Fetch it again, or pass allow_truncated=True to use what is there."
    present, expected, about = result.frames, None, ""
    cut = header.present is not None and header.declared > header.present
    if cut and header.frames is not None:
        expected = header.frames
    elif cut and header.present >= 4096:
        expected, about = round(present * header.declared / header.present), "about "
    elif (header.fault is None or not header.prefix) and result.promised < _UNKNOWN_LENGTH:
        expected = result.promised
    if expected is not None and expected > present:
        raise AudioTruncated(
            f"{name} is cut off or damaged: its header promises {about}{expected} samples, "
            f"{present} can be decoded. {remedy}",
            present,
            expected,
        )
    reason = header.fault or result.error
    if not reason and cut:
        reason = "it ends before its sound begins"
    if reason:
        raise AudioTruncated(
            f"{name} is cut off or damaged: {reason}; {present} samples can be decoded. {remedy}",
            present,
            None,
        )


@contextlib.contextmanager
def _open_source(path):
    """Yield (binary file, size in bytes, name for messages) of whatever `load` was given."""
    if isinstance(path, bytes | bytearray | memoryview):
        content, name = bytes(path), "The audio data"
    elif hasattr(path, "read"):
        content, name = path.read(), "The audio file object"
        if not isinstance(content, bytes | bytearray | memoryview):
            raise TypeError("The file object gives text: open it in binary mode, open(path, 'rb').")
        content = bytes(content)
    elif isinstance(path, str | os.PathLike):
        with _open_path(path) as (file, size, name):
            yield file, size, name
        return
    else:
        raise TypeError(
            f"load needs a path, bytes or a binary file object, not {type(path).__name__}."
        )
    if not content:
        raise AudioEmpty(f"{name} is empty (zero bytes). Choose a file again.")
    yield io.BytesIO(content), len(content), name


@contextlib.contextmanager
def _open_path(path):
    path = os.path.expanduser(os.fsdecode(path))
    name = path.encode("utf-8", "backslashreplace").decode("utf-8")
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise AudioUnreadable(f"{name} is a folder. Pass the path of one file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise AudioUnreadable(
                f"{name} is a device, pipe or socket. Save the sound in an ordinary file first."
            )
        file = open(path, "rb")  # noqa: SIM115 (closed below; only opening belongs in this try)
    except (FileNotFoundError, NotADirectoryError):
        raise AudioFileMissing(f"There is no file {name}. {_missing_hint(path)}") from None
    except PermissionError:
        raise AudioUnreadable(
            f"{name} may not be read by you. Change its permissions, or copy it."
        ) from None
    except AudioError:
        raise
    except (OSError, ValueError) as error:
        raise AudioUnreadable(f"{name} cannot be opened: {error}. Check the path.") from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise AudioEmpty(f"{name} is empty (zero bytes). Fetch or record it again.")
        yield file, size, name


def _missing_hint(path):
    if "://" in path:
        return "This is a web address: download the file and pass its path."
    folder, file_name = os.path.split(path)
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in itertools.islice(entries, 1000)]
    except OSError:
        return f"The folder {folder} does not exist either. Relative paths start at {os.getcwd()}."
    near = difflib.get_close_matches(file_name, names, n=1)
    if near:
        return f"Did you mean {os.path.join(folder, near[0])}?"
    return f"Check the spelling; relative paths start at {os.getcwd()}."


class _Shown:
    """A file as the decoder sees it. Nothing raises: a decoder's callbacks must not."""

    def __init__(self, file, size, header):
        self.file = file  # and no name: the decoder would judge the file by its suffix
        self.prefix, self.skip = header.prefix, header.skip
        self.length = len(self.prefix) + size - self.skip
        self.position = 0
        self.error = None

    def tell(self):
        return self.position

    def seek(self, offset, whence=os.SEEK_SET):
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.length}[whence]
        self.position = min(max(0, base + offset), self.length)
        return self.position

    def read(self, count=-1):
        if count < 0:
            count = self.length - self.position
        start = self.prefix[self.position : self.position + count]
        count -= len(start)
        rest = b""
        try:
            if count:
                place = self.position + len(start) - len(self.prefix) + self.skip
                self.file.seek(place)
                rest = self.file.read(count)
        except OSError as error:
            self.error = error
        self.position += len(start) + len(rest)
        return start + rest


class _Request(NamedTuple):
    name: str
    sample_rate: int | None
    mono: bool
    channel: int | None
    max_seconds: float
    fault: str | None = None


class _Decoded(NamedTuple):
    samples: np.ndarray
    sample_rate: int
    frames: int  # decoded, at the file's own rate
    promised: int  # by the file
    error: str | None


@functools.cache
def _sequential_file():
    """The class of sound files that are read from start to end, without a seek after each block."""
    import soundfile

    class SequentialFile(soundfile.SoundFile):
        def seekable(self):
            return False

    return SequentialFile


def _decode(shown, request, block):
    """Decode everything the decoder gives, block by block, into one float32 array."""
    import soundfile

    name, frames, error = request.name, 0, None
    shown.seek(0)
    try:
        with _sequential_file()(shown) as sound:
            if sound.format not in _READABLE:
                raise AudioUnreadable(
                    f"{name} is a {sound.format} file, which is not supported. Convert it to WAV."
                )
            rate = _check_file_rate(sound.samplerate, name)
            sink = _Sink(request, rate, sound.channels)
            promised = sound.frames
            if promised < _UNKNOWN_LENGTH:
                sink.refuse_long(promised)
            while error is None:
                try:
                    part = sound.read(block, dtype="float32", always_2d=True)
                except (soundfile.SoundFileError, AssertionError) as failure:
                    error = f"the decoder gave up ({_reason(failure)})"
                    break
                if len(part) == 0:
                    break
                frames += len(part)
                sink.refuse_long(frames)
                sink.add(part)
    except soundfile.SoundFileError as failure:
        if request.fault:
            raise AudioTruncated(
                f"{name} is cut off or damaged: {request.fault}, and nothing can be decoded. Fetch "
                "it again.",
                0,
            ) from None
        raise AudioUnreadable(
            f"{name} begins like audio but cannot be decoded ({_reason(failure)}). It is damaged, "
            "or of a rare kind: fetch it again, or convert it to WAV."
        ) from None
    if shown.error:
        raise AudioUnreadable(f"{name} cannot be read: {shown.error}. Check the disk.")
    samples = sink.finish() if frames else np.zeros(0, np.float32)
    return _Decoded(samples, request.sample_rate or rate, frames, promised, error)


def _reason(failure):
    text = getattr(failure, "error_string", None) or str(failure) or type(failure).__name__
    return text.removeprefix("Error : ").strip().rstrip(".")


class _Sink:
    """Collects decoded blocks: chooses channels, checks values, resamples."""

    def __init__(self, request, rate, channels):
        self.request, self.rate = request, rate
        if request.channel is not None and request.channel >= channels:
            raise ShapeError(
                f"{request.name} has {channels} channel{'s' * (channels > 1)}, and none numbered "
                f"{request.channel}. Choose among 0 … {channels - 1}."
            )
        self.width = 1 if request.mono else channels
        self.ratio = (request.sample_rate or rate) / rate
        self.frames = 0
        self.bytes = bytearray()
        self.stream = None
        if self.ratio != 1:
            self.stream = _stream(rate, request.sample_rate, self.width)

    def refuse_long(self, frames):
        name, seconds = self.request.name, frames / self.rate
        if seconds > self.request.max_seconds:
            raise AudioTooLong(
                f"{name} lasts {seconds:.1f} s or more, over the limit of "
                f"{self.request.max_seconds:g} s. Cut it, or raise max_seconds."
            )
        if frames * self.ratio * self.width > MAX_SAMPLES:
            raise AudioTooLong(
                f"{name} would give over {MAX_SAMPLES} samples. Cut it, or ask for a lower "
                "sample_rate or one channel."
            )

    def add(self, block):
        if self.request.channel is not None:
            block = block[:, self.request.channel, None]
        _check_values(block, self.request.name, self.frames)
        if self.request.mono and block.shape[1] > 1:
            block = block.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
        self.frames += len(block)
        if self.stream is not None:
            block = self.stream.resample_chunk(np.ascontiguousarray(block), last=False)
        self.bytes += np.ascontiguousarray(block).data.cast("B") if block.size else b""

    def finish(self):
        if self.stream is not None:
            rest = np.zeros((0, self.width), np.float32)
            rest = self.stream.resample_chunk(rest, last=True)
            self.bytes += np.ascontiguousarray(rest).data.cast("B") if rest.size else b""
            if not self.bytes:
                _refuse_vanishing(self.request.name, self.frames, self.rate, self.ratio)
        samples = np.frombuffer(self.bytes, np.float32)
        return samples if self.request.mono else samples.reshape(-1, self.width)


_decoding_mp3 = threading.Lock()


@contextlib.contextmanager
def _standard_error_closed(noisy):
    """Send file descriptor 2 nowhere while `noisy`: the MP3 decoder cannot be told to be quiet."""
    if not noisy:
        yield
        return
    with _decoding_mp3:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            kept = os.dup(2)
        except OSError:  # there is no standard error to keep clean
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, 2)
            finally:
                os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# --- saving ------------------------------------------------------------------------------------


def save(path, samples, sample_rate):
    """Write a sound file: 16-bit WAV or FLAC, or OGG Vorbis, by the suffix of `path`.

    samples: float array in [-1, 1], shape (n,) or (n, channels). sample_rate: Hz.

    WAV and FLAC give back what was saved within half a 16-bit step, 2^-16 (a whole step between
    1 - 2^-16 and 1, which 16 bits cannot hold). OGG Vorbis is lossy. The file appears under its
    name only when it is complete and has been read back; until then, and after any failure, an
    older file of that name stays as it was. Returns None.

    Raises `AudioOutOfRange` for samples beyond ±1, `AudioUnwritable` for another suffix, a missing
    folder, no permission, a full disk, or a rate or channel count that the format does not know,
    `BadSampleRate`, and what `check_samples` raises.

    Chapter: 2.1
    """
    rate = check_rate(sample_rate)
    samples = check_samples(samples, ndim=2 if np.ndim(samples) == 2 else 1)
    peak = float(np.abs(samples).max())
    if peak > 1:
        raise AudioOutOfRange(
            f"The largest sample is {peak:.4g}, but a sound file holds [-1, 1]. Bring it down with "
            "peak_normalise(samples) first."
        )
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"save needs a path, not {type(path).__name__}.")
    path = os.path.realpath(os.path.expanduser(os.fsdecode(path)))
    name = path.encode("utf-8", "backslashreplace").decode("utf-8")
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _WRITABLE:
        raise AudioUnwritable(
            f"{name} has the suffix {suffix!r}; sound is written as {', '.join(_WRITABLE)}."
        )
    kind, coding, highest_rate, most_channels = _WRITABLE[suffix]
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    if rate > highest_rate or channels > most_channels:
        raise AudioUnwritable(
            f"{kind} takes at most {highest_rate} Hz and {most_channels} channels, not {rate} Hz "
            f"and {channels}. Resample, choose channels, or write another format."
        )
    if os.path.isdir(path):
        raise AudioUnwritable(f"{name} is a folder. Choose another name.")
    folder, file_name = os.path.split(path)
    if not os.path.isdir(folder):
        raise AudioUnwritable(f"There is no folder {folder}. Create it first.")
    part = os.path.join(folder, f".{secrets.token_hex(6)}.part")
    try:
        _write(part, samples, rate, kind, coding)
        os.replace(part, path)
    except PermissionError:
        raise AudioUnwritable(f"You may not write {name}. Choose another folder.") from None
    except (OSError, RuntimeError, AssertionError, AudioUnreadable) as error:
        reason = str(error) or "not all of it could be written"
        raise AudioUnwritable(
            f"{name} cannot be written: {reason.replace(part, file_name)} Check the free space."
        ) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)


def _write(path, samples, rate, kind, subtype):
    """Write a file and read it back; samples are rounded to 16 bits here, not by the encoder."""
    import soundfile

    with open(path, "xb"):
        channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, subtype, format=kind) as sound:
        for start in range(0, len(samples), _BLOCK):
            block = samples[start : start + _BLOCK]
            if subtype == "PCM_16":
                block = np.clip(np.rint(block * 32768.0), -32768, 32767).astype(np.int16)
            sound.write(np.ascontiguousarray(block))
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = read_header(file, size)
        shown = _Shown(file, size, header)
        decoded = _decode(shown, _Request(path, None, False, None, math.inf), _BLOCK)
    _refuse_truncated(path, header, decoded)
    if decoded.frames != len(samples):
        raise AudioUnreadable(f"{decoded.frames} of {len(samples)} samples were written.")


# --- rates and levels --------------------------------------------------------------------------


def _stream(from_rate, to_rate, channels):
    import soxr

    return soxr.ResampleStream(from_rate, to_rate, channels, dtype="float32", quality="HQ")


def _refuse_vanishing(name, count, from_rate, ratio):
    raise AudioTooShort(
        f"{name} has {count} samples at {from_rate} Hz, which is less than half a sample at "
        f"{from_rate * ratio:.0f} Hz. Use a longer sound or a higher rate."
    )


def resample(samples, from_rate, to_rate):
    """Change the sample rate and keep pitch and duration.

    samples: float array of shape (n,). from_rate, to_rate: Hz. Returns float32 of shape (m,) with
    m = floor(n·to_rate/from_rate + 1/2). Frequencies that the lower of the two rates cannot hold
    are removed (from 0.91 of its half on), all others are kept within 0.01 dB. Equal rates give a
    copy. Samples near ±1 may come out slightly beyond.

    Raises `BadSampleRate`, `AudioTooShort` if m is 0, `AudioTooLong` if m exceeds 2³⁰, and what
    `check_samples` raises.

    Chapter: 2.1. Source: the SoX resampler, quality HQ.
    """
    x = check_samples(samples)
    from_rate, to_rate = check_rate(from_rate, "from_rate"), check_rate(to_rate, "to_rate")
    if from_rate == to_rate:
        return x.copy()
    if len(x) * to_rate / from_rate > MAX_SAMPLES:
        raise AudioTooLong(f"This would make over {MAX_SAMPLES} samples. Cut the sound first.")
    result = _stream(from_rate, to_rate, 1).resample_chunk(np.ascontiguousarray(x), last=True)
    if len(result) == 0:
        _refuse_vanishing("samples", len(x), from_rate, to_rate / from_rate)
    return result


def amplitude_to_db(amplitude, floor_db=FLOOR_DB):
    """Turn amplitudes into decibels: 20·log10(a), never below `floor_db`.

    amplitude: number or array, ≥ 0 (the sign is dropped); 1 is 0 dB. Returns float64 of the same
    shape, a float for a number. Chapter: 2.1
    """
    magnitude = np.abs(np.asarray(amplitude, dtype=np.float64))
    result = 20 * np.log10(np.maximum(magnitude, db_to_amplitude(floor_db)))
    return float(result) if result.ndim == 0 else result


def db_to_amplitude(db):
    """Turn decibels into amplitudes: 10^(db/20), float64 of the same shape. Chapter: 2.1"""
    result = 10.0 ** (np.asarray(db, dtype=np.float64) / 20)
    return float(result) if result.ndim == 0 else result


def rms(samples):
    """Root mean square, sqrt(mean(x²)), of a sound of shape (n,): a float, 0 for silence.

    Raises what `check_samples` raises. Chapter: 2.1
    """
    x = check_samples(samples).astype(np.float64)
    return math.sqrt(np.dot(x, x) / len(x))


def dbfs(samples):
    """Level in dB relative to full scale: 20·log10(rms), at least −200; −3.01 for a full sine.

    Raises what `check_samples` raises. Chapter: 2.1
    """
    return amplitude_to_db(rms(samples))


def is_silent(samples):
    """True if no sample exceeds 1e-10 in magnitude. Raises what `check_samples` raises.

    Chapter: 2.2
    """
    return float(np.abs(check_samples(samples)).max()) <= SILENCE


def peak_normalise(samples, peak=0.99):
    """Scale a sound so that its largest magnitude is `peak`, 0 < peak ≤ 1.

    samples: float array of shape (n,). Returns float32 (n,) within [-peak, peak]. Silence is
    returned unchanged. Raises `AudioOutOfRange` for another peak, and what `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    peak = _check_number(peak, "peak", 1e-6, 1)
    largest = float(np.abs(x).max())
    if largest <= SILENCE:
        return x.copy()
    limit = np.float32(peak)
    limit = limit if limit <= peak else np.nextafter(limit, np.float32(0))
    return np.clip((x * (peak / largest)).astype(np.float32), -limit, limit)


def rms_normalise(samples, level_db=-23.0):
    """Scale a sound so that its root mean square is `level_db` dB relative to full scale.

    samples: float array of shape (n,). level_db: −150 … 0, where 0 means a root mean square of 1.
    Returns float32 (n,). Peaks may exceed ±1: nothing is clipped, and `save` will refuse. Silence
    is returned unchanged. Raises `AudioOutOfRange`, and what `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    level_db = _check_number(level_db, "level_db", -150, 0, " dB")
    if is_silent(x):
        return x.copy()
    return (x.astype(np.float64) * (db_to_amplitude(level_db) / rms(x))).astype(np.float32)


def mix_at_snr(speech, noise, snr_db, loop=False, start=0):
    """Add noise to speech at a signal-to-noise ratio.

    speech: float array of shape (n,). noise: float array of shape (m,), at the same sample rate.
    snr_db: ratio of the powers over the whole n samples, −100 … 100 dB. The samples
    noise[start : start + n] are used; noise that is too short is refused, or repeated end to end
    with loop=True. Returns speech + g·noise, float32 (n,), with g such that the ratio is met
    within 0.01 dB. Speech is not rescaled, so the mixture may exceed ±1.

    Raises `AudioSilent` if either is silent, `AudioTooShort`, `AudioOutOfRange`, `ShapeError`, and
    what `check_samples` raises.

    Chapter: 2.2
    """
    speech, noise = check_samples(speech, "speech"), check_samples(noise, "noise")
    snr_db = _check_number(snr_db, "snr_db", -LARGEST_SNR, LARGEST_SNR, " dB")
    start = _check_count(start, "start", least=0)
    n = len(speech)
    if loop:
        noise = np.take(noise, np.arange(start, start + n), mode="wrap")
    elif start + n > len(noise):
        raise AudioTooShort(
            f"noise has {len(noise)} samples, from {start} on {n} are needed. Pass longer noise, "
            "or loop=True to repeat it (a repetition can be heard and learned)."
        )
    noise = noise[start : start + n] if not loop else noise
    for name, x in (("speech", speech), ("noise", noise)):
        if is_silent(x):
            raise AudioSilent(f"{name} is silent, so no ratio can be set. Leave this pair out.")
    gain = rms(speech) / rms(noise) * db_to_amplitude(-snr_db)
    return (speech + gain * noise.astype(np.float64)).astype(np.float32)


def snr(signal, noise):
    """Signal-to-noise ratio in dB of two sounds of shape (n,), by their mean squares: a float.

    Raises `AudioSilent` if either is silent, and what `check_samples` raises. Chapter: 2.2
    """
    for name, x in (("signal", signal), ("noise", noise)):
        if is_silent(x):
            raise AudioSilent(f"{name} is silent, so there is no ratio.")
    return 20 * math.log10(rms(signal) / rms(noise))


# --- filters -----------------------------------------------------------------------------------


def low_pass_kernel(cutoff, sample_rate, taps=255):
    """Impulse response of a low-pass filter: a sinc under a Blackman window, float64 (taps,).

    cutoff: Hz, where the gain is one half. taps: odd, so that the kernel has a middle. Its sum, the
    gain at 0 Hz, is 1. From full gain to −74 dB it takes about 5.5·sample_rate/taps Hz. The
    high-pass that belongs to it is a 1 in the middle minus this kernel.

    Raises `BadSampleRate`, `AudioOutOfRange` unless 0 < cutoff < sample_rate/2, `ShapeError` if
    taps is not an odd number of at least 3.

    Chapter: 2.1
    """
    rate = check_rate(sample_rate)
    taps = _check_count(taps, "taps", least=3)
    if taps % 2 == 0:
        raise ShapeError(f"taps is {taps}: pass an odd number, so that the kernel has a middle.")
    if not 0 < cutoff < rate / 2:
        raise AudioOutOfRange(
            f"cutoff is {cutoff!r}: pass a frequency between 0 and {rate / 2} Hz."
        )
    n = np.arange(taps) - taps // 2
    kernel = np.sinc(2 * cutoff / rate * n) * np.blackman(taps)
    return kernel / kernel.sum()


def low_pass(samples, sample_rate, cutoff, taps=255):
    """Remove what lies above `cutoff` Hz, without a delay: float (n,) → float32 (n,).

    The convolution with `low_pass_kernel`, whose middle is moved to time 0; before and after the
    sound there is silence. Raises as `low_pass_kernel`, and what `check_samples` raises.

    Chapter: 2.1
    """
    from scipy.signal import fftconvolve

    x = check_samples(samples).astype(np.float64)
    kernel = low_pass_kernel(cutoff, sample_rate, taps)
    half = taps // 2
    return fftconvolve(x, kernel)[half : half + len(x)].astype(np.float32)


# --- frames, lengths and segments --------------------------------------------------------------


def frame(samples, frame_length, hop, pad_end=False):
    """Cut a sound into frames that may overlap.

    samples: float array of shape (n,). frame_length, hop: samples. Returns float32 of shape
    (k, frame_length): row i is samples[i·hop : i·hop + frame_length], and
    k = 1 + floor((n − frame_length)/hop). The samples after the last whole frame are left out;
    with pad_end=True zeros are appended so that every sample is in a frame (if hop ≤
    frame_length), and k = 1 + ceil(max(0, n − frame_length)/hop).

    Raises `AudioTooShort` if n < frame_length without pad_end, `AudioTooLong` if the frames exceed
    2³⁰ samples, `ShapeError`, and what `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    length, hop = _check_count(frame_length, "frame_length"), _check_count(hop, "hop")
    if pad_end:
        count = 1 + math.ceil(max(0, len(x) - length) / hop)
    elif len(x) < length:
        raise AudioTooShort(
            f"{len(x)} samples do not fill one frame of {length}. Pad with fix_length, or pass "
            "pad_end=True."
        )
    else:
        count = 1 + (len(x) - length) // hop
    if count * length > MAX_SAMPLES:
        raise AudioTooLong(f"{count} frames of {length} exceed {MAX_SAMPLES}. Use a longer hop.")
    needed = (count - 1) * hop + length
    if needed > len(x):
        x = np.pad(x, (0, needed - len(x)))
    return np.lib.stride_tricks.sliding_window_view(x, length)[::hop][:count].copy()


def overlap_add(frames, hop):
    """Add frames up again at their places: the inverse of `frame` if hop = frame_length.

    frames: float array of shape (k, frame_length). Returns float32 of shape
    ((k − 1)·hop + frame_length,). Frames that overlap give the sound back if they were multiplied
    by a window whose shifted copies add up to one. Raises `ShapeError`, and what `check_samples`
    raises.

    Chapter: 2.2
    """
    rows = check_samples(frames, "frames", ndim=2)
    hop = _check_count(hop, "hop")
    count, length = rows.shape
    _check_count((count - 1) * hop + length, "the length of the result")
    result = np.zeros((count - 1) * hop + length)
    for index, row in enumerate(rows):
        result[index * hop : index * hop + length] += row
    return result.astype(np.float32)


def fix_length(samples, length, where="center"):
    """Cut a sound, or pad it with zeros, to exactly `length` samples.

    samples: float array of shape (n,). where: "center" cuts or pads both ends (the odd sample at
    the end), "start" keeps the start and cuts or pads the end. Returns float32 (length,).

    Raises `ShapeError` for another length or place, and what `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    length = _check_count(length, "length")
    if where not in ("center", "centre", "start"):
        raise ShapeError(f'where is {where!r}: pass "center" or "start".')
    missing = length - len(x)
    before = 0 if where == "start" else abs(missing) // 2
    if missing < 0:
        return x[before : before + length].copy()
    return np.pad(x, (before, missing - before))


_STEP = 0.005  # seconds: loudness is judged in steps of this length


def _loud_steps(x, sample_rate, top_db):
    """Which steps of 5 ms are no more than top_db below the loudest: bool (k,); their length."""
    step = max(1, round(_STEP * sample_rate))
    starts = np.arange(0, len(x), step)
    power = np.add.reduceat(x.astype(np.float64) ** 2, starts)
    power /= np.minimum(step, len(x) - starts)
    return power >= power.max() * 10 ** (-top_db / 10), step


def segment(samples, sample_rate, top_db=40.0, min_silence=0.1, min_sound=0.03, pad=0.02):
    """Find where there is sound, by energy alone.

    samples: float array of shape (n,). Steps of 5 ms whose power is at most `top_db` below the
    loudest step count as sound. Sounds closer than `min_silence` seconds are joined, those shorter
    than `min_sound` seconds are then left out, and `pad` seconds (rounded up to whole steps) are
    added on both sides, where the pads of neighbours meet the gap is shared between them.

    Returns int64 of shape (k, 2): start and end (exclusive) in samples, ascending, without
    overlap. Silence gives k = 0.

    Raises `BadSampleRate`, `AudioOutOfRange` for a setting that makes no sense, and what
    `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    rate = check_rate(sample_rate)
    top_db = _check_number(top_db, "top_db", 0, 200, " dB")
    min_silence = _check_number(min_silence, "min_silence", 0, 3600, " s")
    min_sound = _check_number(min_sound, "min_sound", 0, 3600, " s")
    pad = _check_number(pad, "pad", 0, 3600, " s")
    if is_silent(x):
        return np.zeros((0, 2), np.int64)
    loud, step = _loud_steps(x, rate, top_db)
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False)).reshape(-1, 2) * step
    edges = np.minimum(edges, len(x))
    gaps = edges[1:, 0] - edges[:-1, 1]
    kept = np.flatnonzero(gaps >= min_silence * rate)
    starts = edges[np.concatenate(([0], kept + 1)), 0]
    ends = edges[np.concatenate((kept, [len(edges) - 1])), 1]
    long_enough = ends - starts >= min_sound * rate
    starts, ends = starts[long_enough], ends[long_enough]
    if len(starts) == 0:
        return np.zeros((0, 2), np.int64)
    reach = math.ceil(pad * rate / step) * step
    middles = (ends[:-1] + starts[1:]) // 2
    starts = np.maximum(starts - reach, np.concatenate(([0], middles)))
    ends = np.minimum(ends + reach, np.concatenate((middles, [len(x)])))
    return np.stack((starts, ends), axis=1).astype(np.int64)


def trim_silence(samples, sample_rate, top_db=40.0, pad=0.02):
    """Cut off what is quiet before the first and after the last sound.

    samples: float array of shape (n,). Sound is judged as in `segment`; `pad` seconds, rounded up
    to whole steps of 5 ms, are left on both sides. Pauses inside stay. Returns float32 of shape
    (m,), 1 ≤ m ≤ n; trimming again changes nothing. Silence is returned unchanged.

    Raises `BadSampleRate`, `AudioOutOfRange`, and what `check_samples` raises.

    Chapter: 2.2
    """
    x = check_samples(samples)
    rate = check_rate(sample_rate)
    top_db = _check_number(top_db, "top_db", 0, 200, " dB")
    pad = _check_number(pad, "pad", 0, 3600, " s")
    if is_silent(x):
        return x.copy()
    loud, step = _loud_steps(x, rate, top_db)
    where = np.flatnonzero(loud)
    steps = math.ceil(pad * rate / step)
    return x[max(0, where[0] - steps) * step : (where[-1] + 1 + steps) * step].copy()
