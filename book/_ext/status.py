"""Two directives filled from the record of the build: `{build-record}` and `{claims-ledger}`.

The build tool puts the record beside the sources as `_record.json`. Without it, as in a build by
hand, both say so instead of showing numbers.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ABSENT = "*There is no record: this build was not made with `make book`.*"


class FromRecord(SphinxDirective):
    """A directive whose content is MyST Markdown made from the record."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir) / "_record.json"
        self.env.note_dependency(str(path))
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        lines = self.lines(record) if record else [ABSENT]
        container = nodes.container(classes=["lm-record"])
        self.state.nested_parse(StringList(lines, str(path)), 0, container)
        return container.children

    def lines(self, record: dict) -> list[str]:
        raise NotImplementedError


class BuildRecord(FromRecord):
    """When, from what, on what and with which data; and each chapter's time and memory."""

    def lines(self, record: dict) -> list[str]:
        machine, alone = record["machine"], record["alone"]
        facts = [("Date", record["date"])]
        if record["commit"]:
            facts.append(("Commit", record["commit"]))
        facts += [
            (f"Data: {name}", f"{d['source']}, from: {d['origin']}")
            for name, d in record["data"].items()
        ]
        facts.append(("Machine", machine_text(machine)))
        facts += [(name, f"{version}") for name, version in record["versions"].items()]
        rows = [
            (
                link(c),
                number(c["seconds"], 1),
                number(c["peak_mb"]),
                number((c["alone"] or {}).get("seconds"), 1),
                number((c["alone"] or {}).get("peak_mb")),
                (c["alone"] or {}).get("source", "–"),
            )
            for c in record["chapters"]
        ]
        parallel = f"in parallel, {plural(record['workers'], 'worker')}"
        head = (
            "Chapter",
            f"seconds ({parallel})",
            f"peak MB ({parallel})",
            "seconds (alone)",
            "peak MB (alone)",
            "data (alone)",
        )
        lines = [*table(("What", "Which"), facts), "", *table(head, rows)]
        if alone:
            lines += ["", f"Measured alone on {alone['date']}: {machine_text(alone['machine'])}."]
        return lines


class ClaimsLedger(FromRecord):
    """Every verdict of the book with what was measured in this build."""

    def lines(self, record: dict) -> list[str]:
        if not record["claims"]:
            return ["*No chapter of this build states a claim.*"]
        parts = part_names(Path(self.env.srcdir) / "_toc.yml")
        chapters = {chapter["doc"]: chapter for chapter in record["chapters"]}
        rows = [
            (
                link(chapters[claim["doc"]]),
                f"{claim['claim']} (`{claim['id']}`)",
                f"{claim['comparison']}, {claim['metric']}",
                measured(claim),
                number(claim["threshold"], 2),
                claim["source"] or "–",
                f"**{claim['outcome']}**",
                over_seeds(claim),
            )
            for claim in record["claims"]
        ]
        head = (
            "Chapter",
            "Claim",
            "What was compared",
            "Measured",
            "Threshold",
            "Data",
            "Verdict",
            "With other seeds",
        )
        return [
            *outcomes_by_part(record["claims"], parts),
            "",
            '<p><a href="../claims.json" download="claims.json">The ledger as data</a> (JSON)</p>',
            "",
            *table(head, rows),
        ]


OUTCOMES = ("holds", "holds only if", "does not hold", "undecided")


def outcomes_by_part(claims: list[dict], parts: dict[str, str]) -> list[str]:
    """The lines of a table: how many claims of each part, and of the book, came out how."""
    used = [o for o in OUTCOMES if o != "holds only if" or any(c["outcome"] == o for c in claims)]

    def row(name: str, own: list[dict]) -> tuple:
        return (name, *(sum(c["outcome"] == o for c in own) for o in used), len(own))

    groups: dict[str, list[dict]] = {}
    for claim in claims:
        groups.setdefault(claim["chapter"].split(".")[0], []).append(claim)
    rows = [row(parts.get(part, f"Part {part}"), own) for part, own in groups.items()]
    rows.append(tuple(f"**{cell}**" for cell in row("All", claims)))
    return table(("Part", *used, "claims"), rows)


def part_names(toc: Path) -> dict[str, str]:
    """The captions of the table of contents by the part's number: `Part 3 · Mathematics` by 3."""
    if not toc.is_file():
        return {}
    parts = (yaml.safe_load(toc.read_text(encoding="utf-8")) or {}).get("parts") or []
    captions = [part.get("caption") or "" for part in parts]
    numbered = [(re.match(r"Part (\w+)", caption), caption) for caption in captions]
    return {number[1]: caption for number, caption in numbered if number}


def table(head: tuple, rows: list[tuple]) -> list[str]:
    """The lines of a Markdown table."""

    def line(cells: tuple) -> str:
        texts = (str(cell).replace("|", r"\|").replace("\n", " ") for cell in cells)
        return f"| {' | '.join(texts)} |"

    return [line(head), line(("---",) * len(head)), *map(line, rows)]


def link(chapter: dict) -> str:
    """A link to a chapter by its title, with its number before it unless the title has that."""
    target = f"{{doc}}`/{chapter['doc']}`"
    return target if chapter["title"].startswith(chapter["id"]) else f"{chapter['id']} {target}"


def measured(claim: dict) -> str:
    """A claim's effect, its interval if there is one, and the number of units."""
    units = plural(claim["n"], claim["unit"])
    effect = number(claim["effect"], 2)
    if claim["low"] is None:
        return f"{effect} ({units}, no interval)"
    return f"{effect} ({number(claim['low'], 2)} to {number(claim['high'], 2)}; {units})"


def over_seeds(claim: dict) -> str:
    """How often the seed sweep found each outcome, and when it ran; a dash where it did not."""
    if not claim["seeds"]:
        return "–"
    counts = ", ".join(f"{outcome} {count}×" for outcome, count in claim["seeds"].items())
    return f"{counts} ({claim['seeds_date']})"


def machine_text(machine: dict) -> str:
    cores = plural(machine["cores"], "core")
    return f"{machine['platform']}, {cores}, {machine['memory_gb']} GB of memory"


def number(value: float | None, digits: int = 0) -> str:
    """A number with a true minus sign and thin spaces between thousands; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "−")


def plural(count: int, noun: str) -> str:
    """A count and its noun: `1 fold`, `2 folds`, `10 kinds of noise`, `3 batches`."""
    counted, of, what = noun.partition(" of ")
    if count != 1 and re.search(r"[^aeiou]y$", counted):
        counted = f"{counted[:-1]}ies"
    elif count != 1:
        counted += "es" if re.search(r"(?:s|x|ch|sh)$", counted) else "s"
    return f"{count} {counted}{of}{what}"


def setup(app) -> dict:
    app.add_directive("build-record", BuildRecord)
    app.add_directive("claims-ledger", ClaimsLedger)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
