"""Data sets of the book: one file each, a store that finds them, and ways to split them.

    from helpers.datasets import load_digits, by_speaker

Names are loaded when they are first used, so importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "Clips": "_clips",
    "Remote": "_store",
    "by_speaker": "splits",
    "load_digits": "digits",
    "load_fsdd": "fsdd",
    "load_practice_voices": "builtin_digits",
    "official_split": "splits",
    "random_split": "splits",
}

__all__ = [
    "Clips",
    "Remote",
    "by_speaker",
    "load_digits",
    "load_fsdd",
    "load_practice_voices",
    "official_split",
    "random_split",
]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
