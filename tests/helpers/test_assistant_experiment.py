"""The evaluation of the assistant: rules that choose, baselines, streams, the summary by hand."""

import numpy as np
import pytest

from helpers import segment
from helpers.assistant import Call, Event, Session
from helpers.datasets import split_orders, split_wake_words
from helpers.datasets._clips import Clips
from helpers.datasets._orders import Orders
from helpers.datasets._sounds import Sounds
from helpers.datasets._wake_words import WakeWords
from helpers.datasets.practice_orders import Practice
from helpers.experiments import assistant

RATE = assistant.RATE
RNG = np.random.default_rng(0)


def tone(seconds, hertz=440.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def hiss(seconds, seed=0):
    n = round(seconds * RATE)
    return (0.05 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


HEAD = {"sample_rate": RATE, "source": "builtin", "origin": "built-in", "licence": "", "credit": ""}


def some_words(n=60):
    return WakeWords(
        audio=[np.pad(tone(0.5, 300 + 10 * i), 4000) for i in range(n)],
        labels=[1 if i % 3 else 0 for i in range(n)],
        classes=["alexa", "computer"],
        names=[f"word {i}" for i in range(n)],
        citation="",
        **HEAD,
    )


def some_orders(n=40):
    return Orders(
        audio=[np.pad(tone(1.0, 500 + 10 * i), 4000) for i in range(n)],
        slots=[{"coffeeDrink": "latte" if i % 3 else "mocha"} for i in range(n)],
        names=[f"order {i}" for i in range(n)],
        citation="",
        noise=hiss(3.0),
        **HEAD,
    )


def some_sounds():
    return Sounds(
        audio=[hiss(1.0, seed) for seed in range(9)] + [np.zeros(RATE, np.float32)],
        labels=np.zeros(10, int),
        classes=["rain"],
        folds=np.repeat([1, 2, 3, 4, 5], 2),
        names=[str(i) for i in range(10)],
        recordings=[str(i) for i in range(10)],
        credits=[""] * 10,
        citation="",
        **HEAD,
    )


def some_digits():
    return Clips(
        audio=[tone(0.3)[::2]] * 4,
        labels=[0, 1, 2, 3],
        speakers=["a"] * 4,
        names=[str(i) for i in range(4)],
        citation="",
        **HEAD | {"sample_rate": RATE // 2},
    )


def test_the_background_holds_no_call_and_nothing_that_trained():
    words, orders = some_words(), some_orders()
    _, _, test = split_wake_words(words)
    _, _, asked = split_orders(orders)
    found = assistant.background(words, orders, some_sounds(), some_digits())
    assert len(found["other words"]) == sum(words.labels[i] == 0 for i in test)
    assert len(found["orders"]) == len(asked)
    assert len(found["digits"][0]) == len(tone(0.3))
    more = assistant.background(words, orders, some_sounds(), some_digits(), (orders, words))
    assert more.keys() - found.keys() == {"built-in orders", "built-in words"}
    assert len(more["built-in words"]) == 20
    trained = assistant.other_speech(orders, Practice([hiss(1.0)], ["a latte"], [True], ["v"]))
    assert len(trained) == len(split_orders(orders)[0]) + 1
    fewer = assistant.other_speech(orders, Practice([hiss(1.0)], ["a latte"], [True], ["v"]), 3)
    assert len(fewer) == -(-(len(trained) - 1) // 3) + 1
    assert not {x.tobytes() for x in trained} & {x.tobytes() for x in found["orders"]}


def test_the_word_is_the_one_with_the_most_recordings():
    assert assistant.wake_word(some_words()) == 1


def test_silent_noises_are_left_out():
    assert len(assistant.noises_of(some_sounds(), (4, 5))) == 3
    track = assistant.noise_track(assistant.noises_of(some_sounds(), (1,)), 2.5, RNG)
    assert track.shape == (40000,)
    assert track.dtype == np.float32
    assert np.sqrt(np.mean(track**2)) == pytest.approx(0.1, abs=1e-3)
    gaps = np.concatenate([np.zeros(4000), hiss(0.2), np.zeros(9000)]).astype(np.float32)
    filled = assistant.noise_track([gaps], 1.0, RNG)
    assert all(np.std(filled[i : i + 800]) > 0.05 for i in range(0, RATE, 800))


def test_the_spoken_part_is_cut_out():
    x = np.concatenate([np.zeros(RATE), tone(1.0), np.zeros(RATE)]).astype(np.float32)
    part = assistant.spoken_part(x)
    assert len(part) / RATE == pytest.approx(1.3, abs=0.05)


@pytest.mark.parametrize(
    ("calls", "others", "threshold"),
    [
        ([0.9] * 50, [0.1], 0.5),  # half way in log-odds
        ([0.99] * 50, [0.5], 0.9087),
        ([0.6] * 50, [0.01], 0.5),  # never below one half
        ([1.0] * 50, [0.999], 0.98),  # never above 0.98
    ],
)
def test_the_threshold_lies_between(calls, others, threshold):
    assert assistant.choose_threshold(calls, others) == pytest.approx(threshold, abs=1e-3)


def test_the_pause_is_the_shortest_that_cuts_few_off():
    ends = {
        0.3: np.array([-1.0, -0.5, *[0.3] * 18]),
        0.5: np.array([-1.0, *[0.5] * 19]),
        0.8: np.full(20, 0.8),
    }
    assert assistant.choose_hang(ends) == 0.5
    assert assistant.choose_hang({0.3: ends[0.3], 0.4: ends[0.3]}) == 0.4


class Gate:
    """A detector for tests: 1 where a 10 ms frame is loud."""

    step = 0.01

    def reset(self):
        self.rest = np.zeros(0)

    def push(self, block):
        x = np.concatenate([self.rest, block])
        frames = x[: len(x) // 160 * 160].reshape(-1, 160)
        self.rest = x[len(frames) * 160 :]
        return (np.sqrt(np.mean(frames**2, axis=1)) > 0.02).astype(float)


def test_the_end_of_an_order_is_found_as_late_as_the_pause_is_long():
    pad = np.zeros(round(0.15 * RATE))
    once = np.concatenate([pad, tone(1.0), pad]).astype(np.float32)
    twice = np.concatenate([pad, tone(1.0), np.zeros(8000), tone(1.0), pad]).astype(np.float32)
    noise = hiss(2.0)
    ends = assistant.ends_of(Gate(), [once, twice], noise, 40, hangs=(0.3, 0.8))
    # decisions are made every 0.1 s
    assert ends[0.3] == pytest.approx([0.35, -1.15], abs=0.1)
    assert ends[0.8] == pytest.approx([0.85, 0.85], abs=0.1)


def test_an_order_lies_between_pauses():
    order = np.pad(tone(1.0), 2400)
    mixed, end = assistant.between_pauses(order, hiss(10.0), 20)
    assert len(mixed) == len(order) + 4 * RATE
    assert end == RATE + 2400 + RATE
    speech, noise = mixed[RATE + 2400 : end], mixed[end + 2400 :]
    assert 20 * np.log10(np.std(speech) / np.std(noise)) == pytest.approx(20, abs=1)


def test_an_utterance_that_never_begins_has_no_end():
    assert assistant._over(np.zeros(300, bool), 0.01, 0.3, 0.12) is None
    brief = np.zeros(300, bool)
    brief[100:105] = True
    assert assistant._over(brief, 0.01, 0.3, 0.12) is None
    brief[100:120] = True
    assert assistant._over(brief, 0.01, 0.3, 0.12) == 149
    brief[100:280] = True
    assert assistant._over(brief, 0.01, 0.3, 0.12) is None  # begun, and never over
    assert assistant._over(brief, 0.01, 0.19, 0.12) == 298


def test_ended_wrongly_means_cut_off_late_or_never():
    late = np.array([[-0.1, 0.0, 2.0], [2.1, np.nan, 0.8]])
    assert assistant.ended_wrongly(late).tolist() == [[True, False, False], [True, True, False]]


def test_the_level_with_the_fewest_wrong_ends_is_chosen():
    good, late, cut = np.full(20, 0.8), np.full(20, 2.5), np.full(20, -1.0)
    half = np.concatenate([good[:10], late[:10]])
    ends = {
        (6.0, 4.0): [{0.3: good, 0.5: good}, {0.3: late, 0.5: late}],
        (9.0, 1.5): [{0.3: cut, 0.5: good}, {0.3: good, 0.5: half}],  # 0.3 s would cut off
        (9.0, 4.0): [{0.3: good, 0.5: good}, {0.3: half, 0.5: good}],
    }
    # two of them have ten wrong ends: the smaller pair, with the pause it needs
    assert assistant.choose_level(ends) == ((9.0, 1.5), 0.5)


def test_the_baselines():
    slots = [{"coffeeDrink": "latte", "size": "small"}, {"coffeeDrink": "latte"}, {"roast": "x"}]
    assert assistant.commonest(slots, 2) == [{"coffeeDrink": "latte"}] * 2
    loud, quiet = np.ones((40, 5)), np.ones((40, 5))
    loud[:20] *= 100
    quiet[20:] *= 100
    known = [loud, quiet, np.ones((40, 5))]
    assert assistant.nearest(known, slots, [quiet[:32], loud]) == [slots[1], slots[0]]


def test_words_in_the_order_of_the_label_file():
    from helpers.phrases import spelled

    said = {"coffeeDrink": "iced mocha", "size": "small"}
    assert assistant.labelled_words([said]) == [spelled("iced mocha") + spelled("small")]


def test_the_penalty_with_the_best_f1_is_chosen():
    from helpers.phrases import BLANK, spelled

    heard = np.full((6, BLANK + 1), -9.0)
    heard[:, BLANK] = -0.01
    heard[2, spelled("latte")[0]] = -0.01 + 2.5  # worth 2.5 nats
    heard[4, spelled("sugar")[0]] = -0.01 + 1.5
    assert assistant.choose_penalty([heard], [{"coffeeDrink": "latte"}]) == 2.0
    both = {"coffeeDrink": "latte", "sugarAmount": "sugar"}
    assert assistant.choose_penalty([heard], [both]) == 0.0


class Beep:
    """A wake word for tests: 1 for each 80 ms with a loud tone."""

    step = 0.08

    def reset(self):
        self.rest = np.zeros(0)

    def push(self, block):
        x = np.concatenate([self.rest, block])
        frames = x[: len(x) // 1280 * 1280].reshape(-1, 1280)
        self.rest = x[len(frames) * 1280 :]
        return (np.sqrt(np.mean(frames**2, axis=1)) > 0.03).astype(float)


def test_alarms_and_hits_are_counted():
    beep = Beep()
    parts = {"tones": [tone(0.2)] * 4, "none": [hiss(2.0) / 9]}
    alarms = assistant.false_alarms(beep, 0.5, parts, pause=0.2)
    (first, second), seconds = alarms["tones"]  # the refractory time swallows two of four
    assert (first, second) == (pytest.approx(0.1, abs=0.1), pytest.approx(1.3, abs=0.1))
    assert seconds == 1.6
    assert alarms["none"] == [[], 2.2]
    calls = [np.pad(tone(0.5), 8000), 1e-4 * np.pad(tone(0.5), 8000)]
    hits, delays = assistant.detected(beep, 0.5, calls, hiss(5.0), 40)
    assert hits.tolist() == [True, True]
    assert all(-0.5 < d < 0.2 for d in delays)
    assert assistant.peak_score(beep, tone(0.5)) == 1.0
    assert assistant.peak_score(beep, hiss(0.5) / 99) == 0.0


def test_alarms_are_counted_by_the_half_hour():
    alarms = {"a": [[10.0, 1790.0], 1795.0], "b": [[4.0, 600.0], 1900.0], "c": [[], 105.0]}
    # 3800 s make two parts of 1900 s; 4 s into b are 1799 s in all
    assert assistant.half_hours(alarms) == pytest.approx([3 * 3600 / 1900, 3600 / 1900])
    assert assistant.half_hours({"a": [[1.0], 600.0]}).tolist() == [6.0]


def test_a_stream_holds_what_it_says():
    words, orders = some_words(), some_orders()
    stream, calls = assistant.stream_of(words, orders, some_sounds(), 60, dialogues=4, seed=1)
    again, _ = assistant.stream_of(words, orders, some_sounds(), 60, dialogues=4, seed=1)
    assert np.array_equal(stream, again)
    assert len(calls) == 4
    levels = segment.frame_levels(stream, RATE) > -35
    for call in calls:
        for begin, end in ((call.wake_start, call.wake_end), (call.order_start, call.order_end)):
            inside = levels[round(begin * 100) + 8 : round(end * 100) - 8]
            assert inside.all()
            assert not levels[round(begin * 100) - 25 : round(begin * 100) - 8].any()
        assert call.wake_end < call.order_start
        assert call.slots in orders.slots
    assert sum(c.order_end - c.order_start for c in calls) < levels.sum() / 100


def test_a_session_is_measured():
    call = Call(1.0, 1.5, 2.0, 4.0, {"coffeeDrink": "latte"})
    events = [
        Event(1.7, "wake"),
        Event(4.6, "speech ended"),
        Event(4.6, "understood", {"coffeeDrink": "mocha"}),
        Event(30.0, "wake"),
    ]
    found = assistant.measured(Session(events, 60.0, {"wake": 0.3}), [call])
    assert found["stages"] == {"understanding": 1}
    assert found["alarms"] == 1
    assert found["wake_delays"] == [0.2]
    assert found["end_delays"] == [0.6]
    assert found["each"] == [[0, 1, 1]]
    assert found["right"] == [False]
    assert found["stage"] == ["understanding"]
    assert found["late"] == [0.6]
    assert found["alarm_times"] == [30.0]
    unheard = assistant.measured(Session([], 60.0, {}), [call])
    assert (unheard["late"], unheard["end_delays"]) == ([None], [])
    assert (found["f1"], found["exact"]) == (0.0, 0.0)


def a_run(seed):
    """A run's record, small and made up."""
    of_order = {"f1": 0.8 + 0.01 * seed, "exact": 0.5, "each": [[1, 1, 1], [0, 1, 1]]}
    stream = {
        "stages": {"right": 2, "still listening": 1, "understanding": 1},
        "alarms": seed,
        "seconds": 900.0,
        "spent": {"wake": 9.0},
        "wake_delays": [0.2, 0.3],
        "end_delays": [0.6],
        "f1": 0.8,
        "exact": 0.75,
        "each": [[1, 1, 1]] * 4,
        "right": [True, True, False, False],
    }
    return {
        "word": "computer",
        "threshold": 0.8,
        "alarms": {"orders": [[1900.0], 3600.0], "sounds": [[], 1800.0]},
        "hits": {"40": [1, 1], "0": [1, 0]},
        "wake_delays": {"40": [0.1, 0.2], "0": [0.3]},
        "without_speech": {
            "alarms": {"orders": [[10.0, 1900.0], 3600.0], "sounds": [[1.0], 1800.0]},
            "hits": {"40": [1, 1], "10": [0, 1]},
        },
        "wake_parameters": 10,
        "wake_seconds": 20.0,
        "understanding": {
            "guessed order": {str(s): of_order for s in assistant.SNRS},
            "commonest values": {"40": of_order},
        },
        "word_parameters": 20,
        "word_seconds": {"voices": 40.0, "label order": 60.0, "recordings": 70.0},
        "hang": {"level": 0.8, "network": 0.5},
        "level": [6.0, 10.0],
        "penalty": 1.0,
        "ends": {"level": {"20": {"0.8": [0.8, None]}}},
        "vad_seconds": 30.0,
        "streams": {"40 dB, level": stream, "5 dB, network": stream},
        "date": "2026-01-01",
        "commit": "abc",
        "machine": "m",
        "versions": "v",
    }


def test_the_summary_by_hand():
    record = {"runs": {name: a_run(seed) for name, (seed,) in assistant.plan().items()}}
    found = assistant.summary(record)
    assert found["alarms"] == {"orders": [3, 10800], "sounds": [0, 5400]}
    assert found["alarm_counts"] == [1, 1, 1]
    assert found["alarm_rates"][0] == pytest.approx((1 / 1.5, 0.0253 / 1.5, 5.572 / 1.5), abs=1e-3)
    assert found["hours"] == pytest.approx(1.5)
    assert found["half_hours"].tolist() == [0, 2, 0]
    assert found["heard"][0] == pytest.approx((1.0, 0.025**0.5, 1.0))
    assert (found["thresholds"], found["levels"]) == ([0.8] * 3, [(6.0, 10.0)] * 3)
    assert found["hits"][0].mean() == 0.5
    assert found["without_speech"]["half_hours"].tolist() == [2, 2, 2]
    assert found["without_speech"]["hits"][10].mean() == 0.5
    assert "| orders | 60 | 1.0 | 2.0 |" in assistant.table_of_alarms(record)
    assert found["wake_delays"][40] == [0.1, 0.2] * 3
    assert found["understanding"]["guessed order"][40]["f1"] == pytest.approx([0.8, 0.81, 0.82])
    assert found["understanding"]["guessed order"][40]["each"].shape == (3, 2, 3)
    assert found["understanding"]["guessed order"][40]["right"][0].tolist() == [True, False]
    assert np.isnan(found["ends"]["level"][20][0.8][0, 1])
    assert found["factor"] == [0.01] * 3  # of the network's streams alone
    assert found["seconds"]["understanding"] == [110.0] * 3
    assert "| **guessed order** | 0.810 / 0.50 |" in assistant.table(record)
    streams = assistant.table_of_streams(record)
    assert (
        "| level, 40 dB | 50 % | 0 % | 25 % | 0 % | 25 % | 3 in 45 min | 0.25 | 0.60 |" in streams
    )
    assert "not complete: 0 runs" in assistant.table({"runs": {}})
