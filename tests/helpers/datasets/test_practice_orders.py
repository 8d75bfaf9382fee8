"""Orders and phrases to practise with: texts, voices, and that test voices stay strangers."""

import numpy as np
import pytest

from helpers import phrases
from helpers.datasets import builtin_digits, practice_orders, split_orders
from helpers.datasets._orders import Orders


def test_practice_is_what_its_texts_say():
    practice = practice_orders.spoken_practice(2, 3, seed=5)
    assert len(practice) == 5
    assert practice.whole.tolist() == [True, True, False, False, False]
    assert practice.sample_rate == 16000
    assert all(phrases.spelled(text) for text in practice.texts)
    assert all(0.3 < len(x) / 16000 < 12 for x in practice.audio)
    assert set(practice.speakers) <= set(practice_orders.training_voices())
    again = practice_orders.spoken_practice(2, 3, seed=5)
    assert all(np.array_equal(a, b) for a, b in zip(practice.audio, again.audio, strict=True))
    packed = practice_orders._unpack(practice_orders._pack(practice))
    assert np.array_equal(packed.audio[4], practice.audio[4])
    assert packed.texts.tolist() == practice.texts.tolist()


def test_held_out_voices_do_not_speak():
    voices = builtin_digits.voices()
    orders = Orders(
        audio=[np.zeros(10, np.float32)] * len(voices),
        slots=[{"coffeeDrink": "latte"}] * len(voices),
        names=[str(i) for i in range(len(voices))],
        sample_rate=16000,
        source="builtin",
        origin="built-in",
        licence="",
        citation="",
        credit="",
        noise=np.zeros(10, np.float32),
        speakers=voices,
    )
    train, validation, test = split_orders(orders)
    training = set(practice_orders.training_voices())
    assert training == {voices[i] for i in train}
    assert not training & {voices[i] for i in (*validation, *test)}


def test_numbers_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        practice_orders.spoken_practice(0, 3)
    with pytest.raises(ValueError, match="one for each"):
        practice_orders.Practice([np.zeros(3)], ["a", "b"], [True], ["x"])
