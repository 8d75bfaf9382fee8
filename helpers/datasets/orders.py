"""Spoken orders to a coffee machine: real recordings where they can be had, built-in voices else.

The real set is what Picovoice tests its own product with: 619 orders at 16 kHz, 1.5 hours, each
with its slots (what drink, how large …) and without a transcript. Its publisher says that hired
voice actors spoke them, 50 in number, with 10 to 15 orders each [picovoice2020orders]; it does not
say who spoke which. So nobody can hold out a speaker: see `helpers.datasets.split_orders`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from helpers.datasets._lossless import recipe
from helpers.datasets._orders import Orders
from helpers.datasets._recordings import Recordings
from helpers.datasets._store import Limits, Remote, announced, fetch
from helpers.errors import DataCorrupt

SAMPLE_RATE = 16000

UNRECORDED = (
    "1a5e796d-2046-4a34-a01d-a906d09a0847",
    "2c20cd54-ada9-403e-94fb-01816f6b2c57",
    "81774d8e-7da7-4e9b-8cc3-33015b0ae0aa",
    "99d5b4d7-83f6-4557-b3c4-0d824405f2aa",
    "a32a3840-79b3-4dd5-982d-fd2e5a5f0d16",
    "f77914b1-0738-4a70-88ad-103910ec79cf",
)
"""Orders that have slots in the labels of the real set and are not among the 619 recordings that
the book takes: left out. Chapter: 6.1"""

_COMMIT = "47b1ca63afe4f08cb83e1f70fec16764879bd130"
_LABELS, _NOISE = "label.json", "noise_kitchen.flac"


def _original(name: str) -> str:
    """Path in the set → path in the archive."""
    if name == _LABELS:
        return f"data/label/{_LABELS}"
    if name == _NOISE:
        return "data/noise/kitchen.wav"
    return f"data/speech/clean/{Path(name).stem}.wav"


REMOTE = Remote(
    name="coffee_orders",
    title="the coffee orders",
    url=f"https://github.com/Picovoice/speech-to-intent-benchmark/archive/{_COMMIT}.zip",
    archive_sha256=None,
    sums_file="coffee_orders.sha256",
    folder_in_archive="*",
    licence="Apache-2.0",
    citation_key="picovoice2020orders",
    credit=(
        "Speech to Intent Benchmark by Picovoice, Apache-2.0, "
        "https://github.com/Picovoice/speech-to-intent-benchmark"
    ),
    bytes=100_000_000,
    recipe=recipe("coffee_orders.sha256", "coffee_orders_samples.sha256", _original),
)


def load_orders(source: str | None = None, quiet: bool = False) -> Orders:
    """Spoken coffee orders with their slots, 16 kHz; prints one line that says which set this is.

    `source` is "auto" (the recordings from the cache, the mirror folder or a download of some
    100 MB, otherwise the built-in voices), "real" (the recordings, or raise) or "builtin"; None
    takes it from the environment variable LISTENING_MACHINES_SOURCE, "auto" where that is not set.
    `quiet` prints nothing.

    Sounds are decoded when they are asked for: the recordings take no memory until then, the
    built-in orders 93 MB as int16. All at once as float32 they take 341 or 185 MB, and the
    recordings one or two seconds to decode. `noise` takes up to 8 MB.

    Raises DataError when the recordings are demanded and cannot be had: the message names the
    address and the remedy. Raises ValueError for another `source`.

    Chapter: 6.1
    """
    from helpers.datasets.builtin_orders import load_builtin_orders

    return announced("Coffee orders", load_coffee_orders, load_builtin_orders, source, quiet)


def load_coffee_orders(
    source: str | None = None,
    *,
    say: Callable[[str], object] = print,
    remote: Remote = REMOTE,
    limits: Limits | None = None,
) -> Orders:
    """Load the recorded orders: 619 mono sounds at 16 kHz, in order of their names, and a kitchen.

    Blanks around a value (" soy milk") are removed and capitals lowered; nothing else about the
    labels is changed, so "a lot of" and "lots of" stay two things. Labels of orders that are not
    among the recordings (`UNRECORDED`) are left out. Peaks lie at half of full scale
    or below.

    Raises DataUnavailable or DataCorrupt, naming the address and what to do, if the recordings
    cannot be had; DataCorrupt if the labels do not fit `SLOTS`. There is no fall-back here: see
    `load_orders`.

    Chapter: 6.1
    Source: [picovoice2020orders]
    """
    located = fetch(remote, source=source, say=say, limits=limits)
    names = [Path(path).stem for path in remote.sums() if path.startswith("audio/")]
    try:
        labels = json.loads((located.path / _LABELS).read_text(encoding="utf-8"))
        slots = [_tidied(labels[f"{name}.wav"]["slots"]) for name in names]
        return Orders(
            audio=Recordings([located.path / "audio" / f"{n}.flac" for n in names], SAMPLE_RATE),
            slots=slots,
            names=names,
            sample_rate=SAMPLE_RATE,
            source="coffee",
            origin=located.origin,
            licence=remote.licence,
            citation=remote.citation_key,
            credit=remote.credit,
            noise=Recordings([located.path / _NOISE], SAMPLE_RATE)[0],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataCorrupt(
            f"{located.path / _LABELS} does not hold orders as expected ({error}): restore the "
            "sums file from the book's repository."
        ) from error


def _tidied(slots: dict[str, str]) -> dict[str, str]:
    return {slot: value.strip().lower() for slot, value in slots.items()}
