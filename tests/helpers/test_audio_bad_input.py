"""Bad and unusual files: each gives the documented result or a specific error with a remedy."""

import contextlib
import io
import os
import re
import stat
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers import audio
from helpers._headers import Header
from helpers.errors import (
    AudioEmpty,
    AudioError,
    AudioFileMissing,
    AudioNotFinite,
    AudioOutOfRange,
    AudioTooLong,
    AudioTooShort,
    AudioTruncated,
    AudioUnreadable,
    BadSampleRate,
    ShapeError,
)
from tests.helpers.audio_files import encode, silent_wav, strip_length_tag, tone, wav_bytes

NOISE = (0.1 * np.random.default_rng(0).standard_normal(20_000)).astype(np.float32)


def refused(error, content, *fragments, **settings):
    """Check that loading raises exactly this error, with these fragments and a remedy in it."""
    with pytest.raises(AudioError) as caught:
        audio.load(content, **settings)
    assert type(caught.value) is error, caught.value
    for fragment in fragments:
        assert fragment in str(caught.value)
    assert re.search(r"[.:] \w+", str(caught.value)), "no remedy"
    return caught.value


# --- paths ---


def test_missing_file_suggests_the_nearest_name(tmp_path):
    audio.save(tmp_path / "seven.wav", tone(), 8000)
    error = refused(AudioFileMissing, tmp_path / "sevn.wav", "Did you mean", "seven.wav")
    assert isinstance(error, FileNotFoundError)


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ("nowhere/at/all.wav", "folder nowhere/at does not exist"),
        ("https://example.org/a.wav", "download"),
        ("no-such-file-here.wav", "relative paths start at"),
        ("", "relative paths start at"),
    ],
)
def test_missing_file_says_where_it_looked(path, fragment):
    refused(AudioFileMissing, path, fragment)


def test_a_file_used_as_a_folder(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"x")
    refused(AudioFileMissing, tmp_path / "a.wav" / "b.wav")


def test_folder(tmp_path):
    refused(AudioUnreadable, tmp_path, "is a folder")


def test_impossible_paths():
    refused(AudioUnreadable, "a\0b.wav", "null")
    refused(AudioUnreadable, "x" * 5000 + ".wav", "cannot be opened")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.timeout(20)
def test_pipe_is_refused_and_never_waits(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    refused(AudioUnreadable, tmp_path / "pipe.wav", "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero on this system")
def test_device_is_refused():
    refused(AudioUnreadable, "/dev/zero", "device")


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    audio.save(path, tone(), 8000)

    def deny(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", deny)
    refused(AudioUnreadable, path, "may not be read", "permissions")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_no_permission_on_disk(tmp_path):
    path = tmp_path / "a.wav"
    audio.save(path, tone(), 8000)
    path.chmod(0)
    refused(AudioUnreadable, path, "may not be read")
    path.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("name", ["ünï cödé 七 🎵.wav", "with spaces.wav", "%20 {name}.wav", "-n"])
def test_unusual_names(tmp_path, name):
    (tmp_path / name).write_bytes(encode(tone()))
    assert len(audio.load(tmp_path / name).samples) == 4000
    assert len(audio.load(str(tmp_path / name)).samples) == 4000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not Unicode")
def test_name_that_is_not_unicode(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")
    Path(path).write_bytes(b"not audio at all \x00\x01")
    error = refused(AudioUnreadable, path, "\\udcff.wav")
    str(error).encode("utf-8")


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    audio.save("~/a.wav", tone(), 8000)
    assert len(audio.load("~/a.wav").samples) == 4000


def test_symbolic_link_is_followed(tmp_path):
    audio.save(tmp_path / "a.wav", tone(), 8000)
    (tmp_path / "b.wav").symlink_to(tmp_path / "a.wav")
    assert len(audio.load(tmp_path / "b.wav").samples) == 4000


@pytest.mark.parametrize("wrong", [None, 3, 3.5, ["a.wav"], io.StringIO("text")])
def test_what_is_no_path_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="path"):
        audio.load(wrong)


def test_bytes_and_file_objects_load_alike(tmp_path):
    content = encode(tone())
    (tmp_path / "a.wav").write_bytes(content)
    expected = audio.load(tmp_path / "a.wav")
    for form in (content, bytearray(content), memoryview(content), io.BytesIO(content)):
        sound = audio.load(form)
        np.testing.assert_array_equal(sound.samples, expected.samples)
        assert sound.sample_rate == 8000
    with open(tmp_path / "a.wav", "rb") as file:
        assert len(audio.load(file).samples) == 4000
    assert expected.seconds == 0.5


# --- not audio ---


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"Once upon a time there was a text file.\n", "text file"),
        (b"\0" * 100, "zero bytes"),
        (bytes(range(200, 255)), "not an audio file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "PNG"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"PK\x03\x04" + bytes(50), "ZIP"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "ffmpeg -i"),
        (b"\x1a\x45\xdf\xa3" + bytes(50), "WebM"),
        (b"MThd" + bytes(50), "synthesiser"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x93NUMPY" + bytes(50), "numpy.load"),
        (encode(tone(), kind="CAF"), "Core Audio"),
        (encode(tone(), kind="W64"), "Wave64"),
        (encode(tone(), kind="AIFF", subtype="DWVW_16"), "DWVW"),
        (b"RIFF\x24\0\0\0AVI LIST" + bytes(60), "not an audio file"),
        (wav_bytes(bytes(100), codec=0x1234), "cannot be decoded"),
        (wav_bytes(bytes(100), channels=0), "cannot be decoded"),
        (wav_bytes(bytes(100), bits=0), "cannot be decoded"),
    ],
)
def test_not_audio(tmp_path, content, fragment):
    refused(AudioUnreadable, content, fragment)
    (tmp_path / "a.wav").write_bytes(content)
    refused(AudioUnreadable, tmp_path / "a.wav", fragment, "a.wav")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3", "AIFF", "AU"])
def test_the_name_does_not_decide_the_kind(tmp_path, kind):
    path = tmp_path / "clip.raw"
    path.write_bytes(encode(NOISE, kind=kind))
    assert len(audio.load(path).samples) == len(NOISE)


def test_empty_file(tmp_path):
    (tmp_path / "a.wav").touch()
    refused(AudioEmpty, tmp_path / "a.wav", "zero bytes")
    refused(AudioEmpty, b"", "zero bytes")
    refused(AudioEmpty, io.BytesIO(), "zero bytes")


# --- lengths ---


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "RF64"])
def test_no_samples(kind):
    refused(AudioEmpty, encode(np.zeros(0), kind=kind), "no samples")


def test_header_that_was_never_finished():
    refused(AudioEmpty, wav_bytes(bytes(500), declared=0, riff=36), "500 bytes follow")


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF", "AU"])
def test_one_sample(kind):
    sound = audio.load(encode(np.array([0.5]), kind=kind))
    assert sound.samples.shape == (1,)
    if kind != "OGG":
        np.testing.assert_allclose(sound.samples, [0.5], atol=2**-15)


def test_one_sample_at_another_rate():
    one = encode(np.array([0.5]), rate=48000)
    refused(AudioTooShort, one, "half a sample", sample_rate=8000)
    assert audio.load(one, sample_rate=96000).samples.shape == (2,)


def test_silence_loads():
    for kind in ("WAV", "FLAC", "OGG", "MP3"):
        sound = audio.load(encode(np.zeros(4000), kind=kind))
        assert sound.samples.shape == (4000,)
        assert np.abs(sound.samples).max() < 1e-4


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "AU", "RF64", "FLAC", "MP3"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_cut_off_file_names_how_much_is_there(kind, part):
    content = encode(NOISE, kind=kind)
    content = content[: round(len(content) * part)]
    error = refused(AudioTruncated, content, "20000", "allow_truncated=True")
    assert error.expected == 20000
    assert 0 < error.present < 20000
    assert isinstance(error, AudioUnreadable)
    there = audio.load(content, allow_truncated=True).samples
    assert len(there) == error.present
    reference = audio.load(encode(NOISE, kind=kind)).samples
    np.testing.assert_allclose(there[:-2000], reference[: len(there) - 2000], atol=1e-6)


def test_cut_off_ogg_is_known_by_its_last_page():
    content = encode(np.tile(NOISE, 4), kind="OGG")
    content = content[: len(content) * 2 // 3]
    error = refused(AudioTruncated, content, "ends inside a page")
    assert len(audio.load(content, allow_truncated=True).samples) == error.present > 10_000


@pytest.mark.parametrize("subtype", ["PCM_24", "DOUBLE", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"])
def test_cut_off_wav_of_other_codings(subtype):
    content = encode(NOISE, subtype=subtype)
    error = refused(AudioTruncated, content[: len(content) // 2])
    assert error.expected == pytest.approx(20000, rel=0.02)
    assert error.present == pytest.approx(10000, rel=0.06)


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "OGG", "MP3", "AU"])
def test_cut_off_inside_the_header(kind):
    content = encode(NOISE, kind=kind, subtype="FLOAT" if kind == "WAV" else None)
    for length in range(12, 60, 3):
        with pytest.raises(AudioError):
            audio.load(content[:length])
        with pytest.raises(AudioError):
            audio.load(content[:length], max_seconds=1e-9)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_damage_in_the_middle_is_not_passed_over(kind):
    content = bytearray(encode(np.tile(NOISE, 4), kind=kind))
    del content[len(content) // 2 : len(content) // 2 + 1000]
    refused(AudioTruncated, bytes(content), "damaged")


@pytest.mark.parametrize("kind", ["FLAC", "OGG"])
def test_one_flipped_bit_is_seen_where_the_format_has_checksums(kind):
    content = bytearray(encode(np.tile(NOISE, 4), kind=kind))
    for place in range(len(content) // 2, len(content), len(content) // 9):
        damaged = bytearray(content)
        damaged[place] ^= 16
        refused(AudioTruncated, bytes(damaged), "damaged")


def test_mp3_without_a_length_tag_loads_whole():
    content = strip_length_tag(encode(NOISE, kind="MP3"))
    assert soundfile.info(io.BytesIO(content)).frames < 15_000, "the decoder's guess is too short"
    samples = audio.load(content).samples
    assert 20_000 <= len(samples) < 23_000
    assert len(audio.load(content + b"TAG" + bytes(125)).samples) == len(samples)
    assert len(audio.load(b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + content).samples) == len(samples)
    assert refused(AudioTruncated, content[:-20], "last frame").present < len(samples)


def test_joined_mp3_files_load_to_the_end():
    content = encode(NOISE, kind="MP3")
    assert len(audio.load(content + content).samples) >= 40_000


def test_declared_sizes_beyond_the_file():
    data = struct.pack("<1000h", *range(1000))
    error = refused(AudioTruncated, wav_bytes(data, declared=0x40000000), "536870912", "1000")
    assert (error.present, error.expected) == (1000, 0x20000000)
    for unknown in (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000):  # what recorders write into a pipe
        assert len(audio.load(wav_bytes(data, declared=unknown, riff=unknown)).samples) == 1000


def test_flac_that_promises_years():
    content = bytearray(encode(NOISE, kind="FLAC"))
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    refused(AudioTooLong, bytes(content), "max_seconds")
    refused(AudioTooLong, bytes(content), "samples", max_seconds=float("inf"))


def test_flac_that_does_not_know_its_length():
    content = bytearray(encode(NOISE, kind="FLAC"))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    assert len(audio.load(bytes(content)).samples) == 20_000
    refused(AudioTooLong, bytes(content), "limit of 1 s", max_seconds=1)


def test_an_hour_loads_and_more_is_refused_unread(tmp_path, monkeypatch):
    hour = silent_wav(tmp_path / "hour.wav", 3600)
    sound = audio.load(hour)
    assert sound.seconds == 3600
    del sound
    longer = silent_wav(tmp_path / "longer.wav", 3601)
    monkeypatch.setattr("soundfile.SoundFile.read", None)
    refused(AudioTooLong, longer, "3601.0 s", "max_seconds")
    refused(AudioTooLong, hour, "limit of 10 s", max_seconds=10)


def test_memory_stays_near_the_size_of_the_result(tmp_path):
    path = silent_wav(tmp_path / "a.wav", 300, rate=48000, channels=2)  # 58 MB on disk
    tracemalloc.start()
    try:
        samples = audio.load(path, sample_rate=8000).samples
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert samples.nbytes == 9_600_000
    assert peak < 2 * samples.nbytes + 8_000_000


def test_more_samples_than_a_call_may_return(tmp_path):
    path = silent_wav(tmp_path / "a.wav", 3000, rate=8000, channels=2)
    settings = {"mono": False, "sample_rate": 192000}
    refused(AudioTooLong, path, str(audio.MAX_SAMPLES), **settings)


@pytest.mark.parametrize("limit", [-1, None, float("nan"), "60"])
def test_max_seconds_is_checked(limit):
    refused(AudioOutOfRange, encode(tone()), "max_seconds", max_seconds=limit)


# --- values ---


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(subtype, value):
    x = tone().astype(np.float64)
    x[1234] = value
    refused(AudioNotFinite, encode(x, subtype=subtype), "1234")
    stereo = np.stack((tone(), x), axis=1)
    refused(AudioNotFinite, encode(stereo, subtype=subtype), "1234")
    assert len(audio.load(encode(stereo, subtype=subtype), channel=0).samples) == 4000


def test_opposite_infinities_in_two_channels():
    refused(AudioNotFinite, encode(np.array([[np.inf, -np.inf]] * 9), subtype="FLOAT"))


def test_floats_beyond_one_are_kept_and_absurd_ones_refused():
    x = np.array([0.0, 2.5, -30000.0])
    np.testing.assert_array_equal(audio.load(encode(x, subtype="FLOAT")).samples, x)
    refused(AudioOutOfRange, encode(np.array([0.0, 1e20]), subtype="FLOAT"), "1e+20")
    refused(AudioNotFinite, encode(np.array([0.0, 1e200]), subtype="DOUBLE"))


@pytest.mark.parametrize(
    ("kind", "subtype", "step"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 1e-7),
        ("WAV", "FLOAT", 1e-7),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "ULAW", 0.03),
        ("WAV", "ALAW", 0.03),
        ("WAVEX", "PCM_16", 2**-15),
        ("RF64", "PCM_24", 2**-23),
        ("FLAC", "PCM_S8", 2**-7),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-23),
        ("AIFF", "PCM_S8", 2**-7),
        ("AIFF", "PCM_24", 2**-23),
        ("AIFF", "FLOAT", 1e-7),
        ("AU", "PCM_16", 2**-15),
        ("AU", "DOUBLE", 1e-7),
    ],
)
def test_every_coding_gives_the_same_sound(kind, subtype, step):
    x = tone(amplitude=0.7)
    samples = audio.load(encode(x, kind=kind, subtype=subtype)).samples
    assert samples.dtype == np.float32
    np.testing.assert_allclose(samples[: len(x)], x, atol=1.01 * step + 6e-8)


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
def test_lossy_codings_give_nearly_the_same_sound(kind, subtype):
    x = tone(1.0, 16000, 500)
    samples = audio.load(encode(x, 16000, kind, subtype)).samples
    assert len(samples) == len(x)
    assert audio.snr(x, samples - x) > 10


# --- rates and channels ---


@pytest.mark.parametrize("rate", [4000, 8000, 11025, 22050, 44100, 48000, 96000, 192000, 768000])
def test_rates(rate):
    sound = audio.load(encode(tone(0.1, rate, 300), rate))
    assert sound.sample_rate == rate
    at_8000 = audio.load(encode(tone(0.1, rate, 300), rate), sample_rate=8000)
    assert at_8000.sample_rate == 8000
    assert at_8000.samples.shape == (800,)
    np.testing.assert_allclose(at_8000.samples[200:600], tone(0.1, 8000, 300)[200:600], atol=2e-3)


@pytest.mark.parametrize("rate", [0, 1, 999, 768001, 2**31 - 1, 2**32 - 1])
def test_impossible_rates(rate):
    refused(BadSampleRate, wav_bytes(bytes(1000), rate=rate), f"{rate} Hz")
    content = bytearray(encode(tone(), kind="AU"))
    content[16:20] = struct.pack(">I", rate)
    refused(BadSampleRate, bytes(content), f"{rate} Hz")


def test_impossible_rate_in_aiff_and_flac():
    content = bytearray(encode(tone(), kind="AIFF"))
    place = content.find(b"COMM") + 16
    content[place : place + 10] = bytes(10)
    refused(BadSampleRate, bytes(content), "0 Hz")
    content = bytearray(encode(tone(), kind="FLAC"))
    content[18:20] = b"\0\0"
    content[20] &= 0x0F
    refused(BadSampleRate, bytes(content), "0 Hz")


@pytest.mark.parametrize("rate", [0, 1, -8000, "8000", 8000.5])
def test_impossible_rate_asked_for(rate):
    with pytest.raises(BadSampleRate):
        audio.load(encode(tone()), sample_rate=rate)


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "AIFF"])
def test_channels(kind, channels):
    x = np.stack([tone(hertz=200, amplitude=0.1 * (c + 1)) for c in range(channels)], axis=1)
    content = encode(x, kind=kind)
    tolerance = 0.02 if kind == "OGG" else 1e-4
    every = audio.load(content, mono=False).samples
    assert every.shape == x.shape
    if kind != "OGG":  # Vorbis reorders six channels
        np.testing.assert_allclose(every, x, atol=tolerance)
        last = audio.load(content, channel=channels - 1).samples
        np.testing.assert_allclose(last, x[:, -1], atol=tolerance)
    mono = audio.load(content).samples
    assert mono.shape == (4000,)
    np.testing.assert_allclose(mono, x.mean(axis=1), atol=tolerance)
    resampled = audio.load(content, mono=False, sample_rate=16000).samples
    assert resampled.shape == (8000, channels)


def test_no_such_channel():
    stereo = encode(np.stack((tone(), tone()), axis=1))
    refused(ShapeError, stereo, "0 … 1", channel=2)
    refused(ShapeError, stereo, "channel", channel=-1)
    refused(ShapeError, stereo, "mono=False", channel=0, mono=False)


def test_opposite_phases_cancel_in_mono_and_a_channel_does_not():
    content = encode(np.stack((tone(), -tone()), axis=1), subtype="FLOAT")
    assert audio.is_silent(audio.load(content).samples)
    np.testing.assert_array_equal(audio.load(content, channel=1).samples, -tone())


# --- standard error and threads ---


def test_nothing_reaches_standard_error(capfd):
    content = encode(np.tile(NOISE, 3), kind="MP3")
    for damaged in (content[: len(content) // 2], strip_length_tag(content), content[:300]):
        with contextlib.suppress(AudioError):
            audio.load(damaged)
    assert capfd.readouterr().err == ""
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_mp3_loads_when_standard_error_is_closed():
    code = (
        "import os, io, sys, numpy, soundfile; os.close(2); sys.stderr = None\n"
        "from helpers.audio import load; file = io.BytesIO()\n"
        "soundfile.write(file, numpy.zeros(8000), 8000, format='MP3')\n"
        "sys.exit(0 if len(load(file.getvalue()).samples) == 8000 else 3)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_threads_load_at_the_same_time():
    contents = [encode(NOISE, kind=kind) for kind in ("MP3", "OGG", "FLAC", "WAV")] * 4
    lengths = []
    threads = [
        threading.Thread(target=lambda c=c: lengths.append(len(audio.load(c).samples)))
        for c in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lengths == [20_000] * 16


def test_a_disk_that_fails_is_reported(tmp_path, monkeypatch):
    class Failing(io.BytesIO):
        def read(self, count=-1):
            if self.tell() > 10_000:
                raise OSError(5, "Input/output error")
            return super().read(count)

    content = encode(NOISE)
    shown = audio._Shown(Failing(content), len(content), Header("WAV"))
    request = audio._Request("a.wav", None, True, None, 60.0)
    with pytest.raises(AudioUnreadable, match="Input/output error"):
        audio._decode(shown, request, 4096)
