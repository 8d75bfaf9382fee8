"""Segmentation: spans and frames by hand, detectors on sound with known times."""

import numpy as np
import pytest

from helpers import audio, rooms, segment
from helpers.errors import AudioSilent, AudioTooShort, BadSampleRate

RATE = 8000
WORD = (0.3 * np.sin(2 * np.pi * 300 * np.arange(3200) / RATE)).astype(np.float32)
STREAM, SPANS = segment.place([WORD, WORD, WORD], [0.5, 0.5, 0.7, 0.5], RATE)
TRUTH = segment.frames_of(SPANS, len(STREAM), RATE)


def test_sounds_are_where_they_were_placed():
    assert SPANS.tolist() == [[4000, 7200], [11200, 14400], [20000, 23200]]
    assert len(STREAM) == 27200
    for start, end in SPANS:
        assert np.array_equal(STREAM[start:end], WORD)
    assert not STREAM[7200:11200].any()
    empty, none = segment.place([], [0.25], RATE)
    assert len(empty) == 2000
    assert none.shape == (0, 2)


def test_the_number_of_gaps_is_checked():
    with pytest.raises(ValueError, match="3 gaps"):
        segment.place([WORD, WORD], [0.1, 0.1], RATE)
    with pytest.raises(ValueError, match="0 s or more"):
        segment.place([WORD], [0.1, -0.1], RATE)


def test_the_ratio_holds_where_the_sound_is():
    noise = rooms.coloured_noise(len(STREAM), -3, np.random.default_rng(0))
    mixed = segment.mix_into(STREAM, SPANS, noise, 10)
    added = mixed - STREAM
    # the noise is the same everywhere, so its power over the whole stream is the reference
    assert 20 * np.log10(audio.rms(WORD) / audio.rms(added)) == pytest.approx(10, abs=0.01)
    with pytest.raises(ValueError, match="no spans"):
        segment.mix_into(STREAM, [], noise, 10)
    with pytest.raises(AudioTooShort):
        segment.mix_into(STREAM, SPANS, noise[:100], 10)
    with pytest.raises(AudioSilent):
        segment.mix_into(0 * STREAM, SPANS, noise, 10)


def test_spans_become_frames_and_frames_spans():
    frames = segment.frames_of([[0, 80], [200, 400]], 500, RATE)
    # middles at 40, 120, 200, 280, 360, 440
    assert frames.tolist() == [True, False, True, True, True, False]
    assert segment.spans_of(frames, RATE).tolist() == [[0, 80], [160, 400]]
    assert np.array_equal(segment.frames_of(SPANS, len(STREAM), RATE), TRUTH)
    assert segment.spans_of(TRUTH, RATE).tolist() == SPANS.tolist()
    assert segment.spans_of(np.zeros(5, bool), RATE).shape == (0, 2)
    assert not segment.frames_of(np.zeros((0, 2)), 500, RATE).any()
    with pytest.raises(ValueError, match=r"\(m, 2\)"):
        segment.frames_of([1, 2, 3], 500, RATE)


def test_levels_of_a_full_scale_square_wave():
    square = np.ones(240, np.float32)
    square[1::2] = -1
    square[160:] *= 0.1
    assert segment.frame_levels(square, RATE) == pytest.approx([0, 0, -20], abs=1e-5)
    with pytest.raises(AudioTooShort):
        segment.frame_levels(square[:79], RATE)
    with pytest.raises(ValueError, match="less than one sample"):
        segment.frame_levels(square, RATE, step=1e-5)


def test_pauses_are_bridged():
    frames = np.array([1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    assert segment.bridge(frames, 0.03).tolist() == [1, 1, 1, 1, 0, 0, 0, 1, 0]
    assert segment.bridge(frames, 0.04).tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert segment.bridge(frames, 0).tolist() == frames.tolist()
    assert frames.tolist() == [1, 0, 0, 1, 0, 0, 0, 1, 0]
    assert not segment.bridge(np.zeros(4, bool), 1).any()


@pytest.mark.parametrize("gate", [segment.energy_gate, segment.adaptive_gate])
def test_the_gates_find_words_in_a_little_noise(gate):
    noise = rooms.coloured_noise(len(STREAM), 0, np.random.default_rng(0))
    mixed = segment.mix_into(STREAM, SPANS, noise, 30)
    options = {"top_db": 15} if gate is segment.energy_gate else {}
    decided = gate(mixed, RATE, **options)
    assert decided.shape == TRUTH.shape
    assert segment.frame_errors(decided, TRUTH).balanced < 0.09
    assert np.array_equal(gate(0.01 * mixed, RATE, **options), decided)


def test_a_share_outside_is_refused():
    with pytest.raises(ValueError, match="share"):
        segment.adaptive_gate(STREAM, RATE, share=1.2)


@pytest.mark.parametrize("rate", [8000, 16000, 32000, 48000])
@pytest.mark.parametrize("step", [0.01, 0.02, 0.03])
def test_webrtc_takes_its_rates_and_steps(rate, step):
    sound = 0.1 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    decided = segment.webrtc(sound.astype(np.float32), rate, mode=1, step=step)
    assert decided.dtype == bool
    assert len(decided) == rate // round(rate * step)


def test_webrtc_hears_nothing_in_silence_and_refuses_what_it_cannot_take():
    assert not segment.webrtc(np.zeros(8000, np.float32), RATE).any()
    for kwargs, error in (
        ({"sample_rate": 22050}, BadSampleRate),
        ({"mode": 4}, ValueError),
        ({"step": 0.025}, ValueError),
    ):
        with pytest.raises(error):
            segment.webrtc(STREAM, **{"sample_rate": RATE, **kwargs})
    with pytest.raises(AudioTooShort):
        segment.webrtc(STREAM[:40], RATE)


def test_frame_errors_by_hand():
    truth = np.array([1, 1, 1, 1, 0, 0], bool)
    errors = segment.frame_errors([1, 1, 1, 0, 1, 0], truth)
    assert errors == (0.25, 0.5, 0.375, pytest.approx(2 / 6))
    assert segment.frame_errors(np.ones(6), truth).balanced == 0.5
    assert segment.frame_errors(truth, truth) == (0, 0, 0, 0)
    assert np.isnan(segment.frame_errors([1, 0], [1, 1]).false_alarm)
    assert np.isnan(segment.frame_errors([1, 0], [0, 0]).miss)
    for decided in ([1, 0], []):
        with pytest.raises(ValueError, match="k > 0"):
            segment.frame_errors(decided, decided and [1])


def test_boundary_error_by_hand():
    truth = [[800, 1600]]
    assert segment.boundary_error([[800, 1600]], truth, RATE) == 0
    assert segment.boundary_error([[0, 2000]], truth, RATE) == pytest.approx(0.075)
    assert segment.boundary_error([[880, 900], [1500, 8000]], truth, RATE) == pytest.approx(0.01125)
    with pytest.raises(ValueError, match="no edges"):
        segment.boundary_error(np.zeros((0, 2)), truth, RATE)
