"""Data sets of the book: one file each, a store that finds them, and ways to split them.

    from helpers.datasets import load_digits, load_sounds, load_orders, by_speaker

Names are loaded when they are first used, so importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "Chorales": "_chorales",
    "Clips": "_clips",
    "Orders": "_orders",
    "Remote": "_store",
    "SLOTS": "_orders",
    "Sounds": "_sounds",
    "WakeWords": "_wake_words",
    "by_speaker": "splits",
    "load_chorales": "chorales",
    "load_coffee_orders": "orders",
    "load_digits": "digits",
    "load_esc10": "esc10",
    "load_fsdd": "fsdd",
    "load_jsb": "chorales",
    "load_orders": "orders",
    "load_practice_orders": "practice_orders",
    "load_practice_voices": "builtin_digits",
    "load_recorded_words": "wake_words",
    "load_sounds": "sounds",
    "load_wake_words": "wake_words",
    "official_split": "splits",
    "random_split": "splits",
    "split_orders": "splits",
    "split_wake_words": "splits",
}

__all__ = [
    "Chorales",
    "Clips",
    "Orders",
    "Remote",
    "SLOTS",
    "Sounds",
    "WakeWords",
    "by_speaker",
    "load_chorales",
    "load_coffee_orders",
    "load_digits",
    "load_esc10",
    "load_fsdd",
    "load_jsb",
    "load_orders",
    "load_practice_orders",
    "load_practice_voices",
    "load_recorded_words",
    "load_sounds",
    "load_wake_words",
    "official_split",
    "random_split",
    "split_orders",
    "split_wake_words",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
