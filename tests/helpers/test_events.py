"""Events: mixtures with known times, scores worked by hand, monitors whatever the blocks."""

import itertools

import numpy as np
import pytest

from helpers import audio, events
from helpers.errors import AudioNotFinite, AudioSilent
from helpers.events import Alarm, Event
from helpers.features import FrontEnd

RATE = 16000
FRONT_END = FrontEnd(sample_rate=RATE, n_fft=1024, hop=320, n_mels=8, fmax=8000.0, floor=1e-9)
TONE = (0.2 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)).astype(np.float32)
HIGH = (0.2 * np.sin(2 * np.pi * 4000 * np.arange(RATE // 2) / RATE)).astype(np.float32)


def two_bands(pictures):
    """A detector that can be foretold: presence of something low and of something high."""
    steps = pictures.reshape(len(pictures), -1, events.STEP_FRAMES, pictures.shape[2]).mean(axis=2)
    loud = np.stack([steps[..., :3].max(axis=2), steps[..., 5:].max(axis=2)], axis=2)
    return (1 / (1 + np.exp(-(loud + 28) / 2))).astype(np.float32)


def ears(**settings):
    return events.PresenceStream(two_bands, 2, FRONT_END, **settings)


def in_blocks(stream, samples, sizes):
    """What a stream gives for blocks of these sizes, over and over, and at its end."""
    at, parts = 0, []
    for size in itertools.cycle(sizes):
        parts.append(stream.push(samples[at : at + size]))
        at += size
        if at >= len(samples):
            break
    return [*parts, stream.close()]


# --- streams --------------------------------------------------------------------------------------


def test_the_loud_part_is_cut_out_and_faded():
    clip = np.concatenate([np.zeros(RATE), TONE, np.zeros(RATE)]).astype(np.float32)
    part = events.loud_part(clip, RATE)
    assert abs(len(part) - RATE) <= 0.05 * RATE
    assert part[0] == 0
    assert abs(part[-1]) < 0.01
    assert audio.rms(part) == pytest.approx(audio.rms(TONE), rel=0.03)
    long = np.tile(TONE, 6)
    assert len(events.loud_part(long, RATE, longest=2.0)) == 2 * RATE
    with pytest.raises(AudioSilent, match="no event"):
        events.loud_part(np.zeros(RATE, np.float32), RATE)


def test_of_two_parts_the_one_with_more_energy():
    quiet = 0.5 * HIGH
    gap = np.zeros(2 * RATE, np.float32)
    part = events.loud_part(np.concatenate([quiet, gap, TONE]), RATE)
    assert abs(len(part) - RATE) <= 0.05 * RATE


def test_events_are_where_the_stream_says():
    stream = events.MixedStream([TONE, HIGH], [0, 1], RATE, 60, seed=1, snr_db=(30, 30))
    whole = stream.whole()
    assert len(whole) == 60 * RATE
    assert stream.events == sorted(stream.events)
    assert {e.label for e in stream.events} == {0, 1}
    level = np.sqrt(np.mean(whole.reshape(-1, 320) ** 2, axis=1))
    inside = np.zeros(len(level), bool)
    for event in stream.events:
        inside[round(event.onset * 50) + 1 : round(event.offset * 50) - 1] = True
    outside = ~inside
    for event in stream.events:
        outside[round(event.onset * 50) - 1 : round(event.offset * 50) + 2] = False
    assert level[inside].min() > 5 * level[outside].max()


def test_the_level_of_events_is_the_one_that_was_asked_for():
    asked = {"seed": 2, "gaps": (5, 6), "snr_db": (20, 20)}
    stream = events.MixedStream([TONE], [0], RATE, 30, **asked)
    silent = events.MixedStream([TONE], [0], RATE, 30, **{**asked, "snr_db": (-200, -200)})
    event, clean = stream.events[1], stream.whole() - silent.whole()
    span = slice(round(event.onset * RATE), round(event.offset * RATE))
    noise = audio.rms(silent.whole()[span])
    assert 20 * np.log10(audio.rms(clean[span]) / noise) == pytest.approx(20, abs=1.0)


def test_a_stream_is_the_same_in_blocks_of_any_size_and_again():
    stream = events.MixedStream([TONE, HIGH], [0, 1], RATE, 25, seed=3)
    ones = np.concatenate(list(stream.blocks(1)))
    assert np.array_equal(ones, np.concatenate(list(stream.blocks(7))))
    assert np.array_equal(ones, events.MixedStream([TONE, HIGH], [0, 1], RATE, 25, seed=3).whole())
    assert not np.array_equal(ones, events.MixedStream([TONE, HIGH], [0, 1], RATE, 25, 4).whole())


def test_a_stream_says_what_it_cannot_do():
    with pytest.raises(ValueError, match="as many labels"):
        events.MixedStream([TONE], [0, 1], RATE, 10)
    with pytest.raises(ValueError, match="needs a second"):
        events.MixedStream([TONE], [0], RATE, 0)
    with pytest.raises(AudioSilent, match=r"sounds\[1\]"):
        events.MixedStream([TONE, np.zeros(10, np.float32)], [0, 1], RATE, 10)
    with pytest.raises(ValueError, match="whole number"):
        next(events.MixedStream([TONE], [0], RATE, 10).blocks(0.5))


# --- curves ---------------------------------------------------------------------------------------


def test_hysteresis_by_hand():
    curve = np.array([0.1, 0.4, 0.6, 0.4, 0.2, 0.4, 0.7])
    assert events.hysteresis(curve, 0.5, 0.3).tolist() == [0, 0, 1, 1, 0, 0, 1]
    assert events.hysteresis(curve, 0.5, 0.5).tolist() == (curve >= 0.5).tolist()
    two = np.stack([curve, curve[::-1]], axis=1)
    assert events.hysteresis(two, 0.5, 0.3)[:, 1].tolist() == [1, 1, 0, 0, 1, 1, 0]
    with pytest.raises(ValueError, match="to and fro"):
        events.hysteresis(curve, 0.3, 0.5)


def test_the_mean_of_the_last_rows():
    curve = np.array([[3.0], [1.0], [2.0], [6.0]])
    assert events.smoothed(curve, 1).tolist() == curve.tolist()
    assert events.smoothed(curve, 3).ravel().tolist() == pytest.approx([3, 2, 2, 3])
    with pytest.raises(ValueError, match="at least 1"):
        events.smoothed(curve, 0)


def test_the_mean_around_each_row():
    curve = np.array([[3.0], [0.0], [6.0], [0.0]])
    assert events.centred(curve, 1).tolist() == curve.tolist()
    assert events.centred(curve, 3).ravel().tolist() == pytest.approx([2, 3, 2, 2])
    assert events.centred(curve[:0], 3).shape == (0, 1)
    with pytest.raises(ValueError, match="odd"):
        events.centred(curve, 2)


def test_events_of_a_curve_by_hand():
    curve = np.zeros((20, 2))
    curve[[2, 3, 6, 7, 12], 0] = 1  # a pause of two steps, then one of four
    curve[17:, 1] = 1  # still there at the end
    found = events.events_from(curve, 0.5, bridge=1.5, start=10.0)
    assert found == [Event(11, 14, 0), Event(16, 16.5, 0), Event(18.5, 20, 1)]
    assert events.events_from(curve, 0.5, bridge=1.5, shortest=1.0)[1].label == 1
    assert len(events.events_from(curve, 0.5, bridge=0.0)) == 4
    assert events.events_from(np.zeros((5, 2)), 0.5) == []
    with pytest.raises(ValueError, match="steps, classes"):
        events.events_from(np.zeros(5), 0.5)


# --- scores ---------------------------------------------------------------------------------------


def test_event_scores_by_hand():
    true = [Event(1, 3, 0), Event(10, 11, 0), Event(10, 11, 1)]
    assert events.score_events(true, true, 2).f == 1
    found = [Event(1.4, 3.9, 0), Event(10.6, 11, 0), Event(10, 11, 0), Event(30, 31, 1)]
    score = events.score_events(found, true, 2)
    assert score.hits.tolist() == [2, 0]
    assert (score.found.tolist(), score.true.tolist()) == ([3, 1], [2, 1])
    assert score.f == pytest.approx(2 * 2 / (4 + 3))
    late = [Event(1.4, 4.1, 0)]  # its offset is more than half of the length away
    assert events.score_events(late, true, 2).hits.sum() == 0
    assert events.score_events([], true, 2).f == 0
    assert np.isnan(events.score_events([], [], 2).f)
    with pytest.raises(ValueError, match="2 classes"):
        events.score_events([Event(0, 1, 2)], true, 2)


def test_as_many_pairs_as_possible():
    true = [Event(1.0, 2.0, 0), Event(1.4, 2.4, 0)]
    found = [Event(1.3, 2.3, 0), Event(0.6, 1.6, 0)]  # the first fits both, the second only one
    assert events.score_events(found, true, 1).hits.tolist() == [2]


def test_alarm_scores_by_hand():
    true = [Event(10, 12, 0), Event(20, 21, 0), Event(30, 31, 1)]
    alarms = [
        Alarm(10.2, 11.0, 0, 0.9),  # a hit, one second late
        Alarm(11.5, 12.0, 0, 0.9),  # the same event again
        Alarm(15.0, 15.5, 0, 0.9),  # nothing there
        Alarm(30.1, 30.9, 0, 0.9),  # another class
        Alarm(31.5, 32.5, 1, 0.9),  # just behind: a hit
    ]
    score = events.score_alarms(alarms, true, 2)
    assert score.hits.tolist() == [1, 1]
    assert score.false.tolist() == [2, 0]
    assert score.repeats.tolist() == [1, 0]
    assert score.true.tolist() == [2, 1]
    assert score.delays.tolist() == pytest.approx([1.0, 2.5])


# --- along a stream -------------------------------------------------------------------------------


STREAM = events.MixedStream([TONE, HIGH], [0, 1], RATE, 40, 5, gaps=(1, 4), snr_db=(30, 30))
SOUND = STREAM.whole()


def test_presence_does_not_depend_on_the_blocks():
    whole = in_blocks(ears(), SOUND, [len(SOUND)])
    whole = np.concatenate(whole)
    assert whole.shape == (-(-FRONT_END.frames(len(SOUND)) // 8), 2)
    for sizes in ([1], [160, 7, 0, 5000], [16001]):
        stream = ears()
        few = SOUND[: 3 * RATE] if sizes == [1] else SOUND
        if sizes == [1]:
            few = few[: RATE // 4]
        got = np.concatenate(in_blocks(stream, few, sizes))
        right = np.concatenate(in_blocks(ears(), few, [len(few)]))
        np.testing.assert_allclose(got, right, atol=1e-5)


def test_presence_is_where_the_events_are():
    stream = ears()
    curve = np.concatenate(in_blocks(stream, SOUND, [RATE]))
    found = events.events_from(curve, stream.step, start=stream.start)
    score = events.score_events(found, STREAM.events, 2)
    assert score.f == 1


def test_rows_come_as_late_as_promised():
    stream, rows = ears(), 0
    for i in range(0, len(SOUND), 320):
        got = stream.push(SOUND[i : i + 320])
        for row in range(rows, rows + len(got)):
            assert stream.heard(row) == pytest.approx((i + 320) / RATE, abs=320 / RATE)
            assert stream.heard(row) - (stream.start + row * stream.step) < 1.0
        rows += len(got)
    assert rows > 200


def test_memory_stays_as_it_is():
    stream = ears()
    monitor = events.Monitor(stream)
    sizes = []
    for _ in range(30):
        for i in range(0, 10 * RATE, 4000):
            monitor.push(SOUND[i : i + 4000])
        sizes.append(monitor.bytes)
    most = (128 + 24) * FRONT_END.n_mels * 4 + FRONT_END.n_fft * 4
    assert max(sizes) <= most + 200  # and what the alarms remember
    assert max(sizes) - min(sizes) <= 24 * FRONT_END.n_mels * 4 + FRONT_END.hop * 4
    assert stream.samples == 300 * RATE


def test_silence_is_nothing_and_raises_nothing():
    stream = events.PresenceStream(lambda p: np.ones((len(p), 16, 2)), 2, FRONT_END)
    monitor = events.Monitor(stream)
    assert monitor.push(np.zeros(5 * RATE, np.float32)) == []
    assert monitor.push([]) == []
    assert monitor.close() == []
    assert events.Monitor(ears()).close() == []  # a stream without a sample


def test_what_is_no_sound_is_refused_and_leaves_no_trace():
    stream = ears()
    stream.push(SOUND[: 2 * RATE])
    with pytest.raises(AudioNotFinite):
        stream.push(np.array([0.1, np.nan], np.float32))
    rest = np.concatenate([stream.push(SOUND[2 * RATE : 6 * RATE]), stream.close()])
    right = np.concatenate(in_blocks(ears(), SOUND[: 6 * RATE], [RATE]))
    np.testing.assert_allclose(rest, right[-len(rest) :], atol=1e-5)
    with pytest.raises(events.StreamClosed, match="make a new"):
        stream.push(SOUND[:RATE])
    assert len(stream.close()) == 0


def test_clipped_sound_is_counted_and_heard():
    loud = np.clip(50 * SOUND[: 20 * RATE], -1, 1)
    stream = ears()
    curve = np.concatenate(in_blocks(stream, loud, [RATE]))
    assert np.isfinite(curve).all()
    assert stream.clipped == np.count_nonzero(np.abs(loud) >= 1) > 0
    beyond = ears()
    beyond.push(50 * SOUND[: 20 * RATE])
    assert beyond.clipped == stream.clipped


def test_a_stream_that_ends_within_an_event():
    event = next(e for e in STREAM.events if e.label == 0)
    end = round((event.onset + 0.4) * RATE)
    stream = ears()
    monitor = events.Monitor(stream)
    before = monitor.push(SOUND[:end])
    after = monitor.close()
    assert [a.label for a in before + after].count(0) == 1
    curve = np.concatenate(in_blocks(ears(), SOUND[:end], [RATE]))
    last = events.events_from(curve, stream.step, start=stream.start)[-1]
    assert last.label == 0
    assert last.offset == pytest.approx(end / RATE, abs=0.2)


@pytest.mark.parametrize("length", [1, 300, 1024, 1025, 1343, 1344, 20000])
def test_short_streams(length):
    curve = np.concatenate(in_blocks(ears(), SOUND[:length], [length]))
    assert 1 <= len(curve) <= -(-length // 2560) + 1
    assert np.isfinite(curve).all()


def test_settings_that_do_not_fit():
    with pytest.raises(ValueError, match="does not hold"):
        ears(window=32, every=3, look_ahead=2)
    with pytest.raises(ValueError, match="multiple of 8"):
        ears(window=100)
    with pytest.raises(ValueError, match="2 classes"):
        events.Monitor(ears(), [2])
    with pytest.raises(ValueError, match="smooth"):
        events.Alarms(2, smooth=0)


@pytest.mark.parametrize(("smooth", "refractory"), [(1, 0), (3, 0), (1, 12), (7, 5)])
def test_alarms_row_by_row_and_all_at_once(smooth, refractory):
    curve = np.random.default_rng(smooth).random((400, 3)) ** 2
    logic = events.Alarms(3, 0.6, 0.3, smooth, refractory)
    raised = [one for i in range(0, 400, 7) for one in logic.push(curve[i : i + 7])]
    at_once = events.alarms_of(curve, 0.6, 0.3, smooth, refractory)
    assert [one[:2] for one in raised] == [one[:2] for one in at_once]
    np.testing.assert_allclose([one[2] for one in raised], [one[2] for one in at_once])
    assert len(raised) > (0 if smooth == 7 else 5)


def test_only_watched_classes_raise_alarms():
    stream = ears()
    monitor = events.Monitor(stream, [1])
    alarms = monitor.push(SOUND) + monitor.close()
    assert {a.label for a in alarms} == {1}
    score = events.score_alarms(alarms, STREAM.events, 2)
    assert score.hits[1] == score.true[1]
    assert score.false.sum() == 0
    assert 0 < score.delays.mean() < 1.0
