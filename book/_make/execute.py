"""Execute chapters: each in a process of its own, several at a time, measured.

Called as a script, `execute.py NOTEBOOK OUTPUT REPORT TIMEOUT`, it is that process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from kernel_environment import kernel_environment

CELL_TIMEOUT = 600
SAMPLE_SECONDS = 0.2
KEPT_VERSIONS = 4


@dataclass
class Outcome:
    """What came of executing one chapter: seconds of wall time, peak memory in megabytes (10^6)."""

    ok: bool
    seconds: float = 0.0
    peak_mb: int = 0
    failures: list[dict] = field(default_factory=list)
    notebook: Path | None = None
    cached: bool = False
    executed: str = ""


# --- the parent ---------------------------------------------------------------------------------


class Cache:
    """Executed notebooks by key: FOLDER/SLUG/KEY.ipynb with its measurements in KEY.json."""

    def __init__(self, folder: Path):
        self.folder = folder

    def get(self, chapter, key: str) -> Outcome | None:
        notebook = self.folder / chapter.slug / f"{key}.ipynb"
        report = notebook.with_suffix(".json")
        if not (notebook.is_file() and report.is_file()):
            return None
        os.utime(notebook)
        return Outcome(**json.loads(report.read_text()), notebook=notebook, cached=True)

    def put(self, chapter, key: str, notebook: Path, outcome: Outcome) -> Path:
        """Keep a success; the report comes last, so what was cut short is not found."""
        folder = self.folder / chapter.slug
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{key}.ipynb"
        os.replace(notebook, target)
        measured = {k: getattr(outcome, k) for k in ("ok", "seconds", "peak_mb", "executed")}
        target.with_suffix(".json").write_text(json.dumps(measured))
        versions = sorted(folder.glob("*.ipynb"), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in versions[KEPT_VERSIONS:]:
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink()
        return target


def execute_chapters(
    jobs: Iterable[tuple[object, str]],
    cache: Cache,
    data: dict,
    workers: int,
    timeout: int = CELL_TIMEOUT,
    report: Callable[[object, Outcome], None] = lambda chapter, outcome: None,
) -> dict[str, Outcome]:
    """Bring every (chapter, key) up to date, in the order given; return outcomes by `doc`.

    A chapter that fails does not stop the others, and is not kept in the cache.
    """
    outcomes = {}
    due = []
    for chapter, key in jobs:
        found = cache.get(chapter, key)
        if found:
            outcomes[chapter.doc] = found
            report(chapter, found)
        else:
            due.append((chapter, key))
    variables = kernel_environment(cache.folder / "settings", data, workers) if due else {}
    running: set[subprocess.Popen] = set()
    with ThreadPoolExecutor(max_workers=max(1, workers)) as pool:
        futures = {
            pool.submit(run_alone, chapter, variables, timeout, cache.folder, running): (
                chapter,
                key,
            )
            for chapter, key in due
        }
        try:
            for future in as_completed(futures):
                chapter, key = futures[future]
                outcome = future.result()
                if outcome.ok:
                    outcome.notebook = cache.put(chapter, key, outcome.notebook, outcome)
                outcomes[chapter.doc] = outcome
                report(chapter, outcome)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                _end(process)
            raise
    return outcomes


def run_alone(
    chapter, variables: dict[str, str], timeout: int, folder: Path, running: set | None = None
) -> Outcome:
    """Execute one chapter in a child process; return its Outcome, never from the cache.

    `variables` is the environment of the chapter; `folder` gets the executed notebook.
    """
    running = set() if running is None else running
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{chapter.slug}.ipynb.part"
    report = folder / f"{chapter.slug}.json.part"
    log = folder / f"{chapter.slug}.log"
    for old in (output, report):
        old.unlink(missing_ok=True)
    command = [sys.executable, __file__, chapter.path, output, report, str(timeout)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            list(map(str, command)),
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        running.add(process)
        process.wait()
        running.discard(process)
    if not report.is_file():
        text = log.read_text(errors="replace")[-2000:] or f"exit code {process.returncode}"
        return Outcome(False, failures=[_failure(None, "", "The executor died", text)])
    outcome = Outcome(**json.loads(report.read_text()))
    outcome.notebook = output
    outcome.executed = time.strftime("%Y-%m-%d")
    report.unlink()
    return outcome


def _end(process: subprocess.Popen) -> None:
    import psutil

    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for member in [*family, process]:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue


def describe_failure(chapter, failure: dict) -> str:
    """One failure for people: chapter, cell, the cell's source, the error."""
    cell = f", code cell {failure['cell']}" if failure["cell"] else ""
    where = f"{chapter.id} ({chapter.doc}.ipynb{cell}): {failure['kind']}"
    source = "\n".join(f"    | {line}" for line in failure["source"].splitlines()[:12])
    text = "\n".join(f"    {line}" for line in failure["text"].splitlines())
    return "\n".join(part for part in (where, source, text) if part)


# --- the child ----------------------------------------------------------------------------------


def main(source: str, output: str, report: str, timeout: str) -> None:
    import nbformat

    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    started = time.perf_counter()
    with PeakMemory() as memory:
        failures = run_cells(notebook, Path(source).parent, int(timeout))
    seconds = round(time.perf_counter() - started, 1)
    failures += stray_output(notebook)
    nbformat.write(notebook, output)
    result = {
        "ok": not failures,
        "seconds": seconds,
        "peak_mb": round(memory.peak / 1e6),
        "failures": failures,
    }
    Path(report).write_text(json.dumps(result), encoding="utf-8")


def run_cells(notebook, folder: Path, timeout: int) -> list[dict]:
    """Run all cells in a fresh kernel whose working directory is `folder`; return the failures."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    sockets = _short_folder()
    config = Config()
    if os.name != "nt":
        # Two kernels that start at once may choose the same TCP port; files cannot collide.
        config.AsyncKernelManager.transport = "ipc"
        config.AsyncKernelManager.connection_file = f"{sockets}/k.json"
        config.AsyncKernelManager.ip = f"{sockets}/k"
    now = {"index": 0}
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        config=config,
        on_cell_start=lambda cell, cell_index: now.update(index=cell_index),
    )

    def failure(kind: str, text: str) -> list[dict]:
        index = now["index"]
        cells = notebook.cells
        source = cells[index].source if cells else ""
        return [_failure(_code_number(notebook, index), source, kind, text)]

    try:
        client.execute()
    except CellExecutionError as error:
        outputs = notebook.cells[now["index"]].outputs
        trace = ["\n".join(o.traceback) for o in outputs if o.output_type == "error"]
        text = _plain("\n".join(trace)).rstrip().splitlines()[-30:]
        return failure(f"{error.ename}: {error.evalue}", "\n".join(text))
    except CellTimeoutError:
        return failure(f"the cell took longer than {timeout} s", "")
    except DeadKernelError:
        return failure("the kernel died (out of memory, or a crash in a library)", "")
    finally:
        shutil.rmtree(sockets, ignore_errors=True)
    return []


def stray_output(notebook) -> list[dict]:
    """A failure for each cell that wrote to stderr."""
    found = []
    for index, cell in enumerate(notebook.cells):
        streams = [o for o in cell.get("outputs", ()) if o.output_type == "stream"]
        text = "".join(o.text for o in streams if o.name == "stderr")
        if text:
            number = _code_number(notebook, index)
            found.append(_failure(number, cell.source, "output on stderr", _plain(text)[-2000:]))
    return found


class PeakMemory:
    """Samples the resident memory of all child processes together; `peak` is in bytes."""

    def __enter__(self):
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        if sys.platform.startswith("linux"):
            import resource

            largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            self.peak = max(self.peak, largest)

    def _sample(self):
        import psutil

        parent = psutil.Process()
        while not self._stop.wait(SAMPLE_SECONDS):
            total = 0
            for child in parent.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def _failure(cell: int | None, source: str, kind: str, text: str) -> dict:
    return {"cell": cell, "source": source, "kind": kind, "text": text}


def _code_number(notebook, index: int) -> int:
    """The 1-based number of a cell among the code cells."""
    return sum(cell.cell_type == "code" for cell in notebook.cells[: index + 1])


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def _short_folder() -> str:
    """A temporary folder with a short path: a socket's path may have about 100 characters."""
    base = "/tmp" if os.path.isdir("/tmp") and os.access("/tmp", os.W_OK) else None
    return tempfile.mkdtemp(prefix="lm-", dir=base)


if __name__ == "__main__":
    main(*sys.argv[1:])
