"""The built-in coffee orders: sentences of a small grammar, spoken by eSpeak NG, and a kitchen.

Always there, offline, and the same bits on every run of one machine. The sentences have the slots
and values of the real set. They are more regular than what people say, and the voices share one
synthesiser, so these orders are easier to understand than real ones: chapters say so.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from helpers import _espeak, audio, rooms, speech
from helpers.datasets import _orders, _recordings, _spoken, builtin_digits, builtin_sounds
from helpers.datasets._kept import kept, recipe
from helpers.datasets._orders import SLOTS, Orders
from helpers.datasets._recordings import Recordings
from helpers.datasets._spoken import CREDIT, SAMPLE_RATE

COUNT = 600
"""How many orders there are. Chapter: 6.1"""

OPENINGS = (
    "can I get {}",
    "could I have {}",
    "I would like {}",
    "I'd like {}",
    "I'll have {}",
    "I want {}",
    "please make me {}",
    "get me {}",
    "give me {}",
    "let me have {}",
    "may I order {}",
    "brew {} for me",
    "{}, please",
    "hello, {}, please",
)
"""Ways to ask for a coffee. Chapter: 6.1"""

SHARES = {
    "numberOfShots": 0.53,
    "roast": 0.5,
    "size": 0.5,
    "milkAmount": 0.47,
    "sugarAmount": 0.52,
}
"""Which share of orders names a slot, as in the real set; all name a drink. Chapter: 6.1"""


def _sentences(n: int, rng: np.random.Generator) -> list[tuple[str, dict[str, str]]]:
    """n orders as (text, slots). Each slot goes through all its values before one comes again."""
    decks: dict[str, list[str]] = {slot: [] for slot in SLOTS}

    def drawn(slot):
        if not decks[slot]:
            decks[slot] = [SLOTS[slot][i] for i in rng.permutation(len(SLOTS[slot]))]
        return decks[slot].pop()

    return [_sentence(drawn, rng) for _ in range(n)]


def _sentence(drawn, rng):
    slots = {"coffeeDrink": drawn("coffeeDrink")}
    slots |= {slot: drawn(slot) for slot, share in SHARES.items() if rng.random() < share}
    described = [slot for slot in ("size", "roast", "numberOfShots") if slot in slots]
    described = [slots[described[i]] for i in rng.permutation(len(described))]
    added = [slots[slot] for slot in ("milkAmount", "sugarAmount") if slot in slots]
    added = [added[i] for i in rng.permutation(len(added))]
    late = described.pop() if described and rng.random() < 0.12 else None
    drink = " ".join([*described, slots["coffeeDrink"]])
    text = f"{'an' if drink[0] in 'aei' else 'a'} {drink}"
    if late:
        text += f", {late}"
    if added:
        text += f" with {' and '.join(added)}"
    return OPENINGS[rng.integers(len(OPENINGS))].format(text), slots


def built_in_orders(n: int = COUNT, seed: int = 0) -> Orders:
    """Speak n orders, the voices taking turns; return Orders at 16 kHz with their texts.

    Each order has an English accent, rate, pitch and intonation of its own, 0.2 to 1 seconds
    before and after it, noise 12 to 40 dB below it, and in two of three cases a room. Names are
    `<number>_<accent>+<variant>`. Hold out voices with `split_orders`.

    Raises ValueError for n below 1, and SpeechError if eSpeak NG fails. Not cached: see
    `load_builtin_orders`.

    Chapter: 6.1
    Source: eSpeak NG [espeakng]; rooms [allen1979image], by pyroomacoustics
    [scheibler2018pyroomacoustics]
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least one order is needed")
    rng = np.random.default_rng(seed)
    said = _sentences(n, rng)
    variants = builtin_digits.voices()
    speakers = [variants[i % len(variants)] for i in range(n)]
    accents = [speech.ACCENTS[i] for i in rng.integers(0, len(speech.ACCENTS), n)]
    utterances = [
        _spoken.utterance(text, variant, accent, rng)
        for (text, _), variant, accent in zip(said, speakers, accents, strict=True)
    ]
    return _orders_of(
        Recordings(_spoken.recorded(utterances, (0.2, 1.0), (0.2, 1.0), rng, seed), SAMPLE_RATE),
        [slots for _, slots in said],
        [f"{i:03}_{u.voice}" for i, u in enumerate(utterances)],
        [text for text, _ in said],
        speakers,
        built_in_kitchen(seed=seed),
    )


def built_in_kitchen(seconds: float = 60.0, seed: int = 0) -> np.ndarray:
    """The sound of a kitchen at 16 kHz: float32 (n,), peak 0.5.

    A refrigerator hums, a fan blows, water runs now and then, crockery is put down and something
    is chopped. Raises ValueError for less than one second.

    Chapter: 6.1
    """
    if not seconds >= 1:
        raise ValueError(f"seconds is {seconds}; give at least 1")
    rng = np.random.default_rng((seed, 61))
    n = round(seconds * SAMPLE_RATE)
    slow = builtin_sounds._wander
    sound = 0.12 * rooms.hum(n, SAMPLE_RATE) + 0.25 * rooms.coloured_noise(n, -4.5, rng)
    sound = sound * (1 + 0.1 * slow(rng, n, 0.2))
    for _ in range(max(1, round(seconds / 15))):
        m = round(min(rng.uniform(2, 6), seconds) * SAMPLE_RATE)
        water = builtin_sounds._noise(rng, m, {80: -20, 400: -8, 1500: 0, 4000: -3, 8000: -12})
        water *= builtin_sounds._hump(m) * (1 + 0.15 * slow(rng, m, 8))
        builtin_sounds._put(sound, rng.uniform(0.01, 0.03) * water, rng.uniform(0, seconds))
    for _ in range(max(1, round(seconds / 1.5))):
        ring = _clink(rng) if rng.random() < 0.6 else _knock(rng)
        builtin_sounds._put(sound, ring, rng.uniform(0, seconds))
    return (0.5 / np.abs(sound).max() * sound).astype(np.float32)


def _clink(rng):
    """A cup or a plate: a few partials that ring."""
    n = round(0.6 * SAMPLE_RATE)
    hit = builtin_sounds._strikes(n, np.array([0.002]), 1.0)
    lowest = rng.uniform(900, 2400)
    sound = sum(
        rng.uniform(0.3, 1)
        * builtin_sounds._rung(hit, min(lowest * ratio, 7500), rng.uniform(0.02, 0.12))
        for ratio in (1, 1.58, 2.31, 2.92)
    )
    return rng.uniform(0.02, 0.15) * sound / np.abs(sound).max()


def _knock(rng):
    """Chopping on a board, or a cupboard door: one to six dull knocks."""
    knocks = rng.integers(1, 7)
    times = 0.01 + np.cumsum(rng.uniform(0.15, 0.3, knocks))
    n = round((times[-1] + 0.3) * SAMPLE_RATE)
    hits = builtin_sounds._strikes(n, times, rng.uniform(0.5, 1, knocks))
    sound = builtin_sounds._rung(hits, rng.uniform(150, 350), 0.02)
    sound = sound + 0.4 * builtin_sounds._rung(hits, rng.uniform(700, 1500), 0.006)
    return rng.uniform(0.03, 0.12) * sound / np.abs(sound).max()


def load_builtin_orders() -> Orders:
    """The built-in orders, from the cache or made now (in some ten seconds) and cached.

    As `helpers.datasets.builtin_digits.load_builtin_digits`. Chapter: 6.1
    """
    modules = (_orders, _recordings, _spoken, builtin_digits, builtin_sounds)
    made_from = recipe(
        (sys.modules[__name__], *modules, speech, _espeak, rooms, audio),
        ("espeakng-loader", "pyroomacoustics", "numpy", "scipy", "soxr"),
    )
    return kept("orders", made_from, built_in_orders, _pack, _unpack)


def _pack(orders):
    return {
        **_spoken.packed(orders.audio),
        "slots": [json.dumps(slots) for slots in orders.slots],
        "names": orders.names,
        "texts": orders.texts,
        "speakers": orders.speakers,
        "noise": orders.noise,
    }


def _unpack(arrays):
    return _orders_of(
        _spoken.unpacked(arrays),
        [json.loads(slots) for slots in arrays["slots"].tolist()],
        *(arrays[name] for name in ("names", "texts", "speakers", "noise")),
    )


def _orders_of(sounds, slots, names, texts, speakers, noise):
    return Orders(
        audio=sounds,
        slots=slots,
        names=names,
        sample_rate=SAMPLE_RATE,
        source="builtin",
        origin="built-in",
        licence="CC BY 4.0",
        citation="espeakng",
        credit=CREDIT,
        noise=noise,
        texts=texts,
        speakers=speakers,
    )
