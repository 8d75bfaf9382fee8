"""Understanding orders: batches, the loss, what is read, and the order that is guessed."""

import numpy as np
import pytest

from helpers import phrases
from helpers.models import keras, slots, tf
from helpers.models.spotter import FRONT_END, frames_of
from helpers.phrases import BLANK
from helpers.scratch.sequences import ctc_enumerate

RATE = FRONT_END.sample_rate
RNG = np.random.default_rng(0)
NOISE = RNG.uniform(1e-6, 1e-4, (900, 40)).astype(np.float32)


def powers(*lengths):
    return [RNG.uniform(1e-4, 1e-2, (n, 40)).astype(np.float32) for n in lengths]


def a_bank(share=1.0):
    words = [phrases.spelled(t) for t in ("latte", "small latte", "dark roast mocha with cream")]
    return slots.order_bank(powers(60, 90, 200), words, slots.OF_VOICES, share)


def test_a_bank_holds_sounds_one_behind_the_other():
    bank = a_bank()
    assert bank.starts.tolist() == [0, 60, 150]
    assert bank.lengths.tolist() == [60, 90, 200]
    assert bank.tokens.shape == (3, 4)
    assert bank.tokens[0].tolist() == [*phrases.spelled("latte"), -1, -1, -1]


def test_banks_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="give one each"):
        slots.order_bank(powers(50), [], slots.OF_VOICES)
    with pytest.raises(ValueError, match="no word"):
        slots.order_bank(powers(50), [()], slots.OF_VOICES)


def test_a_batch_holds_what_fits():
    keras.utils.set_random_seed(0)
    (pictures, lengths), tokens = slots.order_batches([a_bank()], NOISE, 120, size=8, words=6)()
    assert pictures.shape == (8, 120, 40)
    assert tokens.shape == (8, 6)
    assert np.isfinite(pictures.numpy()).all()
    assert set(map(tuple, tokens.numpy().tolist())) <= {
        (*phrases.spelled(t), *[-1] * (6 - len(phrases.spelled(t))))
        for t in ("latte", "small latte")
    }
    assert np.all((lengths.numpy() >= 48) & (lengths.numpy() <= 120))


def test_banks_give_their_shares():
    rare = slots.order_bank(powers(50), [phrases.spelled("espresso")], slots.OF_PEOPLE, 0.25)
    draw = slots.order_batches([a_bank(0.75), rare], NOISE, 260, size=8)
    _, tokens = draw()
    espresso = phrases.spelled("espresso")[0]
    assert (tokens.numpy()[:, 0] == espresso).tolist() == [False] * 6 + [True] * 2


@pytest.mark.parametrize(
    ("banks", "noise", "frames", "message"),
    [
        ([], NOISE, 100, "one bank"),
        (None, NOISE[:100], 100, "frames of noise"),
        (None, NOISE, 50, "no sound of a bank"),
    ],
)
def test_batches_that_cannot_be_drawn_are_refused(banks, noise, frames, message):
    with pytest.raises(ValueError, match=message):
        slots.order_batches([a_bank()] if banks is None else banks, noise, frames)
    with pytest.raises(ValueError, match="needs one or more"):
        slots.order_batches([a_bank(), a_bank(0.001)], NOISE, 120)


class Fixed:
    """A network for tests that answers the same logits to every picture."""

    def __init__(self, logits):
        self.logits = tf.constant(logits, tf.float32)

    def __call__(self, picture, training):
        return tf.repeat(self.logits[None], tf.shape(picture)[0], axis=0)


def test_the_loss_is_that_of_ctc():
    z = np.full((3, BLANK + 1), -40.0)
    z[:, [0, 1, BLANK]] = np.random.default_rng(1).normal(size=(3, 3))
    small = ctc_enumerate(z[:, [0, 1, BLANK]], blank=2)
    pictures = tf.zeros([2, 12, 40])
    tokens = tf.constant([[0, 1, -1], [1, -1, -1]])
    loss = slots.order_loss(Fixed(z), (pictures, tf.constant([12, 12])), tokens)
    assert float(loss) == pytest.approx((-small[0, 1] / 2 - small[1,]) / 2, abs=1e-4)


def test_a_reader_averages_its_networks():
    a, b = np.random.default_rng(2).normal(size=(2, 5, BLANK + 1))
    both = slots.OrderReader(Fixed(a), Fixed(b))(np.zeros(4000, np.float32))
    each = [slots.OrderReader(Fixed(z))(np.zeros(4000, np.float32)) for z in (a, b)]
    assert np.allclose(both, np.mean(each, axis=0), atol=1e-5)
    assert np.allclose(np.exp(each[0]).sum(axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match="one network"):
        slots.OrderReader()


def test_the_order_of_phrases_is_guessed():
    z = np.zeros((9, BLANK + 1))
    for i, word in enumerate(phrases.spelled("double shot mocha cream")):
        z[2 * i + 1, word] = 9
    z[::2, BLANK] = 9
    said = [{"coffeeDrink": "mocha", "numberOfShots": "double shot", "milkAmount": "cream"}]
    guess = slots.guessed_words(slots.OrderReader(Fixed(z)), powers(36), said)
    assert guess == [phrases.spelled("double shot mocha cream")]


def test_the_network_answers_every_40_ms():
    network = slots.order_speller(channels=(4, 4, 4, 4), width=8)
    assert network(np.zeros((2, 41, 40), np.float32)).shape == (2, 11, BLANK + 1)
    assert network.name == "order_speller"


@pytest.mark.slow
def test_a_network_learns_two_words():
    """Of two tones, one is "latte" and the other "mocha"; at the end it tells them apart."""
    from helpers.training import fit_stages, set_seed

    def tone(hertz, seconds=0.5):
        t = np.arange(round(seconds * RATE)) / RATE
        return frames_of((0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32))

    words = [phrases.spelled(w) for w in ("latte", "mocha")]
    bank = slots.order_bank([tone(400), tone(2500)], words, slots.OF_PEOPLE)
    set_seed(0)
    network = slots.order_speller(channels=(8, 8, 8, 8), width=16, dropout=0.0)
    draw = slots.order_batches([bank], NOISE, 64, size=16, words=2)
    fit_stages([network], [(80, [draw])], slots.order_loss, learning_rate=1e-2)
    reader = slots.OrderReader(network)
    assert phrases.read_slots(reader.of_power(tone(400))) == {"coffeeDrink": "latte"}
    assert phrases.read_slots(reader.of_power(tone(2500))) == {"coffeeDrink": "mocha"}
