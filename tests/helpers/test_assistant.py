"""The assistant's loop on sounds with known events: sources, trigger, states, memory, scores."""

import numpy as np
import pytest

from helpers import assistant, audio
from helpers.assistant import Assistant, Call, Event, LevelVad, Settings, SourceLost, Trigger
from helpers.errors import AudioError

RATE = assistant.SAMPLE_RATE


def tone(seconds, hertz=440.0, peak=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return (peak * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def hiss(seconds, level=1e-3, seed=0):
    n = round(seconds * RATE)
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


WORD = tone(0.4, 3000.0)
"""What stands for the wake word here: a high tone. A low tone is speech."""


class HighTone:
    """A wake word for tests: the share of zero crossings of each 80 ms, 1 for 2 kHz and more."""

    step = 0.08

    def __init__(self):
        self.reset()

    def reset(self):
        self.rest = np.zeros(0, np.float32)

    def push(self, block):
        x = np.concatenate([self.rest, block])
        size = round(self.step * RATE)
        count = len(x) // size
        self.rest = x[count * size :]
        frames = x[: count * size].reshape(count, size)
        crossings = np.mean(np.diff(np.sign(frames), axis=1) != 0, axis=1)
        loud = np.sqrt(np.mean(frames**2, axis=1)) > 0.05
        return np.where(loud & (crossings > 0.25), 1.0, 0.0)


class Understood:
    """Understands everything as its length; remembers what it got."""

    def __init__(self):
        self.got = []

    def __call__(self, samples):
        self.got.append(samples)
        return {"seconds": round(len(samples) / RATE, 1)}


def an_assistant(settings=None, act=None, speak=None):
    understand = Understood()
    settings = settings or Settings(hang=0.5, patience=2.0, longest=4.0, dead=3.0)
    return Assistant(HighTone(), LevelVad(), understand, act, speak, settings), understand


def heard(parts, **kwargs):
    machine, understand = an_assistant(**kwargs)
    session = assistant.listen(machine, assistant.blocks_of(np.concatenate(parts)))
    return session, understand, machine


def kinds(session):
    return [event.kind for event in session.events]


def first(session, kind):
    return next(event for event in session.events if event.kind == kind)


# --- sources -------------------------------------------------------------------------------------


def test_blocks_hold_every_sample_once():
    x = hiss(1.03)
    blocks = list(assistant.blocks_of(x))
    assert [len(b) for b in blocks] == [1600] * 10 + [480]
    assert np.array_equal(np.concatenate(blocks), x)


def test_bad_arrays_are_refused():
    with pytest.raises(AudioError):
        assistant.blocks_of(np.array([0.0, np.nan], np.float32))
    with pytest.raises(ValueError, match=r"audio\.resample"):
        assistant.blocks_of(hiss(0.1), sample_rate=8000)
    with pytest.raises(ValueError, match="a block lasts"):
        assistant.blocks_of(hiss(0.1), seconds=0)


@pytest.mark.parametrize("rate", [16000, 44100, 8000])
def test_a_file_is_read_in_blocks_at_the_rate_of_the_loop(tmp_path, rate):
    import soundfile

    t = np.arange(rate) / rate
    sound = np.stack([0.4 * np.sin(2 * np.pi * 500 * t), np.zeros(rate)], axis=1)
    soundfile.write(tmp_path / "x.wav", sound, rate, subtype="FLOAT")
    blocks = list(assistant.file_blocks(tmp_path / "x.wav"))
    x = np.concatenate(blocks)
    assert abs(len(x) - RATE) <= 1
    assert max(map(len, blocks)) <= 4000
    expected = 0.2 * np.sin(2 * np.pi * 500 * np.arange(len(x)) / RATE)
    assert np.abs(x - expected)[500:-500].max() < 1e-3


def test_files_that_are_no_sound(tmp_path):
    (tmp_path / "x.wav").write_text("not a sound")
    with pytest.raises(AudioError, match="cannot be read"):
        assistant.file_blocks(tmp_path / "x.wav")
    with pytest.raises(AudioError, match="cannot be read"):
        assistant.file_blocks(tmp_path / "none.wav")


def test_a_file_that_cannot_be_read_to_its_end_is_a_lost_source(tmp_path, monkeypatch):
    import soundfile

    audio.save(tmp_path / "x.wav", hiss(1.0), RATE)
    blocks = assistant.file_blocks(tmp_path / "x.wav")
    next(blocks)

    def gone(*_, **__):
        raise OSError("input/output error")

    monkeypatch.setattr(soundfile.SoundFile, "read", gone)
    with pytest.raises(SourceLost, match="could not be read to its end"):
        next(blocks)


class Device:
    """A microphone for tests: calls back with blocks when it is opened."""

    def __init__(self, blocks):
        self.blocks, self.closed = blocks, False

    def __call__(self, callback, size):
        self.callback = callback
        return self

    def __enter__(self):
        for block in self.blocks:
            self.callback(block)
        return self

    def __exit__(self, *_):
        self.closed = True


def test_a_microphone_that_vanishes_is_a_lost_source():
    device = Device([hiss(0.1), hiss(0.1, seed=1)])
    blocks = assistant.microphone_blocks(patience=0.01, open_stream=device)
    assert np.array_equal(next(blocks), hiss(0.1))
    next(blocks)
    with pytest.raises(SourceLost, match="was silent for"):
        next(blocks)
    assert device.closed


def test_a_loop_that_is_too_slow_for_the_microphone_is_told():
    device = Device([hiss(0.1)] * 4)
    blocks = assistant.microphone_blocks(waiting=3, open_stream=device)
    with pytest.raises(SourceLost, match="too slow"):
        list(blocks)


def test_an_empty_block_ends_a_microphone():
    blocks = assistant.microphone_blocks(open_stream=Device([np.zeros(0)]))
    with pytest.raises(SourceLost, match="ended its stream"):
        next(blocks)


# --- trigger and voice activity ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probabilities", "fires"),
    [
        ([0, 1, 0, 1, 0], []),  # never two in a row
        ([0, 1, 1, 1, 1], [2]),  # once, however long it lasts
        ([1, 1, 0.5, 1, 1, 1, 1], [1]),  # 0.5 is not low enough to arm it again
        ([1, 1, 0.1, 1, 1, 1, 1], [1, 5]),  # armed again, but only after the refractory time
        ([1, 1, 0, 0, 0, 0, 1, 1], [1, 7]),
    ],
)
def test_the_trigger_by_hand(probabilities, fires):
    trigger = Trigger(0.9, step=0.1, hold=2, refractory=0.35)
    assert np.flatnonzero(trigger.push(probabilities)).tolist() == fires
    one_by_one = Trigger(0.9, step=0.1, hold=2, refractory=0.35)
    assert [i for i, p in enumerate(probabilities) if one_by_one.push([p])[0]] == fires


@pytest.mark.parametrize(
    "change", [{"threshold": 0}, {"threshold": 1.1}, {"release": 0}, {"hold": 0}, {"step": 0}]
)
def test_trigger_settings_are_checked(change):
    with pytest.raises(ValueError, match=r"must lie|at least one"):
        Trigger(**{"threshold": 0.5, "step": 0.1} | change)


def test_the_level_detector_finds_a_tone_in_hiss():
    x = np.concatenate([hiss(1.0), tone(0.5, peak=0.02), hiss(1.0, seed=1)])
    p = LevelVad().push(x) > 0.5
    assert abs(np.argmax(p) * 0.02 - 1.0) < 0.1
    assert p[52:74].all()
    assert not p[:50].any()
    assert not p[90:].any()


def test_the_level_detector_does_not_depend_on_the_blocks():
    x = np.concatenate([hiss(0.5), tone(0.5), hiss(0.5)])
    whole = LevelVad().push(x)
    detector = LevelVad()
    parts = [detector.push(x[i : i + 777]) for i in range(0, len(x), 777)]
    assert np.array_equal(np.concatenate(parts), whole)


# --- the loop ------------------------------------------------------------------------------------


def test_a_dialogue():
    session, understand, machine = heard([hiss(1.0), WORD, hiss(0.5), tone(1.0), hiss(2.0)])
    assert kinds(session) == [
        "wake",
        "speech began",
        "speech ended",
        "understood",
        "stream ended",
    ]
    assert first(session, "wake").time == pytest.approx(1.2, abs=0.11)
    assert first(session, "speech began").time == pytest.approx(2.1, abs=0.15)
    # the tone ends at 2.9 s, and half a second without speech says so
    assert first(session, "speech ended").time == pytest.approx(3.4, abs=0.2)
    (samples,) = understand.got
    assert 1.5 < len(samples) / RATE < 2.4
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.02)
    assert machine.state == "waiting"
    assert machine.held == 0
    assert session.seconds == pytest.approx(4.9)


def test_without_the_word_nothing_happens():
    session, understand, _ = heard([hiss(1.0), tone(1.0), hiss(2.0)])
    assert kinds(session) == ["stream ended"]
    assert not understand.got


@pytest.mark.parametrize("size", [1, 160, 1600, 5000, 78400])
def test_how_the_stream_is_cut_does_not_matter(size):
    x = np.concatenate([hiss(0.5), WORD, hiss(0.5), tone(0.5), hiss(0.8)])
    machine, _ = an_assistant()
    events = [e for at in range(0, len(x), size) for e in machine.push(x[at : at + size])]
    events += machine.finish()
    assert machine.time == pytest.approx(len(x) / RATE)
    whole, _ = an_assistant()
    session = assistant.listen(whole, [x])
    assert [(e.kind, e.time) for e in events] == [(e.kind, e.time) for e in session.events]
    assert len(events) == 5


def test_silence_after_the_word():
    session, understand, machine = heard([hiss(0.5), WORD, hiss(3.0)])
    assert kinds(session) == ["wake", "nothing said", "stream ended"]
    waited = first(session, "nothing said").time - first(session, "wake").time
    assert waited == pytest.approx(2.0, abs=0.11)
    assert not understand.got
    assert machine.held == 0


def test_an_utterance_without_end_is_cut_off():
    session, understand, _ = heard([hiss(0.5), WORD, hiss(0.4), tone(8.0)])
    assert "too long" in kinds(session)
    assert len(understand.got[0]) <= 4.1 * RATE


def test_a_stream_that_ends_within_an_utterance_does_nothing():
    said = []
    session, understand, _ = heard([hiss(0.5), WORD, hiss(0.4), tone(0.6)], act=said.append)
    assert kinds(session) == ["wake", "speech began", "cut off", "stream ended"]
    assert not understand.got
    assert not said


def test_a_source_that_vanishes_is_an_event():
    def vanishing():
        yield from assistant.blocks_of(np.concatenate([hiss(0.5), WORD, hiss(0.4), tone(0.5)]))
        raise SourceLost("the microphone was unplugged")

    machine, _ = an_assistant()
    events = list(assistant.run(machine, vanishing()))
    assert [e.kind for e in events][-2:] == ["cut off", "source lost"]
    assert "unplugged" in events[-1].detail
    assert machine.state == "waiting"


def test_another_error_of_a_source_is_not_hidden():
    def broken():
        yield hiss(0.1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(assistant.run(an_assistant()[0], broken()))


def test_it_replies_and_can_be_interrupted():
    def speak(text):
        return np.zeros(3 * 22050, np.float32), 22050

    one = [hiss(0.5), WORD, hiss(0.4), tone(0.8), hiss(1.5)]
    session, _, _ = heard([*one, hiss(3.0)], act=lambda _: "yes", speak=speak)
    assert kinds(session)[3:] == ["understood", "acted", "reply", "reply ended", "stream ended"]
    lasted = first(session, "reply ended").time - first(session, "reply").time
    assert lasted == pytest.approx(3.0, abs=0.11)

    session, understand, _ = heard([*one, *one[1:], hiss(2.0)], act=lambda _: "yes", speak=speak)
    assert "barge-in" in kinds(session)
    assert (
        kinds(session).index("barge-in") + 1
        == [i for i, k in enumerate(kinds(session)) if k == "wake"][1]
    )
    assert 0 < first(session, "barge-in").detail < 3
    assert len(understand.got) == 2


def test_without_anything_to_say_there_is_no_reply():
    one = [hiss(0.5), WORD, hiss(0.4), tone(0.8), hiss(1.5)]
    session, _, machine = heard(one, act=lambda _: None, speak=lambda _: 1 / 0)
    assert kinds(session)[-2:] == ["acted", "stream ended"]
    assert machine.state == "waiting"


def test_clipping_is_said_once_and_heard_nevertheless():
    loud = np.clip(5 * tone(1.0), -1, 1)
    session, understand, _ = heard([hiss(0.5), WORD, hiss(0.4), loud, hiss(1.5)])
    assert kinds(session).count("clipped") == 1
    assert len(understand.got) == 1
    again, _, _ = heard([loud, hiss(2.0), loud, hiss(6.0), loud])
    assert [e.time for e in again.events if e.kind == "clipped"] == pytest.approx([0.1, 10.1])


def test_a_dead_line_is_said_and_so_is_its_return():
    session, _, _ = heard([hiss(0.5), np.zeros(5 * RATE, np.float32), hiss(1.0)])
    assert kinds(session) == ["no signal", "signal", "stream ended"]
    assert first(session, "no signal").time == pytest.approx(3.5, abs=0.11)
    assert first(session, "signal").time == pytest.approx(5.6, abs=0.11)


def test_what_is_no_sound_is_refused():
    machine, _ = an_assistant()
    with pytest.raises(AudioError):
        machine.push(np.array([np.nan], np.float32))
    with pytest.raises(AudioError, match="no samples"):
        machine.push(np.zeros(0, np.float32))


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute():
    machine, _ = an_assistant()
    bound = (machine.settings.longest + 1) * RATE
    block = np.concatenate([hiss(32.0), WORD, hiss(0.4), tone(6.0), hiss(11.2)])
    most = 0
    for _ in range(72):
        machine.push(block)
        most = max(most, machine.held)
        assert len(machine.wake.rest) < RATE
        assert len(machine.vad._rest) < RATE
    assert machine.time == pytest.approx(3600)
    assert most <= bound
    held = {k: v for k, v in vars(machine).items() if isinstance(v, list)}
    assert all(len(v) < 200 for v in held.values())


def test_a_session_knows_what_it_cost():
    session, _, machine = heard([hiss(0.5), WORD, hiss(0.4), tone(0.8), hiss(1.5)])
    assert set(session.spent) == {"wake", "voice", "understanding", "acting"}
    assert 0 < session.real_time_factor < 1
    again = assistant.listen(machine, assistant.blocks_of(hiss(1.0)))
    assert again.seconds == 1.0
    assert sum(again.spent.values()) < sum(machine.spent.values())
    assert assistant.Session().real_time_factor == 0.0


@pytest.mark.parametrize("change", [{"hang": 0}, {"patience": -1}, {"longest": 0.5}, {"dead": 0}])
def test_settings_are_checked(change):
    with pytest.raises(ValueError, match=r"above 0 s|must be able"):
        Settings(**change)


# --- what it does, and how well ------------------------------------------------------------------


def test_the_barista_repeats_what_it_understood():
    full = {
        "coffeeDrink": "mocha",
        "size": "large",
        "numberOfShots": "double shot",
        "milkAmount": "some cream",
        "sugarAmount": "sugar",
    }
    said = "One large double shot mocha with some cream and sugar, coming up."
    assert assistant.barista(full) == said
    assert assistant.barista({"coffeeDrink": "latte"}) == "One latte, coming up."
    assert "which drink" in assistant.barista({"size": "large"})


def test_a_transcript_is_a_table():
    events = [
        Event(1.25, "wake"),
        Event(3.0, "understood", {"size": "large"}),
        Event(3.0, "understood", {}),
        Event(3.1, "reply", 2.5),
        Event(4.0, "clipped", 1.0),
    ]
    rows = assistant.transcript(events).splitlines()
    assert rows[2] == "| 1.2 s | wake |  |"
    assert "size: *large*" in rows[3]
    assert rows[4].endswith("| – |")
    assert "2.5 s" in rows[5]
    assert "peak 1.00" in rows[6]


def test_outcomes_by_hand():
    order = {"coffeeDrink": "latte"}
    calls = [Call(10 * i, 10 * i + 1.0, 10 * i + 2, 10 * i + 5, order) for i in range(6)]
    events = [
        *(Event(1.2, "wake"), Event(5.8, "speech ended"), Event(5.8, "understood", order)),
        *(Event(11.3, "wake"), Event(14.0, "speech ended"), Event(14.0, "understood", {})),
        *(Event(21.1, "wake"), Event(25.7, "speech ended"), Event(25.7, "understood", {})),
        *(Event(31.1, "wake"), Event(36.1, "nothing said")),
        *(Event(46.0, "wake"), Event(48.0, "nothing said")),  # too late: a false alarm
        *(Event(51.1, "wake"), Event(54.0, "speech ended"), Event(54.0, "understood", order)),
        Event(60.0, "stream ended"),
    ]
    found, alarms = assistant.outcomes(events, calls)
    assert [o.stage for o in found] == [
        "right",
        "end of speech",
        "understanding",
        "end of speech",
        "wake word",
        "right",
    ]
    assert alarms == [46.0]
    assert found[0].wake_delay == pytest.approx(0.2)
    assert found[0].end_delay == pytest.approx(0.8)
    assert found[1].end_delay == pytest.approx(-1.0)
    assert np.isnan(found[3].end_delay)
    assert np.isnan(found[4].wake_delay)
    assert found[5].slots == order
    assert assistant.outcomes([], calls[:1])[0][0].stage == "wake word"


@pytest.mark.parametrize(
    ("over", "kind", "stage"),
    [
        (6.9, "speech ended", "understanding"),
        (7.0, "speech ended", "understanding"),
        (7.1, "speech ended", "end of speech"),  # more than two seconds after the order
        (6.0, "too long", "end of speech"),
        (4.9, "speech ended", "end of speech"),
    ],
)
def test_a_wrong_answer_to_an_order_that_ended_wrongly_is_the_fault_of_its_end(over, kind, stage):
    order = {"coffeeDrink": "latte"}
    calls = [Call(0.0, 1.0, 2.0, 5.0, order)]
    events = [Event(1.2, "wake"), Event(over, kind), Event(over, "understood", {})]
    assert [o.stage for o in assistant.outcomes(events, calls)[0]] == [stage]
    events[2] = Event(over, "understood", order)
    assert [o.stage for o in assistant.outcomes(events, calls)[0]] == ["right"]


def test_a_call_while_the_loop_still_listens_is_not_the_fault_of_the_wake_word():
    order = {"coffeeDrink": "latte"}
    calls = [Call(10 * i, 10 * i + 1.0, 10 * i + 2, 10 * i + 5, order) for i in range(4)]
    events = [
        *(Event(1.2, "wake"), Event(12.0, "too long"), Event(12.0, "understood", order)),
        *(Event(25.0, "wake"), Event(30.5, "nothing said")),
    ]
    found, alarms = assistant.outcomes(events, calls)
    # the last word ends at 31 s, when the loop waits again
    assert [o.stage for o in found] == ["right", "still listening", "wake word", "wake word"]
    assert alarms == [25.0]


def test_a_call_that_interrupts_a_reply_is_answered():
    order = {"coffeeDrink": "latte"}
    calls = [Call(0.0, 1.0, 2.0, 5.0, order)]
    events = [
        *(Event(1.2, "barge-in", 0.5), Event(1.2, "wake"), Event(5.8, "speech ended")),
        Event(5.8, "understood", order),
    ]
    found, alarms = assistant.outcomes(events, calls)
    assert (found[0].stage, alarms) == ("right", [])


def test_the_interval_of_a_share():
    # Clopper and Pearson: of n in n, low is the n-th root of 0.025; 5 of 10 is a table's example
    assert assistant.share_interval(62, 62) == (1.0, pytest.approx(0.025 ** (1 / 62)), 1.0)
    assert assistant.share_interval(0, 62) == (0.0, 0.0, pytest.approx(1 - 0.025 ** (1 / 62)))
    share, low, high = assistant.share_interval(5, 10)
    assert (share, low, high) == (
        0.5,
        pytest.approx(0.1871, abs=1e-4),
        pytest.approx(0.8129, abs=1e-4),
    )
    for wrong in ((-1, 10, 0.95), (11, 10, 0.95), (0, 0, 0.95), (1, 10, 1.0)):
        with pytest.raises(ValueError, match="at least one trial"):
            assistant.share_interval(*wrong)


def test_the_interval_of_a_rate():
    # Garwood's limits: 0 events, 3.689; 1 event, 0.0253 to 5.572; 10 events, 4.795 to 18.39
    assert assistant.rate_interval(0, 2.0) == (0.0, 0.0, pytest.approx(3.689 / 2, abs=1e-3))
    assert assistant.rate_interval(1, 1.0) == (
        1.0,
        pytest.approx(0.0253, abs=1e-4),
        pytest.approx(5.572, abs=1e-3),
    )
    rate, low, high = assistant.rate_interval(10, 5.0)
    assert (rate, low, high) == (
        2.0,
        pytest.approx(0.959, abs=1e-3),
        pytest.approx(3.678, abs=1e-3),
    )
    for wrong in ((-1, 1.0, 0.95), (0, 0.0, 0.95), (0, 1.0, 1.0)):
        with pytest.raises(ValueError, match="give a count"):
            assistant.rate_interval(*wrong)
