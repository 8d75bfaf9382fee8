"""Published audio models: how large they are, what they heard in training, and where that stands.

The table is `book/published-models.csv`, one row per model. Each number was looked up, and the row
says where; what could not be found is left empty. It is a sample of well-known models, no census.
Chapter: 1.1
"""

import csv
import datetime
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).resolve().parent.parent / "book" / "published-models.csv"

TASKS = ("recognise", "represent", "speak", "generate", "clean", "classify", "converse")
HOURS_KINDS = ("labelled", "weak", "unlabelled", "mixed", "unknown")
READ = ("primary", "quoted")


@dataclass(frozen=True)
class PublishedModel:
    """One row of the table.

    `family`: the work it belongs to; models of one family differ in size alone. `year`, `month` of
    the first publication. `task`: one of `TASKS`. `parameters`: a number, or None where none was
    found; `training_hours` likewise, of the kind `hours_kind` (one of `HOURS_KINDS`; "weak" are
    labels that nobody checked). `source`: key in book/references.bib; `url` and `where_in_source`:
    where the numbers stand; `read`: "primary" if they were read there, "quoted" if in a later text
    that quotes them; `checked`: the date of that, ISO; `note`: what else to know.

    Chapter: 1.1
    """

    model: str
    family: str
    year: int
    month: int
    task: str
    parameters: float | None
    training_hours: float | None
    hours_kind: str
    source: str
    url: str
    where_in_source: str
    read: str
    checked: str
    note: str = ""

    @property
    def date(self):
        """The middle of its month, in years: July 2020 is 2020.54. Chapter: 1.1"""
        return self.year + (self.month - 0.5) / 12


COLUMNS = tuple(PublishedModel.__dataclass_fields__)


def load_published(path=TABLE):
    """Read the table: a list of `PublishedModel` in order of date.

    Raises FileNotFoundError without the file, and ValueError, naming the line, for other columns,
    a missing entry, a number that is not positive, a word that is not on its list, hours without
    a kind, a model with neither number, or one that is there twice.

    Chapter: 1.1
    """
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"the columns are {rows.fieldnames}; they must be {list(COLUMNS)}")
        models = [_checked(row, rows.line_num) for row in rows]
    if not models:
        raise ValueError(f"there is no model in {Path(path).name}")
    names = [model.model for model in models]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is in the table twice")
    return sorted(models, key=lambda model: (model.year, model.month, model.model))


def largest_of_each(models, quantity="parameters"):
    """Of each family, the model with most of `quantity`; families without the number are left out.

    quantity: "parameters" or "training_hours". Returns a list in the order of `models`. Models of
    one family are not independent evidence: one work, published in several sizes, counts once.

    Raises ValueError for another quantity. Chapter: 1.1
    """
    if quantity not in ("parameters", "training_hours"):
        raise ValueError(f"quantity is {quantity!r}; it must be 'parameters' or 'training_hours'")
    best = {}
    for model in models:
        value = getattr(model, quantity)
        held = best.get(model.family)
        if value is not None and (held is None or value > getattr(held, quantity)):
            best[model.family] = model
    return [model for model in models if best.get(model.family) is model]


def _checked(row, line):
    def wrong(what):
        return ValueError(f"line {line} ({row.get('model') or 'no name'}): {what}")

    if None in row or None in row.values():
        raise wrong(f"it has not {len(COLUMNS)} entries; are commas within quotation marks?")
    row = {name: text.strip() for name, text in row.items()}
    for name in COLUMNS:
        if name not in ("parameters", "training_hours", "note") and not row[name]:
            raise wrong(f"{name} is empty")
    for name, allowed in (("task", TASKS), ("hours_kind", HOURS_KINDS), ("read", READ)):
        if row[name] not in allowed:
            raise wrong(f"{name} is {row[name]!r}; it must be one of {', '.join(allowed)}")
    for name in ("year", "month"):
        if not row[name].isdecimal():
            raise wrong(f"{name} is {row[name]!r}, not a whole number")
        row[name] = int(row[name])
    if not (1950 <= row["year"] <= 2100 and 1 <= row["month"] <= 12):
        raise wrong(f"{row['year']}-{row['month']} is no date")
    for name in ("parameters", "training_hours"):
        row[name] = _positive(row[name], name, wrong)
    if row["parameters"] is None and row["training_hours"] is None:
        raise wrong("neither parameters nor training_hours are given")
    if (row["training_hours"] is None) != (row["hours_kind"] == "unknown"):
        raise wrong("hours_kind is 'unknown' exactly where there are no hours")
    if not row["url"].startswith("https://"):
        raise wrong(f"url is {row['url']!r}; it must begin with https://")
    try:
        datetime.date.fromisoformat(row["checked"])
    except ValueError:
        raise wrong(f"checked is {row['checked']!r}, not a date such as 2026-11-25") from None
    return PublishedModel(**row)


def _positive(text, name, wrong):
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise wrong(f"{name} is {text!r}, not a number") from None
    if not 0 < value < float("inf"):
        raise wrong(f"{name} is {text}; it must be a positive number")
    return value
