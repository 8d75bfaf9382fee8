"""Programmes of augmentation with and without their parts."""

from dataclasses import fields

import pytest

from helpers import shifts
from helpers.models import ablation
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
