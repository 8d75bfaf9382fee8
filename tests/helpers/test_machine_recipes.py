"""The recipe for speech, carried to machines."""

import numpy as np
import pytest

from helpers.models import machines
from helpers.models.augmentation import NONE


class Clips:
    def __init__(self, *audio):
        self.audio = list(audio)


def noise(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def test_finer_frames_are_more_frames():
    clips = Clips(noise(4000), noise(4000, 1))
    coarse = machines.powers(clips, machines.COARSE)
    fine = machines.powers(clips, machines.FINE)
    assert coarse.shape == (2, machines.COARSE.frames(4000), 32)
    assert fine.shape == (2, machines.FINE.frames(4000), 16)
    with pytest.raises(ValueError, match="differ in length"):
        machines.powers(Clips(noise(4000), noise(3000)), machines.FINE)


def test_pictures_do_not_depend_on_level():
    power = machines.powers(Clips(noise(4000)), machines.FINE)
    once, softer = machines.levelled(power), machines.levelled(power * 0.01)
    assert np.allclose(once, softer, atol=1e-4)
    assert once.max() == pytest.approx(1.0)


@pytest.mark.parametrize("name", machines.RECIPES)
def test_a_batch_has_the_shape_of_the_pictures(name):
    recipe = machines.RECIPES[name]
    power = machines.powers(Clips(noise(2000), noise(2000, 1)), recipe.front_end)
    pictures, labels = machines.machine_batches(power, np.array([0, 1]), recipe, size=4)()
    assert pictures.shape == (4, *power.shape[1:])
    assert set(labels.numpy()) <= {0, 1}
    assert np.isfinite(pictures.numpy()).all()


def test_without_changes_a_batch_holds_the_pictures_themselves():
    recipe = machines.Recipe(machines.FINE, NONE)
    power = machines.powers(Clips(noise(2000), noise(2000, 1)), machines.FINE)
    pictures, labels = machines.machine_batches(power, np.array([0, 1]), recipe, size=6)()
    assert np.allclose(pictures, machines.levelled(power)[labels.numpy()], atol=1e-5)


def test_statistics_leave_the_level_out():
    power = machines.powers(Clips(noise(4000)), machines.FINE)
    assert machines.statistics(power).shape == (1, 32)
    assert np.allclose(machines.statistics(power), machines.statistics(100 * power), atol=1e-3)


def test_strangeness_counts_in_spreads():
    reference = np.array([[0.0, 1.0], [2.0, 1.0]])
    found = machines.strangeness(np.array([[1.0, 1.0], [3.0, 5.0]]), reference, [2.0, 4.0])
    assert found == pytest.approx([0.0, 1.0])
    with pytest.raises(ValueError, match="reference"):
        machines.strangeness(reference, reference[:0], [1.0, 1.0])
    with pytest.raises(ValueError, match="spread"):
        machines.strangeness(reference, reference, [1.0, 0.0])
