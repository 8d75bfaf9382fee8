"""What a chapter shows about itself: its facts, its summary, and the source of what it uses."""

import functools
import inspect
import json
import re
import textwrap
from pathlib import Path

from helpers import _html

RUN_TIMES = Path(__file__).resolve().parent.parent / "book" / "run-times.json"
"""Where `make times` writes what it measured."""


def show_source(*things):
    """Show the source of functions or classes of `helpers`, highlighted, with where it lives.

    What is shown is what runs: the helper's own file, never a copy. Raises TypeError for a thing
    that has no Python source, such as an array or a built-in function.

    Chapter: 5.1
    """
    if not things:
        raise TypeError("show_source needs at least one function or class")
    for thing in things:
        thing = inspect.unwrap(thing) if callable(thing) else thing
        if isinstance(thing, functools.partial):
            thing = thing.func
        try:
            source = textwrap.dedent(inspect.getsource(thing))
        except (TypeError, OSError) as error:
            raise TypeError(
                f"there is no Python source to show of {thing!r}: pass a function or a class"
            ) from error
        place = thing.__module__.replace(".", "/") + ".py"
        name = thing.__qualname__
        caption = (
            f'<code style="background:none;border:0;padding:0;color:inherit">'
            f"{_html.escape(place)}</code>: the helper’s own source of "
            f'<code style="background:none;border:0;padding:0;color:inherit">'
            f"{_html.escape(name)}</code>"
        )
        _html.display(
            f'<div class="lm-box lm-source" style="margin:0.6rem 0">'
            f"{_html.paragraph(caption, small=True, muted=True)}{_html.highlight(source)}</div>",
            f"# {place}: the helper's own source of {name}\n{source}",
        )


def chapter_facts(chapter, *, reading_minutes, data):
    """Show the line under a chapter's title: reading time, run time, memory, data used.

    chapter: its number, `"5.2"`. reading_minutes: a whole number. data: a set of recordings with
    `describe()`, or a text. Run time and peak memory come from book/run-times.json, measured by
    `make times`; where a chapter is not in it, the line says so.

    Raises ValueError for another form of chapter number, for a reading time that is not positive,
    or if book/run-times.json is damaged.

    Chapter: 5.1
    """
    if not re.fullmatch(r"\d+\.\d+", str(chapter)):
        raise ValueError(f"chapter is {chapter!r}; give its number as text, such as '5.2'")
    if not reading_minutes > 0:
        raise ValueError(f"reading_minutes is {reading_minutes!r}; give a positive number")
    described = data.describe() if hasattr(data, "describe") else str(data)
    facts = [
        ("Reading", f"{reading_minutes:g} min"),
        ("Running", run_time(chapter)),
        ("Data", described),
    ]
    items = "".join(
        f'<span><span style="color:{_html.MUTED}">{name}</span> {_html.escape(value)}</span>'
        for name, value in facts
    )
    _html.display(
        f'<div class="lm-box lm-facts" style="display:flex;flex-wrap:wrap;gap:0.1rem 1.4rem;'
        f'font-size:0.92em;margin:0.2rem 0;padding:0.35rem 0;color:{_html.TEXT}">{items}</div>',
        " · ".join(f"{name}: {value}" for name, value in facts),
    )


def run_time(chapter):
    """What `make times` measured of a chapter, in words: "34 s, 1.2 GB of memory, on …".

    "not measured yet" if there is no measurement. Raises ValueError if book/run-times.json is
    damaged. Chapter: 5.1
    """
    if not RUN_TIMES.exists():
        return "not measured yet"
    try:
        record = json.loads(RUN_TIMES.read_text(encoding="utf-8"))
        measured = record.get("chapters", {}).get(str(chapter))
        if measured is None:
            return "not measured yet"
        seconds, megabytes = float(measured["seconds"]), float(measured["peak_mb"])
        source = measured.get("source")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{RUN_TIMES.name} is damaged ({type(error).__name__}: {error}): "
            "run `make times` or restore it"
        ) from error
    cores = record.get("machine", {}).get("cores")
    where = f" on {cores} cores" if cores else ""
    data = {"real": ", on recordings", "builtin": ", on built-in data"}.get(source, "")
    return f"{_duration(seconds)}, {_memory(megabytes)} of memory{where}{data}"


def _duration(seconds):
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _memory(megabytes):
    return f"{megabytes:.0f} MB" if megabytes < 950 else f"{megabytes / 1000:.1f} GB"


def summary(text):
    """Show Markdown `text`, written with this run's numbers as an f-string.

    Raises ValueError for an empty text or for a number that came out as NaN.

    Chapter: 5.1
    """
    text = inspect.cleandoc(text)
    if not text:
        raise ValueError("the summary is empty")
    if re.search(r"\bnan\b", text):
        raise ValueError(f"a number in the summary is NaN: find out where it was lost\n{text}")
    _html.display_markdown(text)
