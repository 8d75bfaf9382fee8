"""Programmes of augmentation with and without their parts."""

from dataclasses import fields, replace

import numpy as np
import pytest

from helpers import shifts
from helpers.models import ablation, digits
from helpers.models.augmentation import NONE, Augmentation


def differs(one, two):
    return {f.name for f in fields(Augmentation) if getattr(one, f.name) != getattr(two, f.name)}


def test_the_whole_consists_of_its_parts():
    settings = {name for part in ablation.PARTS.values() for name in part}
    assert differs(ablation.FULL, NONE) == settings
    assert len(ablation.VARIANTS) == 2 + 2 * len(ablation.PARTS)


@pytest.mark.parametrize("part", ablation.PARTS)
def test_a_part_is_left_out_or_alone(part):
    left, alone = (ablation.programme(f"{way} {part}") for way in ("all but", "only"))
    assert differs(left, ablation.FULL) == set(ablation.PARTS[part])
    assert differs(alone, NONE) == set(ablation.PARTS[part])


def test_ends_and_unknown_programmes():
    assert ablation.programme("none") == NONE
    assert ablation.programme("all") == ablation.FULL
    with pytest.raises(ValueError, match="must be one of"):
        ablation.programme("all but thunder")


def test_every_part_has_a_condition_of_its_own():
    assert set(ablation.OWN) == set(ablation.PARTS)
    assert set(ablation.OWN.values()) <= set(shifts.CONDITIONS[1:])
    assert not set(ablation.OWN.values()) & set(shifts.UNFORESEEN)


@pytest.mark.slow
def test_training_watches_and_chooses_nothing():
    rng = np.random.default_rng(0)
    power = rng.uniform(1e-6, 1e-2, (40, digits.FRAMES, 32)).astype(np.float32)
    labels = np.arange(40, dtype=np.int32) % 10
    lesson = digits.Pictures(power, np.full(40, 60, np.int32), labels, NONE)
    seen = []

    def observe(one, two, step):
        seen.append((step, one is not two))

    both = [lesson, replace(lesson, augmentation=ablation.FULL)]
    networks, history = ablation.train_together(both, 5, observe=observe, every=2)
    assert [step for step, _ in seen] == [2, 4, 5] and all(apart for _, apart in seen)
    assert history.best_step == 5
    assert ablation.logits(networks[1], power[:3]).shape == (3, 10)
