"""Data sets of the book: one file each, a store that finds them, and ways to split them.

    from helpers.datasets import load_digits, load_sounds, load_chorales, by_speaker

Names are loaded when they are first used, so importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "Chorales": "_chorales",
    "Clips": "_clips",
    "Remote": "_store",
    "Sounds": "_sounds",
    "by_speaker": "splits",
    "load_chorales": "chorales",
    "load_digits": "digits",
    "load_esc10": "esc10",
    "load_fsdd": "fsdd",
    "load_jsb": "chorales",
    "load_practice_voices": "builtin_digits",
    "load_sounds": "sounds",
    "official_split": "splits",
    "random_split": "splits",
}

__all__ = [
    "Chorales",
    "Clips",
    "Remote",
    "Sounds",
    "by_speaker",
    "load_chorales",
    "load_digits",
    "load_esc10",
    "load_fsdd",
    "load_jsb",
    "load_practice_voices",
    "load_sounds",
    "official_split",
    "random_split",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
