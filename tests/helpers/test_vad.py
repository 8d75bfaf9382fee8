"""The voice activity detector: what its views know, what a stream keeps."""

import numpy as np
import pytest

from helpers import metrics, segment
from helpers.errors import AudioError, AudioTooShort
from helpers.experiments import vad as hearing

RATE = 16000


@pytest.fixture(scope="module")
def sound():
    rng = np.random.default_rng(1)
    loudness = np.repeat(rng.random(30) ** 3, 1600)
    return (rng.normal(0, 0.2, 48000) * loudness).astype(np.float32)


@pytest.fixture(scope="module")
def network(sound):
    """A network with random weights, scaled so that its answers on the sound vary."""
    from helpers.models import keras, vad

    keras.utils.set_random_seed(3)
    network = vad.vad_network()
    logits = np.asarray(network(vad.views(vad.framed(sound))[0][None]))
    weights, bias = network.get_layer("logits").get_weights()
    scale = 1 / logits.std()
    network.get_layer("logits").set_weights([weights * scale, bias - logits.mean() * scale])
    assert vad.speech_probabilities(network, sound).std() > 0.1
    return network


def in_blocks(network, sound, sizes):
    from helpers.models import vad

    detector, at, found = vad.VoiceDetector(network), 0, []
    for size in sizes:
        found.append(detector.push(sound[at : at + size]))
        at += size
    return np.concatenate([*found, detector.push(sound[at:]), detector.finish()])


# --- mixtures ------------------------------------------------------------------------------------


def order_of(seconds=2.0):
    t = np.arange(round(seconds * RATE)) / RATE
    clean = 0.3 * np.sin(2 * np.pi * 300 * t).astype(np.float32)
    clean[: RATE // 2] = 0
    return clean


def test_the_truth_is_where_the_clean_sound_is():
    spoken = hearing.truth(order_of())
    assert spoken.shape == (200,)
    assert not spoken[:49].any() and spoken[51:].all()


def test_the_ratio_holds_where_somebody_speaks():
    clean = 0.1 * order_of()
    noise = np.random.default_rng(0).normal(0, 0.1, 9000).astype(np.float32)
    sound, spoken = hearing.mixed(clean, noise, 5)
    inside = np.repeat(spoken, 160)
    added = (sound - clean)[: len(inside)][inside]
    ratio = 10 * np.log10(np.mean(clean[: len(inside)][inside] ** 2) / np.mean(added**2))
    assert ratio == pytest.approx(5, abs=0.5)  # the noise is not equally loud throughout


def test_a_loud_mixture_is_turned_down_and_a_silent_noise_replaced():
    clean = 3 * order_of()
    sound, _ = hearing.mixed(clean, np.zeros(5000, np.float32), -10)
    assert np.abs(sound).max() == pytest.approx(0.99)
    assert sound[: RATE // 2].std() > 0


def test_every_class_is_held_out_once_and_never_trained_on():
    from types import SimpleNamespace

    classes = [name for group in hearing.GROUPS for name in group]
    assert len(classes) == len(set(classes))
    clips = [np.full(3, i, np.float32) for i in range(len(classes))]
    sounds = SimpleNamespace(audio=clips, labels=np.arange(len(classes)), classes=classes)
    for group in hearing.GROUPS:
        left = {classes[int(clip[0])] for clip in hearing.noises_without(sounds, group)}
        assert left == set(classes) - set(group)
    pairs = hearing.streams([np.zeros(12 * RATE)] * 3, sounds, "dog", 5)
    assert pairs == []  # one clip of a class makes no pair


def test_streams_use_no_clip_twice():
    from types import SimpleNamespace

    clips = [np.full(3, i, np.float32) for i in range(10)]
    sounds = SimpleNamespace(audio=clips, labels=np.zeros(10, int), classes=["dog"])
    pairs = hearing.streams([np.zeros(12 * RATE)] * 3, sounds, "dog", 20)
    used = [int(x) for _, noise in pairs for x in noise[::3]]
    assert sorted(used) == list(range(10))
    assert {len(clean) for clean, _ in pairs} == {10 * RATE}


def test_made_up_noises_are_sounds():
    rng = np.random.default_rng(0)
    for _ in range(12):
        sound = hearing.made_up(rng, 8000)
        assert sound.shape == (8000,) and np.isfinite(sound).all() and sound.std() > 0


def test_a_filter_of_no_strength_changes_nothing():
    x = np.random.default_rng(0).normal(size=400)
    assert np.allclose(hearing.equalised(np.random.default_rng(1), x, 0.0), x)


# --- the results file ----------------------------------------------------------------------------


def full_record():
    """AUC 0.9 for the network (±0.01 by seed), 0.7 for the level; WebRTC hits all at 0.5."""
    about = {"date": "2026-01-01", "commit": "abc", "machine": "m", "versions": "v"}
    count, runs = len(hearing.FALSE_ALARMS), {}

    def entry(auc):
        return {str(s): {"auc": auc, "hits": [auc] * count} for s in hearing.SNRS}

    for name, (kind, group, seed) in hearing.plan().items():
        names = hearing.GROUPS[group]
        if kind == "network":
            found = {n: entry(0.9 + 0.01 * (seed - 1)) for n in names}
            extra = {"training": 20.0 + seed, "parameters": 5}
        else:
            found = {n: {m: entry(0.7) for m in hearing.METHODS[:2]} for n in names}
            points = {str(s): [[0.5, 1.0]] * 4 for s in hearing.SNRS}
            extra = {"webrtc": dict.fromkeys(names, points)}
        runs[name] = {"classes": found, **extra, **about}
    return {"about": "", "runs": runs}


def test_the_summary_by_hand():
    record = full_record()
    assert hearing.auc_of(record, "network")["rain"] == pytest.approx(0.9)
    assert hearing.auc_of(record, "level")["rain"] == 0.7
    assert hearing.hits_of(record, "WebRTC")["dog"].shape == (4, 2)
    assert np.allclose(hearing.hits_of(record, "network")["dog"], 0.9)
    table = hearing.table(record)
    assert "| network | 0.900 | 0.900 | 0.900 | 0.900 |" in table
    assert "20 to 22 s" in table and "100 at 50" in table


def test_a_file_that_is_not_complete_says_so():
    record = full_record()
    record["runs"].popitem()
    assert "not complete: 11 runs" in hearing.table(record)
    with pytest.raises(KeyError):
        hearing.auc_of(record, "network")


# --- views ---------------------------------------------------------------------------------------


def test_views_know_no_absolute_level():
    from helpers.models import vad

    picture = np.random.default_rng(0).normal(-40, 8, (120, 40)).astype(np.float32)
    assert np.allclose(vad.views(picture)[0], vad.views(picture + 25)[0], atol=1e-4)


def test_views_look_back_only_and_their_state_carries_on():
    from helpers.models import vad

    picture = np.random.default_rng(0).normal(-40, 8, (2, 300, 40)).astype(np.float32)
    whole, last = vad.views(picture)
    first, state = vad.views(picture[:, :110])
    second, state = vad.views(picture[:, 110:], state)
    assert np.allclose(np.concatenate([first, second], axis=1), whole, atol=1e-4)
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(state, last, strict=True))


def test_the_floor_by_hand():
    from helpers.models import vad

    picture = np.full((200, 40), -60.0, np.float32)
    picture[100:] = -40
    above = vad.views(picture)[0][:, :40]
    assert np.all(above[:100] == 0)
    assert above[100, 0] == pytest.approx((20 - vad.RISE) / 10, abs=1e-4)
    assert above[199, 0] == pytest.approx((20 - 100 * vad.RISE) / 10, abs=1e-3)


def test_silence_leaves_no_hole():
    from helpers.models import vad

    picture = np.full((100, 40), -200.0, np.float32)
    picture[50:] = -40
    above = vad.views(picture)[0][:, :40]
    assert above[60].max() <= 4 and np.isfinite(above).all()


@pytest.mark.parametrize("shape", [(40,), (0, 40)])
def test_what_is_no_picture(shape):
    from helpers.models import vad

    with pytest.raises(ValueError, match="frames"):
        vad.views(np.zeros(shape, np.float32))


# --- the stream ----------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [0, 1, 159])
def test_one_number_for_each_frame_however_it_is_cut(network, sound, extra):
    from helpers.models import vad

    sound = np.concatenate([sound, sound[:extra]])
    whole = vad.speech_probabilities(network, sound)
    assert whole.shape == (300,) and whole.dtype == np.float32
    for sizes in ([1, 100, 0, 7000, 333], [160] * 200, [20000, 20000]):
        assert np.allclose(in_blocks(network, sound, sizes), whole, atol=1e-5)


def test_the_stream_computes_what_keras_computes(network, sound):
    from helpers.models import vad

    logits = np.asarray(network(vad.views(vad.framed(sound))[0][None]))[0]
    whole = vad.speech_probabilities(network, sound)
    expected = 1 / (1 + np.exp(-logits[vad.LOOK_AHEAD :]))
    assert np.allclose(whole[: -vad.LOOK_AHEAD], expected, atol=1e-5)


def test_a_frame_is_judged_when_its_latency_has_passed(network, sound):
    from helpers.models import vad

    needed = 160 + round(vad.LATENCY * RATE)  # the end of the first frame, and the wait
    detector = vad.VoiceDetector(network)
    assert len(detector.push(sound[: needed - 1])) == 0
    assert len(detector.push(sound[needed - 1 : needed])) == 1
    assert len(detector.push(sound[needed : needed + 160])) == 1


def test_what_comes_after_the_latency_changes_nothing(network, sound):
    from helpers.models import vad

    other = sound.copy()
    other[32000:] = 0.5
    same = int((32000 - vad.LATENCY * RATE) // 160)
    a, b = (vad.speech_probabilities(network, x) for x in (sound, other))
    assert np.allclose(a[:same], b[:same], atol=1e-6) and not np.allclose(a, b, atol=1e-4)


def test_memory_stays_flat_and_finish_begins_anew(network, sound):
    from helpers.models import vad

    detector = vad.VoiceDetector(network)
    first = np.concatenate([detector.push(sound), detector.finish()])
    kept = []
    for _ in range(20):
        detector.push(sound)
        kept.append(detector.kept)
    assert len(set(kept)) == 1 and kept[0] < 10_000
    detector.finish()
    again = np.concatenate([detector.push(sound), detector.finish()])
    assert np.array_equal(first, again)


def test_silence_and_clipping_give_probabilities(network):
    from helpers.models import vad

    for x in (np.zeros(8000, np.float32), np.ones(8000, np.float32)):
        p = vad.speech_probabilities(network, x)
        assert p.shape == (50,) and np.all((p >= 0) & (p <= 1))


def test_a_stream_that_is_too_short_or_no_sound(network):
    from helpers.models import vad

    detector = vad.VoiceDetector(network)
    assert len(detector.finish()) == 0
    assert len(detector.push(np.zeros(100, np.float32))) + len(detector.finish()) == 0
    assert len(detector.push([])) == 0
    short = np.concatenate([detector.push(np.zeros(200, np.float32)), detector.finish()])
    assert short.shape == (1,)
    with pytest.raises(AudioTooShort, match="159"):
        vad.speech_probabilities(network, np.zeros(159, np.float32))
    with pytest.raises(AudioError):
        detector.push(np.array([0.0, np.nan]))
    with pytest.raises(AudioTooShort):
        vad.framed(np.zeros(100, np.float32))


def test_the_parameter_count():
    from helpers.models import vad

    f, k = vad.VIEWS, vad.TAPS
    for c, gaps in ((8, (1, 2)), (4, (1,))):
        count = (f + 1) * c + len(gaps) * (k * c + 1) * c + c + 1
        assert vad.vad_network(c, gaps).count_params() == count
    with pytest.raises(ValueError, match="at least one"):
        vad.vad_network(0)


def test_the_loss_asks_for_late_answers():
    from helpers.models import tf, vad

    targets = tf.constant(np.random.default_rng(0).random((2, 60)) < 0.5, tf.float32)
    late = tf.pad(targets, [[0, 0], [vad.LOOK_AHEAD, 0]])[:, :60]

    def answers(x, training):
        return 40 * late - 20

    assert float(vad.vad_loss(answers, None, targets)) < 1e-6


def test_batches_must_fit():
    from helpers.models import vad

    draw = vad.vad_batches(np.zeros((5, 30, 120), np.float16), np.ones((5, 30), bool), 3)
    x, y = draw()
    assert x.shape == (3, 30, 120) and x.dtype == "float32" and float(y[0, 0]) == 1
    with pytest.raises(ValueError, match="do not fit"):
        vad.vad_batches(np.zeros((5, 30, 120)), np.ones((5, 29), bool))


@pytest.mark.slow
def test_a_little_training_tells_a_pulsing_tone_from_noise():
    from helpers.models import vad

    orders = [order_of(3.0) * (0.5 + 0.1 * i) for i in range(4)]
    rng = np.random.default_rng(0)
    noises = [rng.normal(0, 0.1, 20000).astype(np.float32) for _ in range(3)]
    network, history = hearing.train(orders, noises, steps=40, mixtures=60)
    sound, spoken = hearing.mixed(order_of(3.0), noises[0], 5)
    assert history.loss[-1] < 0.6
    assert metrics.auc(vad.speech_probabilities(network, sound), spoken) > 0.9


@pytest.mark.slow
def test_an_hour_in_bounded_memory(network):
    import tracemalloc

    from helpers.models import vad

    minute = np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32)
    detector = vad.VoiceDetector(network)
    total = len(detector.push(minute))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(59):
        total += len(detector.push(minute))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert total + len(detector.finish()) == 360_000
    assert grown < 200_000


# --- decisions -----------------------------------------------------------------------------------


def test_hysteresis_by_hand():
    from helpers.models import vad

    p = [0.5, 0.7, 0.5, 0.3, 0.3, 0.3, 0.5, 0.7, 0.3]
    decided = vad.hysteresis(p, on=0.6, off=0.4, hold=0.02)
    assert decided.tolist() == [False, True, True, True, True, False, False, True, True]
    at_once = vad.hysteresis(p, on=0.6, off=0.4, hold=0)
    assert at_once.tolist() == [False, True, True, False, False, False, False, True, False]
    same = vad.hysteresis(p, on=0.5, off=0.5, hold=0)
    assert same.tolist() == [x >= 0.5 for x in p]


@pytest.mark.parametrize("bad", [{"on": 0.3, "off": 0.4}, {"on": 1.2}, {"hold": -1}])
def test_thresholds_that_make_no_sense(bad):
    from helpers.models import vad

    with pytest.raises(ValueError, match="needed"):
        vad.hysteresis([0.5], **bad)


def test_webrtc_and_level_give_one_number_a_frame(sound):
    assert len(hearing.level(sound)) == 300 == len(segment.webrtc(sound, RATE))
    assert hearing.level(sound).max() == 0
    assert hearing.level_above_floor(sound).max() > 0
