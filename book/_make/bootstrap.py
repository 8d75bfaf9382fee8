"""Make the environment `.venv` from requirements.lock. Standard library only.

Runs on any Python from 3.6 on, so that an unsupported one is refused with a sentence
instead of a syntax error. A stamp in the environment names what it was made from: while it is
right, nothing is done; an interrupted installation leaves no stamp and is done again.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = ((3, 11), (3, 12))
UV = "uv>=0.5,<1"
STAMP = ".made-from"


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def check_python(version=None, executable=None):
    """Raise SetupError unless `version` (default: this Python's) is supported."""
    version = tuple(version or sys.version_info)[:2]
    if version not in SUPPORTED:
        wanted = " or ".join("%d.%d" % pair for pair in SUPPORTED)
        raise SetupError(
            "This book needs Python %s, but %s is Python %d.%d: install one of them and run again "
            "(with make, PYTHON=/path/to/python chooses it)."
            % (wanted, executable or sys.executable, *version)
        )


def venv_python(root):
    """The path of the environment's Python, whether or not it exists yet."""
    venv = Path(root) / ".venv"
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def recipe(root):
    """A digest of all that decides what is in the environment."""
    digest = hashlib.sha256()
    for name in ("requirements.lock", "pyproject.toml"):
        digest.update((Path(root) / name).read_bytes())
    digest.update(repr((sys.version_info[:3], platform.machine(), sys.platform)).encode())
    return digest.hexdigest()


def ensure(root, say=print):
    """Make the environment if it is not as the lock says; return its Python's path."""
    root = Path(root)
    check_python()
    python = venv_python(root)
    stamp = root / ".venv" / STAMP
    wanted = recipe(root)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    if stamp.exists():
        stamp.unlink()
    if not _usable(python):
        say("Making the environment .venv with Python %d.%d" % sys.version_info[:2])
        _make_venv(root / ".venv")
    _install(root, python, say)
    stamp.write_text(wanted)
    return python


def _usable(python):
    """Whether `python` runs, is of this Python's version, and has pip."""
    if not python.exists():
        return False
    code = "import pip, sys; sys.exit(sys.version_info[:3] != %r)" % (sys.version_info[:3],)
    done = subprocess.run([str(python), "-c", code], stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _make_venv(folder):
    if folder.exists():
        shutil.rmtree(str(folder))
    done = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False)
    if done.returncode:
        raise SetupError(
            "Python could not make a virtual environment in %s; on Debian and Ubuntu the package "
            "python3-venv is needed." % folder
        )


def _install(root, python, say):
    lock = str(root / "requirements.lock")
    own = ["-e", str(root), "--no-deps", "--no-build-isolation"]
    uv = _find_uv(root, python)
    if uv:
        say("Installing the packages of requirements.lock (with uv)")
        target = ["--python", str(python)]
        # Compiled once here, or every kernel compiles TensorFlow again where Python may not write.
        synced = _run([uv, "pip", "sync", "--quiet", "--compile-bytecode", *target, lock])
        if synced and _run([uv, "pip", "install", "--quiet", *target, *own]):
            return
        say("uv did not succeed; installing with pip instead, which takes a few minutes")
    else:
        say("uv is not to be had; installing with pip instead, which takes a few minutes")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if not (_run([*pip, "--require-hashes", "--no-deps", "-r", lock]) and _run(pip + own)):
        raise SetupError(
            "The packages could not be installed: see pip's message above, then run the same "
            "command again; it goes on where it stopped."
        )


def _find_uv(root, python):
    """The path of uv in a folder of its own inside .venv, installed there if need be; or None."""
    folder = root / ".venv" / "uv"
    path = folder / "bin" / ("uv.exe" if os.name == "nt" else "uv")
    if not path.exists():
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*command, "--target", str(folder), "--upgrade", UV], quiet=True)
    return str(path) if path.exists() else None


def _run(command, quiet=False):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.run(command, env=environment, stderr=errors, check=False).returncode == 0
