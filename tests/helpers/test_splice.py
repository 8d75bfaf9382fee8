"""Concatenation: neighbours are kept, joins are chosen."""

import numpy as np
import pytest

from helpers.phones import PAUSE, practice_speech
from helpers.splice import Inventory, splice


@pytest.fixture(scope="module")
def practice():
    return practice_speech(60)


@pytest.fixture(scope="module")
def inventory(practice):
    return Inventory(practice)


def test_what_was_recorded_is_played_back_without_a_join(practice, inventory):
    for spoken in practice[:4]:
        made = splice(inventory, spoken.phones, spoken.stress)
        assert len(made.joins) == 0
        assert len(made.starts) == len(spoken.phones) + 1
        assert made.starts[-1] == len(made.samples)


def test_a_sentence_that_was_never_said_is_made_of_pieces(inventory, practice):
    a, b = practice[0], practice[1]
    phones = a.phones[:-1] + b.phones[1:]
    stress = np.concatenate([a.stress[:-1], b.stress[1:]])
    made = splice(inventory, phones, stress)
    blind = splice(inventory, phones, stress, joined=False, rng=np.random.default_rng(1))
    assert 1 <= len(made.joins) < len(blind.joins)
    assert made.distances.sum() < blind.distances.sum()
    assert np.all(np.diff(made.starts) >= 0) and np.isfinite(made.samples).all()
    assert np.abs(made.samples).max() <= 1.0


def test_the_draw_is_repeatable(inventory, practice):
    one = practice[2]
    made = [
        splice(inventory, one.phones, one.stress, False, np.random.default_rng(3)).samples
        for _ in range(2)
    ]
    assert np.array_equal(*made)


def test_bad_input_is_refused(inventory, practice):
    with pytest.raises(ValueError, match="none of the recordings"):
        splice(inventory, (PAUSE, "zh?", PAUSE), np.zeros(3))
    with pytest.raises(ValueError, match="nothing to say"):
        splice(inventory, (), np.zeros(0))
    with pytest.raises(ValueError, match="one recording or more"):
        Inventory([])
    with pytest.raises(ValueError, match="8000 Hz"):
        Inventory(practice_speech(1, sample_rate=8000))
