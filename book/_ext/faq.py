"""The directive `{measured-gains} question`: interventions ranked by what they gained in this book.

`book/faq.yml` declares them. The numbers come from the record of the build: from the claims of the
executed chapters and from the results files that `helpers.experiments._gains` reads.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from status import ABSENT, link, number, plural, table

QUESTIONS = "book/faq.yml"
SHOWN, HARM, OPEN = "gain shown", "harm shown", "not shown"


def gain_of(row: dict, record: dict) -> dict | None:
    """A row with its `mean`, `low`, `high`, `n`, `unit` and `chapter`; None if not measured yet."""
    if ("claim" in row) == ("gain" in row):
        raise ExtensionError(f"{QUESTIONS}: {row['what']!r} needs either a claim or a gain")
    if "claim" in row:
        claims = {claim["id"]: claim for claim in record["claims"]}
        found = claims.get(row["claim"])
        found = found and {**found, "mean": found["effect"]}
    else:
        found = record.get("gains", {}).get(row["gain"])
    if found is None:
        if row.get("planned"):
            return None
        name = row.get("claim") or row.get("gain")
        raise ExtensionError(f"{QUESTIONS}: this build has no {name!r} for {row['what']!r}")
    sign = row.get("sign", 1)
    bounds = (found["low"], found["high"])
    low, high = sorted(sign * b for b in bounds) if None not in bounds else bounds
    kept = {name: found[name] for name in ("n", "unit", "chapter")}
    return {**row, **kept, "mean": sign * found["mean"], "low": low, "high": high}


def ranked(rows: list[dict], record: dict) -> tuple[list[dict], list[dict]]:
    """The measured rows, the largest mean first, and those that are not measured."""
    gains = [gain_of(row, record) for row in rows]
    measured = sorted(filter(None, gains), key=lambda row: -row["mean"])
    return measured, [row for row, gain in zip(rows, gains, strict=True) if gain is None]


def shown(row: dict) -> str:
    """What the interval says of a gain: shown where all of it lies on one side of zero."""
    if row["low"] is None:
        return OPEN
    return SHOWN if row["low"] > 0 else HARM if row["high"] < 0 else OPEN


def signed(value: float | None) -> str:
    """A number with its sign, and none for zero."""
    text = number(None if value is None else round(value, 2) + 0.0, 2)
    return f"+{text}" if value is not None and round(value, 2) > 0 else text


def question_lines(tables: list[dict], record: dict) -> list[str]:
    """MyST lines: how many helped, the ranked tables, and what was not measured."""
    chapters = {chapter["id"]: chapter for chapter in record["chapters"]}
    lines, missing, everything = [], [], []
    for part in tables:
        measured, gaps = ranked(part["rows"], record)
        missing += gaps
        everything += measured
        if not measured:
            continue
        rows = [
            (
                row["what"],
                f"{signed(row['mean'])} ({signed(row['low'])} to {signed(row['high'])})",
                plural(row["n"], row["unit"]),
                f"**{shown(row)}**",
                row.get("cost", "–"),
                link(chapters[row["chapter"]]) + (f" (`{row['claim']}`)" if "claim" in row else ""),
            )
            for row in measured
        ]
        head = ("What was done", "Gain and interval", "Over", "Outcome", "Cost", "Where")
        lines += [f"**{part['metric']}**", "", *table(head, rows), ""]
    counts = [sum(shown(row) == kind for row in everything) for kind in (SHOWN, HARM, OPEN)]
    first = (
        f"Of {plural(len(everything), 'comparison')} below, {counts[0]} showed a gain and "
        f"{counts[1]} showed harm; in {counts[2]} the interval reaches across zero."
    )
    if missing:
        named = "; ".join(row["what"].lower() for row in missing)
        lines += [f"Often advised and not measured in this book: {named}."]
    return [first, "", *lines]


class MeasuredGains(SphinxDirective):
    """The tables of one question of `faq.yml`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        for name in (QUESTIONS, "_record.json"):
            self.env.note_dependency(str(root / name))
        questions = yaml.safe_load((root / QUESTIONS).read_text(encoding="utf-8"))
        if self.arguments[0] not in questions:
            raise ExtensionError(f"{QUESTIONS} has no question {self.arguments[0]!r}")
        path = root / "_record.json"
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        lines = question_lines(questions[self.arguments[0]], record) if record else [ABSENT]
        container = nodes.container(classes=["lm-record"])
        self.state.nested_parse(StringList(lines, self.env.docname), 0, container)
        return container.children


def setup(app) -> dict:
    app.add_directive("measured-gains", MeasuredGains)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
