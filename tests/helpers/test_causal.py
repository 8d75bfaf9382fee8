"""Causal networks: matched in size, and their reach is what the formula says."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow
KINDS = ("CNN", "dilated CNN", "GRU", "LSTM", "Transformer")


def test_all_kinds_have_about_the_same_number_of_parameters():
    from helpers.models.causal import causal_network

    counts = [causal_network(kind, 64, 5, 4).count_params() for kind in KINDS]
    assert max(counts) < 1.1 * min(counts)


@pytest.mark.parametrize("kind", KINDS)
def test_the_receptive_field_by_derivative(kind):
    import tensorflow as tf

    from helpers.models import keras
    from helpers.models.causal import causal_network, receptive_field

    keras.utils.set_random_seed(0)
    steps = 140
    network = causal_network(kind, steps, 5, 4)
    x = tf.constant(np.random.default_rng(0).normal(size=(4, steps, 5)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = tf.reduce_sum(network(x) ** 2)
    moved = np.abs(tape.gradient(out, x).numpy()).sum(axis=(0, 2)) > 0
    reach = receptive_field(kind, steps)
    assert not moved[: steps - reach].any()
    if kind in ("CNN", "dilated CNN", "Transformer"):
        assert moved[steps - reach :].all()


def test_options_that_make_no_network():
    from helpers.models.causal import causal_network, receptive_field

    with pytest.raises(ValueError, match="dilated CNN"):
        causal_network("TCN", 8, 5, 4)
    with pytest.raises(ValueError, match="dilated CNN"):
        receptive_field("TCN", 8)
    with pytest.raises(ValueError, match="multiple of 4"):
        causal_network("Transformer", 8, 5, 4, size=30)
    with pytest.raises(ValueError, match="at least 1"):
        causal_network("GRU", 0, 5, 4)
