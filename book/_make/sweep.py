"""`make sweep`: run chapters with many seeds and count what their verdicts say.

Each chapter has one line `SEED = …` in its first code cells; a run replaces the number. Verdicts
never stop a sweep (they are what it counts), failing assertions do. A run on file, made with the
same chapter, helpers, packages and data, is not repeated, so a sweep can be stopped and taken up.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

from chapters import (
    SEED_SWEEP,
    BuildError,
    Chapter,
    chapter_key,
    environment_digest,
    kind_of,
    list_chapters,
    prepare_data,
    read_json,
    source_of,
    write_if_changed,
)
from execute import CELL_TIMEOUT, describe_failure, run_alone
from kernel_environment import kernel_environment

HERE = Path(__file__).resolve().parent
CLAIM = "application/vnd.listening-machines.claim+json"
SEED_LINE = re.compile(r"^SEED = \d+$", re.MULTILINE)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make sweep", description=__doc__)
    parser.add_argument("chapters", nargs="*", help="ids such as 5.2 (default: every chapter)")
    parser.add_argument("--seeds", type=int, default=10, help="seeds 0 … N − 1 (default: 10)")
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help="the book's folder")
    options = parser.parse_args(arguments)
    try:
        sweep(options.root.resolve(), options.chapters, options.seeds)
    except BuildError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def sweep(root: Path, wanted: list[str], seeds: int) -> None:
    """Run the missing (chapter, seed) pairs, write each to the results file, print the spread.

    Raises BuildError for an unknown chapter, one without a line `SEED = …`, or a run that fails.
    """
    chapters = [c for c in list_chapters(root) if not wanted or c.id in wanted]
    unknown = sorted(set(wanted) - {c.id for c in chapters})
    if unknown:
        raise BuildError(f"There is no chapter {', '.join(unknown)}.")
    data = prepare_data(root)
    folder = root / "_build" / ".sweep"
    variables = kernel_environment(folder / "settings", data)
    variables["LISTENING_MACHINES_SWEEP"] = "1"
    environment, results = environment_digest(root), read_json(root / SEED_SWEEP)
    for chapter in chapters:
        key = chapter_key(chapter, environment, data)
        entry = results.setdefault(f"{chapter.id} on {kind_of(data)}", {"key": key, "seeds": {}})
        if entry["key"] != key:
            entry.update(key=key, seeds={})
        for seed in range(seeds):
            if str(seed) in entry["seeds"]:
                continue
            copy = with_seed(chapter, seed, folder / "book")
            outcome = run_alone(copy, variables, CELL_TIMEOUT, folder)
            if not outcome.ok:
                raise BuildError("\n\n".join(describe_failure(copy, f) for f in outcome.failures))
            entry["seeds"][str(seed)] = claims_of(outcome.notebook)
            entry["date"] = time.strftime("%Y-%m-%d")
            write_if_changed(root / SEED_SWEEP, json.dumps(results, indent=1) + "\n")
            print(f"{chapter.id}, seed {seed}: {outcome.seconds} s", flush=True)
        for line in spread(entry["seeds"]):
            print(f"  {line}")


def with_seed(chapter: Chapter, seed: int, root: Path) -> Chapter:
    """A copy of the chapter under `root` in which `SEED` is this seed."""
    notebook, replaced = chapter.notebook(), 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["source"], n = SEED_LINE.subn(f"SEED = {seed}", source_of(cell))
            replaced += n
    if replaced != 1:
        raise BuildError(f"{chapter.id} has {replaced} lines `SEED = …`; a sweep needs one.")
    copy = Chapter(root, chapter.doc)
    write_if_changed(copy.path, json.dumps(notebook))
    return copy


def claims_of(executed: Path) -> dict[str, dict]:
    """{claim: {"outcome", "effect", "low", "high"}} from an executed notebook's outputs."""
    found = {}
    for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            claim = output.get("data", {}).get(CLAIM)
            if claim:
                found[claim["id"]] = {k: claim[k] for k in ("outcome", "effect", "low", "high")}
    return found


def spread(seeds: dict[str, dict]) -> list[str]:
    """One line per claim: how often each outcome, and from where to where the effect went."""
    lines = []
    for claim in sorted({c for run in seeds.values() for c in run}):
        runs = [run[claim] for run in seeds.values() if claim in run]
        outcomes = [run["outcome"] for run in runs]
        counts = ", ".join(f"{o} {outcomes.count(o)}×" for o in sorted(set(outcomes)))
        effects = [run["effect"] for run in runs]
        lines.append(f"{claim}: {counts}; effect {min(effects):.3g} to {max(effects):.3g}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
