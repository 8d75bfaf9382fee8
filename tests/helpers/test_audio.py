"""What helpers.audio computes, on cases worked by hand and on generated ones."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from helpers import audio
from helpers.errors import (
    AudioEmpty,
    AudioError,
    AudioNotFinite,
    AudioOutOfRange,
    AudioSilent,
    AudioTooLong,
    AudioTooShort,
    AudioUnwritable,
    BadSampleRate,
    BadSampleType,
    ShapeError,
)
from tests.helpers.audio_files import encode, tone

few = settings(deadline=None, max_examples=40)
fewer = settings(deadline=None, max_examples=15)


def sounds(low=1, high=600, bound=1.0):
    element = st.floats(-bound, bound, width=32, allow_nan=False)
    return hnp.arrays(np.float32, st.integers(low, high), elements=element)


def noise(n, seed=0, level=0.1):
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


RATES = st.sampled_from((1000, 4000, 8000, 11025, 16000, 22050, 44100, 48000, 192000))


# --- checks ---


def test_check_samples_gives_float32_and_does_not_copy_float32():
    x = np.zeros(3, np.float32)
    assert audio.check_samples(x) is x
    assert audio.check_samples([0.5, 1.5]).dtype == np.float32
    assert audio.check_samples(np.zeros(3, np.float16)).dtype == np.float32


@pytest.mark.parametrize(
    ("bad", "error", "fragment"),
    [
        (np.zeros(4, np.int16), BadSampleType, "32768"),
        (np.zeros(4, np.uint8), BadSampleType, "Scale"),
        (np.zeros(4, bool), BadSampleType, "bool"),
        (np.zeros(4, complex), BadSampleType, "complex"),
        ("sound", BadSampleType, "float32"),
        (None, BadSampleType, "float32"),
        ([[0.1], [0.1, 0.2]], ShapeError, "regular"),
        (np.zeros((4, 2)), ShapeError, "x[:, 0]"),
        (np.float32(0.5), ShapeError, "(n,)"),
        ([], AudioEmpty, "no samples"),
        ([0.0, math.nan], AudioNotFinite, "nan at index 1"),
        ([math.inf], AudioNotFinite, "inf at index 0"),
        ([1e300], AudioOutOfRange, "1e+300"),
        ([0.0, -3e9], AudioOutOfRange, "-3e+09"),
    ],
)
def test_check_samples_says_what_is_wrong(bad, error, fragment):
    with pytest.raises(error) as caught:
        audio.check_samples(bad)
    assert fragment in str(caught.value)
    assert isinstance(caught.value, AudioError)


@pytest.mark.parametrize("rate", [0, 1, 999, 768001, -8000, 8000.5, "8000", None, True, math.nan])
def test_rates_out_of_bounds_are_refused(rate):
    with pytest.raises(BadSampleRate, match="sample_rate is"):
        audio.check_rate(rate)


@pytest.mark.parametrize("rate", [1000, 8000.0, np.int64(44100), 768000])
def test_rates_within_bounds_become_int(rate):
    assert type(audio.check_rate(rate)) is int


# --- save and load ---


@few
@given(sounds(), RATES, st.sampled_from((".wav", ".flac", ".WAV")))
def test_round_trip_is_within_half_a_step(tmp_path_factory, x, rate, suffix):
    path = tmp_path_factory.mktemp("trip") / f"clip{suffix}"
    audio.save(path, x, rate)
    sound = audio.load(path)
    assert sound.sample_rate == rate
    assert sound.samples.shape == x.shape
    step = np.where(x > 1 - 2**-16, 2**-15, 2**-16)
    assert (np.abs(sound.samples.astype(np.float64) - x) <= step).all()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@fewer
@given(sounds())
def test_a_second_round_trip_changes_nothing(tmp_path_factory, x):
    path = tmp_path_factory.mktemp("trip") / "clip.wav"
    audio.save(path, x, 8000)
    first = audio.load(path).samples
    audio.save(path, first, 8000)
    np.testing.assert_array_equal(audio.load(path).samples, first)


def test_ogg_round_trip_keeps_length_and_sound(tmp_path):
    x = tone(1.0, 16000)
    audio.save(tmp_path / "a.ogg", x, 16000)
    back = audio.load(tmp_path / "a.ogg").samples
    assert back.shape == x.shape
    assert audio.snr(x, back - x) > 20


def test_save_keeps_channels(tmp_path):
    x = np.stack((tone(), -0.5 * tone()), axis=1)
    audio.save(tmp_path / "a.wav", x, 8000)
    back = audio.load(tmp_path / "a.wav", mono=False).samples
    assert back.shape == x.shape
    np.testing.assert_allclose(back, x, atol=2**-16)


def test_save_replaces_only_when_the_new_file_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    audio.save(path, tone(), 8000)
    before = path.read_bytes()

    def full_disk(part, *_):
        with open(part, "wb") as file:
            file.write(b"RIFF")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audio, "_write", full_disk)
    with pytest.raises(AudioUnwritable, match="No space left"):
        audio.save(path, -tone(), 8000)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_reads_back_what_it_wrote(tmp_path, monkeypatch):
    monkeypatch.setattr("soundfile.SoundFile.write", lambda self, block: None)
    with pytest.raises(AudioUnwritable, match="0 of 4000 samples"):
        audio.save(tmp_path / "a.wav", tone(), 8000)
    assert list(tmp_path.iterdir()) == []


def test_save_leaves_nothing_behind_an_interruption(tmp_path, monkeypatch):
    def interrupted(self, block):
        raise KeyboardInterrupt

    monkeypatch.setattr("soundfile.SoundFile.write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        audio.save(tmp_path / "a.wav", tone(), 8000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "samples", "rate", "error", "fragment"),
    [
        ("a.wav", [1.001], 8000, AudioOutOfRange, "peak_normalise"),
        ("a.wav", [math.nan], 8000, AudioNotFinite, "index 0"),
        ("a.wav", [], 8000, AudioEmpty, "no samples"),
        ("a.wav", np.zeros(3, int), 8000, BadSampleType, "Scale"),
        ("a.wav", np.zeros((2, 2, 2)), 8000, ShapeError, "(2, 2, 2)"),
        ("a.wav", [0.5], 0, BadSampleRate, "0 Hz"),
        ("a.mp3", [0.5], 8000, AudioUnwritable, ".flac"),
        ("a", [0.5], 8000, AudioUnwritable, "suffix"),
        ("nowhere/a.wav", [0.5], 8000, AudioUnwritable, "Create it"),
        ("folder.wav", [0.5], 8000, AudioUnwritable, "is a folder"),
        ("a.ogg", [0.5], 200001, AudioUnwritable, "at most 200000 Hz"),
        ("a.flac", np.zeros((10, 9)), 8000, AudioUnwritable, "8 channels"),
    ],
)
def test_save_refuses(tmp_path, name, samples, rate, error, fragment):
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(error) as caught:
        audio.save(tmp_path / name, samples, rate)
    assert fragment in str(caught.value)
    assert ".part" not in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.wav"]


def test_full_scale_is_saved_as_the_largest_step(tmp_path):
    audio.save(tmp_path / "a.wav", [1.0, -1.0, 0.0], 8000)
    np.testing.assert_array_equal(
        audio.load(tmp_path / "a.wav").samples, np.float32([32767 / 32768, -1, 0])
    )


# --- resample ---


@few
@given(st.integers(1, 3000), RATES, RATES)
def test_resample_length(n, from_rate, to_rate):
    expected = math.floor(n * to_rate / from_rate + 0.5)
    if expected == 0:
        with pytest.raises(AudioTooShort):
            audio.resample(np.zeros(n), from_rate, to_rate)
        return
    result = audio.resample(np.full(n, 0.1), from_rate, to_rate)
    assert result.shape == (expected,)
    assert result.dtype == np.float32


@few
@given(st.sampled_from((8000, 11025, 16000, 44100)), RATES.filter(lambda r: r >= 8000))
def test_resample_keeps_a_tone_that_fits(from_rate, to_rate):
    hertz = 0.35 * min(from_rate, to_rate)
    x = tone(0.5, from_rate, hertz)
    middle = audio.resample(x, from_rate, to_rate)
    middle = middle[len(middle) // 4 : 3 * len(middle) // 4]
    assert abs(audio.dbfs(middle) - audio.dbfs(x[len(x) // 4 : 3 * len(x) // 4])) < 0.02


@pytest.mark.parametrize(("from_rate", "to_rate"), [(16000, 8000), (48000, 8000), (44100, 16000)])
def test_resample_removes_what_would_alias(from_rate, to_rate):
    x = tone(0.5, from_rate, to_rate / 2 * 1.15)
    y = audio.resample(x, from_rate, to_rate)
    assert audio.dbfs(y[len(y) // 4 : 3 * len(y) // 4]) < audio.dbfs(x) - 80


def test_resample_to_the_same_rate_copies():
    x = tone()
    y = audio.resample(x, 8000, 8000)
    np.testing.assert_array_equal(x, y)
    assert not np.shares_memory(x, y)


def test_resample_there_and_back():
    x = tone(hertz=700)
    y = audio.resample(audio.resample(x, 8000, 48000), 48000, 8000)
    assert y.shape == x.shape
    np.testing.assert_allclose(y[400:-400], x[400:-400], atol=1e-3)


def test_load_resamples_as_resample_does():
    x = noise(200_000)
    data = encode(x, 48000, subtype="FLOAT")
    loaded = audio.load(data, sample_rate=8000)
    assert loaded.sample_rate == 8000
    np.testing.assert_allclose(loaded.samples, audio.resample(x, 48000, 8000), atol=1e-6)


def test_resample_refuses_an_absurd_length():
    with pytest.raises(AudioTooLong):
        audio.resample(np.zeros(2_000_000), 1000, 768000)


# --- levels ---


def test_known_levels():
    assert audio.rms([3.0, -4.0]) == pytest.approx(math.sqrt(12.5))
    assert audio.rms([0.0]) == 0
    assert audio.dbfs(tone(1.0, hertz=100, amplitude=1)) == pytest.approx(-3.0103, abs=1e-3)
    assert audio.dbfs([0.0]) == -200
    assert audio.amplitude_to_db(10) == pytest.approx(20)
    assert audio.amplitude_to_db(0, floor_db=-80) == pytest.approx(-80)
    np.testing.assert_allclose(audio.amplitude_to_db([1, -0.1]), [0, -20])
    assert audio.db_to_amplitude(-6.0206) == pytest.approx(0.5, rel=1e-5)
    assert audio.is_silent(np.full(9, 9e-11))
    assert not audio.is_silent([0, 2**-31.0])


@few
@given(st.floats(-150, 150))
def test_db_and_back(db):
    assert audio.amplitude_to_db(audio.db_to_amplitude(db)) == pytest.approx(db, abs=1e-9)


@few
@given(sounds(bound=1e6), st.floats(0.01, 1.0))
def test_peak_normalise_hits_the_peak_and_is_idempotent(x, peak):
    y = audio.peak_normalise(x, peak)
    if audio.is_silent(x):
        np.testing.assert_array_equal(x, y)
        return
    assert np.abs(y).max() <= peak
    assert np.abs(y).max() == pytest.approx(peak, rel=1e-6)
    np.testing.assert_allclose(audio.peak_normalise(y, peak), y, rtol=3e-7, atol=1e-30)
    assert (np.sign(y) * np.sign(x) >= 0).all()


@few
@given(sounds(bound=1e6), st.floats(-100, 0))
def test_rms_normalise_hits_the_level(x, level):
    y = audio.rms_normalise(x, level)
    if audio.is_silent(x):
        np.testing.assert_array_equal(x, y)
        return
    assert audio.dbfs(y) == pytest.approx(level, abs=1e-3)
    np.testing.assert_allclose(audio.rms_normalise(y, level), y, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("peak", [0, -0.5, 1.01, math.nan, None, "1"])
def test_peak_out_of_range(peak):
    with pytest.raises(AudioOutOfRange, match="peak"):
        audio.peak_normalise([0.5], peak)


def test_level_out_of_range():
    with pytest.raises(AudioOutOfRange, match="level_db"):
        audio.rms_normalise([0.5], 6)


def test_inputs_are_never_changed():
    x = noise(4000)
    kept = x.copy()
    for result in (
        audio.peak_normalise(x),
        audio.rms_normalise(x),
        audio.mix_at_snr(x, x, 0),
        audio.frame(x, 100, 50),
        audio.fix_length(x, 4000),
        audio.fix_length(x, 100),
        audio.trim_silence(x, 8000),
        audio.peak_normalise(np.zeros(5, np.float32)),
    ):
        assert not np.shares_memory(result, x)
        result[:] = 7
    np.testing.assert_array_equal(x, kept)


# --- mixing ---


@few
@given(st.floats(-60, 60), st.floats(-60, 0), st.floats(-60, 0), st.integers(0, 99))
def test_mix_hits_the_ratio(snr_db, speech_db, noise_db, seed):
    speech = audio.rms_normalise(tone(0.3), speech_db)
    background = audio.rms_normalise(noise(3000, seed), noise_db)
    mixture = audio.mix_at_snr(speech, background, snr_db)
    assert mixture.shape == speech.shape
    assert mixture.dtype == np.float32
    added = mixture.astype(np.float64) - speech
    assert audio.snr(speech, added) == pytest.approx(snr_db, abs=0.01)


def test_mix_worked_by_hand():
    mixture = audio.mix_at_snr([0.4, -0.4], [0.1, 0.1, 9.0], 20 * math.log10(2))
    np.testing.assert_allclose(mixture, [0.6, -0.2], rtol=1e-6)


def test_mix_uses_the_noise_from_start_and_loops_on_request():
    speech = np.full(5, 0.5, np.float32)
    ramp = np.float32([0.1, 0.2, 0.3])
    with pytest.raises(AudioTooShort, match="loop=True"):
        audio.mix_at_snr(speech, ramp, 0)
    added = audio.mix_at_snr(speech, ramp, 0, loop=True, start=1) - speech
    np.testing.assert_allclose(added / added[0], [1, 1.5, 0.5, 1, 1.5], rtol=1e-5)
    assert audio.snr(speech, added) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("speech", "background"), [([0.0] * 4, [0.1] * 4), ([0.1] * 4, [0.0] * 4)])
def test_mixing_silence_is_refused(speech, background):
    with pytest.raises(AudioSilent, match="silent"):
        audio.mix_at_snr(speech, background, 0)


@pytest.mark.parametrize("snr_db", [math.nan, math.inf, 101, -101, None])
def test_mixing_at_an_absurd_ratio_is_refused(snr_db):
    with pytest.raises(AudioOutOfRange, match="snr_db"):
        audio.mix_at_snr([0.1], [0.1], snr_db)


# --- frames and lengths ---


@few
@given(sounds(), st.integers(1, 300), st.integers(1, 400))
def test_frame_count_and_content(x, length, hop):
    if len(x) < length:
        with pytest.raises(AudioTooShort, match="pad_end"):
            audio.frame(x, length, hop)
    else:
        frames = audio.frame(x, length, hop)
        assert frames.shape == (1 + (len(x) - length) // hop, length)
        for index, row in enumerate(frames):
            np.testing.assert_array_equal(row, x[index * hop : index * hop + length])
    padded = audio.frame(x, length, hop, pad_end=True)
    assert padded.shape == (1 + math.ceil(max(0, len(x) - length) / hop), length)
    assert padded.flags.writeable
    assert padded.dtype == np.float32


@few
@given(sounds(), st.integers(1, 300))
def test_frames_without_overlap_add_up_to_the_sound(x, length):
    frames = audio.frame(x, length, length, pad_end=True)
    np.testing.assert_array_equal(audio.overlap_add(frames, length)[: len(x)], x)


def test_half_overlapping_windows_add_up_to_the_sound():
    x, length = noise(4096), 256
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    back = audio.overlap_add(audio.frame(x, length, length // 2) * window, length // 2)
    np.testing.assert_allclose(back[128:-128], x[128:-128], atol=1e-6)


@pytest.mark.parametrize(
    ("length", "hop"), [(0, 1), (1, 0), (-1, 1), (2.5, 1), ("4", 1), (4, None)]
)
def test_frame_settings_are_checked(length, hop):
    with pytest.raises(ShapeError, match="whole number"):
        audio.frame(np.zeros(10), length, hop)


@few
@given(sounds(), st.integers(1, 900), st.sampled_from(("center", "start")))
def test_fix_length(x, length, where):
    y = audio.fix_length(x, length, where)
    assert y.shape == (length,)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(audio.fix_length(y, length, where), y)
    if where == "start":
        shared = min(length, len(x))
        np.testing.assert_array_equal(y[:shared], x[:shared])
        assert not y[shared:].any()
    elif length >= len(x):
        before = (length - len(x)) // 2
        np.testing.assert_array_equal(y[before : before + len(x)], x)
        np.testing.assert_array_equal(audio.fix_length(y, len(x), where), x)
    else:
        before = (len(x) - length) // 2
        np.testing.assert_array_equal(y, x[before : before + length])


def test_fix_length_refuses():
    with pytest.raises(ShapeError, match="where"):
        audio.fix_length([0.1], 3, "end")
    with pytest.raises(ShapeError, match="length"):
        audio.fix_length([0.1], 0)


# --- silence ---


def bursts(*pieces, rate=8000):
    """Seconds of tone (positive) and of silence (negative), one after another."""
    return np.concatenate(
        [tone(p, rate, 440, phase=1) if p > 0 else np.zeros(round(-p * rate)) for p in pieces]
    ).astype(np.float32)


def test_trim_keeps_the_pad_and_the_pause():
    x = bursts(-0.5, 0.3, -0.4, 0.2, -0.6)
    y = audio.trim_silence(x, 8000, pad=0.02)
    np.testing.assert_array_equal(y, x[round(0.48 * 8000) : round(1.42 * 8000)])
    assert len(audio.trim_silence(x, 8000, pad=0)) == round(0.9 * 8000)


@few
@given(sounds(high=3000), st.floats(1, 80), st.floats(0, 0.1))
def test_trim_is_idempotent_and_keeps_the_loudest(x, top_db, pad):
    y = audio.trim_silence(x, 8000, top_db, pad)
    assert 1 <= len(y) <= len(x)
    assert np.abs(y).max() >= audio.rms(x) * 0.99
    np.testing.assert_array_equal(audio.trim_silence(y, 8000, top_db, pad), y)


def test_trimming_silence_and_one_sample_changes_nothing():
    np.testing.assert_array_equal(audio.trim_silence(np.zeros(50), 8000), np.zeros(50))
    np.testing.assert_array_equal(audio.trim_silence([0.5], 8000), np.float32([0.5]))


def test_segment_finds_three_sounds():
    x = bursts(-0.5, 0.3, -0.4, 0.2, -0.6, 0.1, -0.3)
    found = audio.segment(x, 8000, pad=0)
    expected = np.array([[0.5, 0.8], [1.2, 1.4], [2.0, 2.1]]) * 8000
    np.testing.assert_array_equal(found, expected.round())
    assert found.dtype == np.int64


def test_segment_joins_short_gaps_and_drops_short_sounds():
    x = bursts(-0.5, 0.1, -0.05, 0.1, -0.5, 0.01, -0.5)
    np.testing.assert_array_equal(audio.segment(x, 8000, pad=0), [[4000, 6000]])
    assert len(audio.segment(x, 8000, min_silence=0, min_sound=0)) == 3


def test_segment_of_silence_is_empty():
    assert audio.segment(np.zeros(100), 8000).shape == (0, 2)


@few
@given(sounds(high=3000), st.floats(1, 80), st.floats(0, 0.1), st.floats(0, 0.1))
def test_segments_are_ordered_and_apart(x, top_db, min_silence, pad):
    found = audio.segment(x, 8000, top_db, min_silence, 0.0, pad)
    assert found.shape[1:] == (2,)
    assert (found[:, 0] < found[:, 1]).all()
    assert (found[1:, 0] >= found[:-1, 1]).all()
    assert len(found) == 0 or (found[0, 0] >= 0 and found[-1, 1] <= len(x))
    assert (len(found) == 0) == audio.is_silent(x)


def test_segment_settings_are_checked():
    for setting in ({"top_db": -1}, {"min_silence": -1}, {"pad": math.nan}, {"min_sound": None}):
        with pytest.raises(AudioOutOfRange, match=next(iter(setting))):
            audio.segment([0.1], 8000, **setting)
    with pytest.raises(BadSampleRate):
        audio.segment([0.1], 0)


def test_importing_is_light():
    code = (
        "import sys, helpers.audio; heavy = {'tensorflow', 'librosa', 'scipy', 'soundfile', "
        "'soxr', 'matplotlib'} & set(sys.modules); sys.exit(repr(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
