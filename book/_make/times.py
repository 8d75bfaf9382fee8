"""`make times`: run each chapter alone, one after another, and write book/run-times.json."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from chapters import (
    RUN_TIMES,
    BuildError,
    kind_of,
    list_chapters,
    prepare_data,
    read_json,
    write_if_changed,
)
from execute import CELL_TIMEOUT, describe_failure, run_alone
from kernel_environment import kernel_environment
from record import machine

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make times", description=__doc__)
    parser.add_argument("chapters", nargs="*", help="ids such as 5.2 (default: every chapter)")
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help="the book's folder")
    options = parser.parse_args(arguments)
    try:
        measure(options.root.resolve(), options.chapters)
    except BuildError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def measure(root: Path, wanted: list[str]) -> None:
    """Measure the chapters with the ids `wanted` (none: all); nothing is written if one fails."""
    chapters = list_chapters(root)
    unknown = sorted(set(wanted) - {chapter.id for chapter in chapters})
    if unknown:
        raise BuildError(f"There is no chapter {', '.join(unknown)}.")
    data = prepare_data(root)
    folder = root / "_build" / ".times"
    variables = kernel_environment(folder / "settings", data)
    former = read_json(root / RUN_TIMES)
    rows = {} if not wanted else former.get("chapters", {})
    for chapter in chapters:
        if wanted and chapter.id not in wanted:
            continue
        outcome = run_alone(chapter, variables, CELL_TIMEOUT, folder)
        if not outcome.ok:
            raise BuildError("\n\n".join(describe_failure(chapter, f) for f in outcome.failures))
        print(f"{chapter.id:>6}  {chapter.title[:50]:50}  {outcome.seconds:6.1f} s", end="")
        print(f"  {outcome.peak_mb} MB", flush=True)
        rows[chapter.id] = {
            "seconds": outcome.seconds,
            "peak_mb": outcome.peak_mb,
            "source": kind_of(data),
        }
    ids = {chapter.id for chapter in chapters}
    times = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "chapters": {name: row for name, row in sorted(rows.items()) if name in ids},
    }
    write_if_changed(root / RUN_TIMES, json.dumps(times, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
