"""Resolve the book's data sets before chapters run: `python -m helpers.datasets --prepare`.

Downloads or makes what is missing, so that chapters that start at the same time find everything in
place. The last line on stdout is one JSON object that says which data each set resolved to.
"""

from __future__ import annotations

import argparse
import json
import sys

from helpers.errors import DataError


def _digits():
    from helpers.datasets.digits import load_digits

    return load_digits()


def _sounds():
    from helpers.datasets.sounds import load_sounds

    return load_sounds()


def _chorales():
    from helpers.datasets.chorales import load_chorales

    return load_chorales()


def _orders():
    from helpers.datasets.orders import load_orders

    return load_orders()


def _wake_words():
    from helpers.datasets.wake_words import load_wake_words

    return load_wake_words()


SETS = {
    "digits": _digits,
    "sounds": _sounds,
    "chorales": _chorales,
    "orders": _orders,
    "wake_words": _wake_words,
}


def summary(found) -> dict[str, object]:
    """Say which data this is in a form that a build can record and key its cache on."""
    return {
        "source": found.source,
        "origin": found.origin,
        **found.record(),
        "licence": found.licence,
        "id": found.id,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, or 1 with the reason on stderr if a demanded set is missing."""
    parser = argparse.ArgumentParser(prog="python -m helpers.datasets", description=__doc__)
    parser.add_argument(
        "--prepare", action="store_true", required=True, help="resolve every data set"
    )
    parser.parse_args(arguments)
    try:
        resolved = {name: summary(load()) for name, load in SETS.items()}
    except (DataError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(resolved))
    return 0


if __name__ == "__main__":
    sys.exit(main())
