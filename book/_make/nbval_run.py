"""The second half of `make test`: every chapter by nbval, on built-in data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from chapters import list_chapters, prepare_data
from execute import CELL_TIMEOUT
from kernel_environment import kernel_environment

ROOT = Path(__file__).resolve().parents[2]
WORKERS = int(os.environ.get("WORKERS") or os.cpu_count() or 1)


def main(arguments: list[str]) -> int:
    """Run pytest on the notebooks; `arguments` are passed on to it."""
    notebooks = [str(chapter.path.relative_to(ROOT)) for chapter in list_chapters(ROOT)]
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env"]
    # A cell has its own limit, so pytest's, which is for unit tests, is switched off.
    command += [f"--nbval-cell-timeout={CELL_TIMEOUT}", "--timeout=0"]
    variables = kernel_environment(ROOT / "_build" / ".nbval", prepare_data(ROOT), WORKERS)
    done = subprocess.run([*command, *arguments, *notebooks], cwd=ROOT, env=variables, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
