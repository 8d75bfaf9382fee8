"""`make book`: execute the chapters, build the site strictly, say where to open it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from chapters import (
    RUN_TIMES,
    BuildError,
    Chapter,
    chapter_key,
    digest_files,
    environment_digest,
    files_in,
    list_chapters,
    prepare_data,
    read_json,
)
from execute import CELL_TIMEOUT, Cache, Outcome, describe_failure, execute_chapters
from ledger import check_claims, write_claims
from polish import PolishError, polish
from record import make_record, unless_equal
from sound_files import extract_sounds
from stage import RECORD, collect_claims, stage

HERE = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make book", description=__doc__)
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help="the book's folder")
    parser.add_argument(
        "--workers",
        type=int,
        default=int(os.environ.get("WORKERS") or os.cpu_count() or 1),
        help="chapters executed at the same time (default: one per core)",
    )
    parser.add_argument(
        "--timeout",
        type=int,
        default=CELL_TIMEOUT,
        metavar="SECONDS",
        help="how long one cell may take (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    try:
        build(options.root.resolve(), options.workers, options.timeout)
    except BuildError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    page = options.root.resolve() / "_build" / "html" / "index.html"
    print(f"Done in {time.perf_counter() - started:.0f} s. Open {page.as_uri()}")
    return 0


def build(root: Path, workers: int, timeout: int = CELL_TIMEOUT) -> None:
    """Build the book in `root`; raise BuildError if anything at all is wrong."""
    made = root / "_build"
    chapters = list_chapters(root)
    data = prepare_data(root)
    for name, resolved in data.items():
        print(f"Data: {name}: {resolved['source']} (from: {resolved['origin']})")
    outcomes = run_chapters(root, chapters, data, workers, timeout)
    executed = {doc: outcome.notebook for doc, outcome in outcomes.items()}
    claims = collect_claims(chapters, executed)
    check_claims(chapters, claims)
    record = make_record(
        root,
        chapters,
        outcomes,
        data,
        claims,
        workers,
        time.strftime("%Y-%m-%d"),
    )
    staged = made / "src"
    record = unless_equal(record, read_json(staged / RECORD))
    stage(root, staged, executed, record)
    build_site(root, staged, made / "html")


def run_chapters(
    root: Path, chapters: list[Chapter], data: dict, workers: int, timeout: int
) -> dict[str, Outcome]:
    """Execute what has changed, longest first, with a line per chapter."""
    environment = environment_digest(root)
    times = read_json(root / RUN_TIMES).get("chapters", {})
    longest_first = sorted(
        chapters, key=lambda c: times.get(c.id, {}).get("seconds", float("inf")), reverse=True
    )

    def report(chapter: Chapter, outcome: Outcome) -> None:
        result = "unchanged" if outcome.cached else f"{outcome.peak_mb} MB"
        result = result if outcome.ok else "FAILED"
        print(f"{chapter.id:>6}  {chapter.title[:50]:50}  {outcome.seconds:6.1f} s  {result}")
        sys.stdout.flush()

    outcomes = execute_chapters(
        [(chapter, chapter_key(chapter, environment, data)) for chapter in longest_first],
        Cache(root / "_build" / ".executed"),
        data,
        workers,
        timeout,
        report,
    )
    failed = [chapter for chapter in chapters if not outcomes[chapter.doc].ok]
    if failed:
        details = [describe_failure(c, f) for c in failed for f in outcomes[c.doc].failures]
        names = ", ".join(chapter.id for chapter in failed)
        count = f"{len(failed)} of {len(chapters)} chapters failed: {names}"
        raise BuildError("\n\n".join([*details, count]))
    return outcomes


def build_site(root: Path, staged: Path, html: Path) -> None:
    """Run Sphinx on the staged tree, unless the site in `html` was made from exactly this.

    All pages are written to a new folder, which takes the old one's place when it is whole.
    The memory of what the site was made from is erased before Sphinx starts and written when it
    has succeeded: after a failure every page is read again, so no warning is shown only once.
    """
    memory = html.parent / ".site.json"
    frame = [staged / "_config.yml", staged / "_toc.yml", *files_in(staged / "book" / "_ext")]
    lock = [path for path in [root / "requirements.lock"] if path.is_file()]
    tool = [HERE / name for name in ("sphinx_build.py", "sound_files.py", "polish.py", "ledger.py")]
    parts = (digest_files(staged, frame), digest_files(root, lock), digest_files(HERE, tool))
    now = {
        "frame": [*parts, platform.python_version()],
        "tree": digest_files(staged, files_in(staged)),
    }
    before = read_json(memory)
    if before == now and (html / "index.html").is_file():
        print("The site is up to date.")
        return
    memory.unlink(missing_ok=True)
    if before.get("frame") != now["frame"]:
        for folder in (".doctrees", "jupyter_execute"):
            shutil.rmtree(html.parent / folder, ignore_errors=True)
    started = time.perf_counter()
    new = html.with_name("html.new")
    shutil.rmtree(new, ignore_errors=True)
    run_sphinx(staged, new)
    extract_sounds(new)
    try:
        polish(new)
    except PolishError as error:
        raise BuildError(f"{error}\n\nThe site was not built.") from error
    shutil.copyfile(staged / RECORD, new / "status.json")
    if record := read_json(staged / RECORD):
        write_claims(record, new / "claims.json")
    shutil.rmtree(html, ignore_errors=True)
    new.rename(html)
    memory.write_text(json.dumps(now))
    print(f"  site  {'':50}  {time.perf_counter() - started:6.1f} s")


def run_sphinx(staged: Path, output: Path) -> None:
    """Let Sphinx write every page strictly; raise BuildError with its complaints."""
    done = subprocess.run(
        [sys.executable, str(HERE / "sphinx_build.py"), str(staged), str(output)],
        env={**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        complaint = done.stderr.replace(f"{staged}{os.sep}", "").strip()
        raise BuildError(f"{complaint}\n\nThe site was not built: Sphinx's complaints stand above.")


if __name__ == "__main__":
    sys.exit(main())
