"""A set of spoken coffee orders, the shape in which such sets are handed out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from helpers.datasets._clips import _SAID_OF, check_origin, chosen, grouped, sum_of
from helpers.datasets._recordings import selected

AMOUNTS = ("", "some", "a bit of", "a little bit of", "a lot of", "lots of")
MILKS = ("milk", "skim milk", "whole milk", "soy milk", "almond milk", "cream")
SUGARS = ("sugar", "brown sugar", "sweetener")


def _amounts_of(kinds: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{amount} {kind}".strip() for kind in kinds for amount in AMOUNTS)


SLOTS: dict[str, tuple[str, ...]] = {
    "coffeeDrink": (
        "americano",
        "cappuccino",
        "coffee",
        "drip coffee",
        "espresso",
        "house coffee",
        "iced coffee",
        "iced mocha",
        "latte",
        "mocha",
    ),
    "numberOfShots": ("single shot", "double shot", "triple shot"),
    "roast": ("light roast", "medium roast", "dark roast"),
    "size": (
        "small",
        "medium",
        "large",
        "eight ounce",
        "twelve ounce",
        "sixteen ounce",
        "twenty ounce",
    ),
    "milkAmount": _amounts_of(MILKS),
    "sugarAmount": _amounts_of(SUGARS),
}
"""The six slots of an order and all their values; every order has the first. An amount of milk or
sugar is one of `AMOUNTS` (the first says nothing) and one of `MILKS` or `SUGARS`. Chapter: 6.1"""


@dataclass(frozen=True, eq=False)
class Orders:
    """Spoken orders to a coffee machine with what was ordered, and where they came from.

    audio        n sounds, each (samples,) float32 in [-1, 1] of some seconds; loaded sets decode
                 a sound whenever it is asked for, `list(audio)` keeps all of them
    slots        list of n dicts {slot: value} over `SLOTS`; what was not said is not in it
    names        (n,) str, the file name or identifier of each order
    sample_rate  in hertz, the same for all sounds
    source       "coffee" or "builtin"
    origin       "cache", "mirror", "download" or "built-in"
    licence      SPDX-like name
    citation     key of the entry in book/references.bib
    credit       line that stands beside every player of these recordings
    noise        (m,) float32, the sound of a kitchen at the same rate, one or two minutes
    texts        (n,) str, what was said; None where nobody wrote it down, as in the real set
    speakers     (n,) str, which built-in voice speaks; None in the real set, which does not say

    Raises ValueError if a column does not have one entry per sound, or if an order names a slot or
    a value that `SLOTS` does not hold, or no drink.

    Chapter: 6.1
    """

    audio: Sequence[np.ndarray]
    slots: list[dict[str, str]]
    names: np.ndarray
    sample_rate: int
    source: str
    origin: str
    licence: str
    citation: str
    credit: str
    noise: np.ndarray
    texts: np.ndarray | None = None
    speakers: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.audio)
        for name in ("names", "texts", "speakers"):
            column = getattr(self, name)
            if column is not None:
                column = np.asarray(column, dtype=np.str_)
                object.__setattr__(self, name, column)
                if column.shape != (n,):
                    raise ValueError(f"{name} has shape {column.shape} for {n} orders: one each")
        if len(self.slots) != n:
            raise ValueError(f"slots has {len(self.slots)} entries for {n} orders: one each")
        for name, order in zip(self.names, self.slots, strict=True):
            strange = [f"{k}: {v!r}" for k, v in order.items() if v not in SLOTS.get(k, ())]
            if strange:
                raise ValueError(f"order {name} has {', '.join(strange)}, unknown to SLOTS")
            if "coffeeDrink" not in order:
                raise ValueError(f"order {name} names no coffeeDrink")
        check_origin(self.origin)

    def __len__(self) -> int:
        return len(self.audio)

    def subset(self, which) -> Orders:
        """Select orders by a boolean mask (n,) or by indices (m,); no sound is decoded or copied.

        Raises ValueError if a mask does not have one entry per order, IndexError if an index is
        out of range.

        Chapter: 6.1
        """
        which = chosen(which, len(self))
        return replace(
            self,
            audio=selected(self.audio, which),
            slots=[self.slots[i] for i in which],
            names=self.names[which],
            texts=None if self.texts is None else self.texts[which],
            speakers=None if self.speakers is None else self.speakers[which],
        )

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that identify exactly these sounds, slots and names.

        Decodes every sound, which takes some seconds.
        """
        said = [json.dumps(order, sort_keys=True) for order in self.slots]
        head = f"{self.source} {self.sample_rate} {len(self)}"
        digest = sum_of(head, self.audio, self.names, said)
        digest.update(np.ascontiguousarray(self.noise, dtype="<f4").data)
        return digest.hexdigest()[:12]

    def record(self) -> dict[str, object]:
        """What a build notes about this set beside its source, licence and id."""
        return {"orders": len(self)}

    def describe(self) -> str:
        """Say in one line what this is and where it came from."""
        title = {"coffee": "coffee orders by Picovoice", "builtin": "built-in voices"}
        people = "" if self.speakers is None else f" by {len(np.unique(self.speakers))} voices"
        return (
            f"{title.get(self.source, self.source)}, {grouped(len(self))} orders{people} "
            f"({_SAID_OF[self.origin]})"
        )
