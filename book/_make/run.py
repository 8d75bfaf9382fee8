"""What the Makefile calls, and Windows users run: `python book/_make/run.py COMMAND`.

Standard library only; makes the environment first and runs everything else inside it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import bootstrap

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
WORKERS = os.environ.get("WORKERS") or str(os.cpu_count() or 1)


def main(arguments):
    """Run the command named first, with the rest as its arguments; return the exit code."""
    name = arguments[0] if arguments else "help"
    if name not in COMMANDS:
        print("There is no command '%s'.\n" % name, file=sys.stderr)
        show_help([])
        return 2
    if name in ("help", "clean"):
        return COMMANDS[name](arguments[1:])
    try:
        bootstrap.ensure(ROOT)
    except bootstrap.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return COMMANDS[name](arguments[1:])


def show_help(_rest):
    """list the commands"""
    for name, function in COMMANDS.items():
        print("%-10s %s" % (name, function.__doc__))
    return 0


def environment(_rest):
    """make or renew the environment .venv from requirements.lock"""
    return 0


def book(rest):
    """execute every chapter and build the site into _build/html"""
    return _python([HERE / "build.py", *rest])


def times(rest):
    """run each chapter alone and write book/run-times.json"""
    return _python([HERE / "times.py", *rest])


def sweep(rest):
    """run every chapter with ten seeds and count its verdicts; can be stopped and taken up"""
    return _python([HERE / "sweep.py", *rest])


def diagrams(rest):
    """draw the Mermaid diagrams of chapters and pages as pictures"""
    return _python([HERE / "draw.py", *rest])


def test(rest):
    """unit tests, structure contracts, then every chapter by nbval; built-in data only"""
    code = _python(["-m", "pytest", "--ignore=tests/site", *_parallel(), *rest], builtin=True)
    return code or _python([HERE / "nbval_run.py", *_parallel()], builtin=True)


def test_fast(rest):
    """the tests that take well under a minute together"""
    return _python(["-m", "pytest", "--ignore=tests/site", "-m", "not slow", *rest], builtin=True)


def test_site(rest):
    """browser tests on the built site (make book first)"""
    if not (ROOT / "_build" / "html" / "index.html").exists():
        print("There is no built site: run `make book` first.", file=sys.stderr)
        return 1
    if rest:
        return _python(["-m", "pytest", "tests/site", *rest])
    # Pages can be looked at side by side; what plays and is timed has the machine to itself.
    pages = "tests/site/test_pages.py"
    of_pages = _python(["-m", "pytest", pages, "-n", WORKERS])
    of_parts = _python(["-m", "pytest", "tests/site", f"--ignore={pages}"])
    return of_pages or of_parts


def lint(rest):
    """check style and format, notebooks too"""
    checks = (["check"], ["format", "--check"])
    return max([_python(["-m", "ruff", *check, "--quiet", ".", *rest]) for check in checks])


def format_code(rest):
    """format the code and mend what ruff can mend"""
    steps = (["check", "--fix-only"], ["format"])
    return max([_python(["-m", "ruff", *step, "--quiet", ".", *rest]) for step in steps])


def lab(rest):
    """open the chapters in JupyterLab"""
    return _python(["-m", "jupyterlab", "notebooks", *rest])


def lock(rest):
    """renew requirements.lock from requirements.txt (--upgrade for newer versions)"""
    uv = bootstrap._find_uv(ROOT, bootstrap.venv_python(ROOT))
    if uv is None:
        print("uv is needed to write the lock, and cannot be installed here.", file=sys.stderr)
        return 1
    command = [uv, "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-emit-package", "listening-machines"]
    command += ["requirements.txt", "-o", "requirements.lock"]
    return subprocess.run(command + rest, cwd=str(ROOT), check=False).returncode


def clean(_rest):
    """remove all that was built; the environment .venv stays"""
    for pattern in ("_build", ".pytest_cache", ".ruff_cache", ".hypothesis"):
        shutil.rmtree(str(ROOT / pattern), ignore_errors=True)
    return 0


def _parallel():
    """pytest-xdist's options: a notebook's cells must stay together, hence loadfile."""
    return ["-n", WORKERS, "--dist", "loadfile"]


def _python(arguments, builtin=False):
    """Run the environment's Python at the book's root; return the exit code."""
    variables = dict(os.environ, PYTHONUTF8="1")
    if builtin:
        variables.update(LISTENING_MACHINES_SOURCE="builtin", LISTENING_MACHINES_OFFLINE="1")
        variables.pop("LISTENING_MACHINES_MIRROR", None)
    command = [str(bootstrap.venv_python(ROOT))] + [str(argument) for argument in arguments]
    sys.stdout.flush()
    try:
        return subprocess.run(command, cwd=str(ROOT), env=variables, check=False).returncode
    except KeyboardInterrupt:
        return 130


COMMANDS = {
    "book": book,
    "test": test,
    "test-fast": test_fast,
    "test-site": test_site,
    "times": times,
    "sweep": sweep,
    "diagrams": diagrams,
    "lab": lab,
    "lint": lint,
    "format": format_code,
    "lock": lock,
    "env": environment,
    "clean": clean,
    "help": show_help,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
