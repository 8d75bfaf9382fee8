"""Streams give what whole sounds give."""

import numpy as np
import pytest

from helpers import streaming
from helpers.errors import AudioError
from helpers.features import FrontEnd, log_mel

FE = FrontEnd(hop=160, n_mels=8)
CUTS = ([4000], [1] * 300 + [3700], [0, 255, 1, 160, 3584], [37] * 108 + [4])


def pushed(part, x, cuts):
    results, at = [], 0
    for n in cuts:
        results.append(part.push(x[at : at + n]))
        at += n
    assert at == len(x)
    return np.concatenate(results)


@pytest.mark.parametrize("cuts", CUTS)
def test_frames_of_a_stream_are_those_of_the_whole(cuts):
    x = np.random.default_rng(0).normal(0, 0.1, 4000).astype(np.float32)
    rows = pushed(streaming.FramesOf(FE), x, cuts)
    assert rows.shape == (FE.frames(4000), 8)
    np.testing.assert_allclose(rows, log_mel(x, FE), atol=1e-4)


def test_frames_keep_less_than_a_window():
    part = streaming.FramesOf(FE)
    for _ in range(50):
        part.push(np.ones(333, np.float32) / 2)
        assert part.kept.size < FE.n_fft


def test_frames_refuse_what_is_not_sound():
    with pytest.raises(AudioError):
        streaming.FramesOf(FE).push(np.array([np.nan, 0.0]))


def test_level_by_hand():
    level = streaming.RunningLevel(range_db=20, fall=1.0, start=-50.0)
    rows = np.array([[-40.0, -45.0], [-60.0, -80.0], [-30.0, -30.0]], np.float32)
    expected = [[1.0, 0.75], [1 - 19 / 20, 0.0], [1.0, 1.0]]
    np.testing.assert_allclose(level.push(rows), expected, atol=1e-6)


@pytest.mark.parametrize("cuts", [[12], [5, 7], [1] * 12, [0, 3, 0, 9]])
def test_level_does_not_depend_on_the_blocks(cuts):
    rows = np.random.default_rng(1).normal(-40, 10, (12, 4)).astype(np.float32)
    whole = streaming.RunningLevel().push(rows)
    np.testing.assert_allclose(pushed(streaming.RunningLevel(), rows, cuts), whole, atol=1e-6)


def test_convolution_by_hand():
    kernel = np.array([[[1.0]], [[10.0]]])
    part = streaming.CausalConvolution(kernel, np.array([0.5]), gap=2)
    x = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    assert part.push(x[:1]).ravel().tolist() == [10.5]
    assert part.push(x[1:]).ravel().tolist() == [20.5, 31.5, 42.5]
    assert part.kept.ravel().tolist() == [3.0, 4.0]


def test_convolution_takes_nothing():
    part = streaming.CausalConvolution(np.ones((3, 2, 5)), np.zeros(5), gap=4)
    assert part.push(np.zeros((0, 2), np.float32)).shape == (0, 5)
    assert part.kept.shape == (8, 2)


@pytest.mark.parametrize(("shape", "bias", "gap"), [((3, 2), 2, 1), ((3, 2, 4), 2, 1),
                                                    ((3, 2, 4), 4, 0)])  # fmt: skip
def test_convolution_refuses(shape, bias, gap):
    with pytest.raises(ValueError, match="needed are"):
        streaming.CausalConvolution(np.ones(shape), np.zeros(bias), gap)


def test_receptive_field_is_what_an_impulse_reaches():
    gaps = (1, 2, 4)
    x = np.zeros((40, 1), np.float32)
    x[10] = 1
    for gap in gaps:
        x = streaming.CausalConvolution(np.ones((3, 1, 1)), np.zeros(1), gap).push(x)
    reached = np.flatnonzero(x[:, 0])
    assert reached[0] == 10
    assert reached[-1] - 10 + 1 == streaming.receptive_field(3, gaps) == 15
    with pytest.raises(ValueError, match="at least one"):
        streaming.receptive_field(0, gaps)


def test_rounding_bound():
    assert streaming.rounding_bound(8) == 2**-20
    x = np.random.default_rng(2).uniform(0, 1, 4096).astype(np.float32)
    one_by_one = np.add.accumulate(x)[-1]
    assert abs(one_by_one - x[::-1].sum()) <= streaming.rounding_bound(4096) * x.sum()
    with pytest.raises(ValueError, match="at least one"):
        streaming.rounding_bound(0)


def logits_for(path):
    return 10 * np.eye(11)[path]


def test_heard_digits():
    q = 10
    path = [q, 3, 3, 3, q, 3, 3, q, 7, q, 5, 4, 4, q]
    assert streaming.heard_digits(logits_for(path)) == [(2, 3), (6, 3), (12, 4)]


def test_heard_digits_wants_quiet_between_and_probability():
    assert streaming.heard_digits(logits_for([3, 3, 4, 4, 4])) == [(1, 3)]
    assert streaming.heard_digits(np.zeros((6, 11)) + 0.01 * np.eye(11)[2]) == []
    with pytest.raises(ValueError, match="frames"):
        streaming.heard_digits(np.zeros(11))
