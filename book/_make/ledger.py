"""The claims ledger as data: what a claim must carry, and `claims.json` beside the pages."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from chapters import BuildError, Chapter, source_of

SCHEMA = 1
RENAMED = {"mean": "effect", "text": "measured_text"}
FIELDS = [
    *("id", "claim", "chapter", "page"),
    *("comparison", "metric", "metric_unit", "unit", "n"),
    *("mean", "low", "high", "confidence", "method"),
    *("direction", "threshold", "tolerance", "afterwards", "outcome", "condition"),
    *("source", "seeds", "seeds_date", "text"),
]


def verdict_ids(notebook: dict) -> list[str]:
    """The ids of the verdicts that a notebook's code calls for, in their order.

    Raises BuildError for an id that is not written out, as it could not be looked for.
    """
    found = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        for given in re.findall(r"\bverdict\(\s*([^,\n)]*)", source_of(cell)):
            literal = re.fullmatch(r"([\"'])([^\"']+)\1", given.strip())
            if literal is None:
                raise BuildError(
                    f"verdict({given.strip()}, …): write the claim's id as a plain string there, "
                    "so that the ledger can be held against the chapters."
                )
            found.append(literal[2])
    return found


def check_claims(chapters: list[Chapter], claims: list[dict]) -> None:
    """Raise BuildError unless each chapter's verdicts are all here, and each has its numbers."""
    faults = []
    for chapter in chapters:
        carried = {claim["id"] for claim in claims if claim["doc"] == chapter.doc}
        try:
            stated = verdict_ids(chapter.notebook())
        except BuildError as error:
            raise BuildError(f"{chapter.doc}: {error}") from None
        faults += [
            f"{chapter.doc}: no output carries the verdict {name}"
            for name in stated
            if name not in carried
        ]
    for claim in claims:
        lacking = [name for name in ("effect", "threshold") if not _finite(claim.get(name))]
        bounds = [claim.get("low"), claim.get("high")]
        single = bounds == [None, None] and claim["n"] < 2
        if not single and not all(map(_finite, bounds)):
            lacking.append("interval")
        faults += [f"{claim['doc']}: the verdict {claim['id']} has no {name}" for name in lacking]
    if faults:
        raise BuildError("\n".join([*faults, "The claims ledger would have gaps."]))


def _finite(value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def as_data(record: dict) -> dict:
    """The content of `claims.json`; its fields are explained on the ledger's page."""
    rows = []
    for claim in record["claims"]:
        values = {**claim, "page": f"{claim['doc']}.html"}
        rows.append({name: values.get(RENAMED.get(name, name)) for name in FIELDS})
    head = {name: record[name] for name in ("date", "commit", "data")}
    return {"schema": SCHEMA, **head, "claims": rows}


def write_claims(record: dict, path: Path) -> None:
    """Write `claims.json`."""
    text = json.dumps(as_data(record), indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(f"{text}\n", encoding="utf-8")
