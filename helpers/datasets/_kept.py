"""Keep what the book makes itself: an archive per set, named by all that it is made from."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import TypeVar

import numpy as np

from helpers.datasets._store import cache_folder

Made = TypeVar("Made")
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def recipe(modules: Iterable[ModuleType], packages: Iterable[str]) -> str:
    """A hash over the source of modules and the versions of packages: 16 hexadecimal digits."""
    parts = [inspect.getsource(module) for module in modules]
    parts += [importlib.metadata.version(package) for package in packages]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def kept(
    name: str,
    made_from: str,
    make: Callable[[], Made],
    pack: Callable[[Made], Mapping[str, object]],
    unpack: Callable[[Mapping[str, np.ndarray]], Made],
) -> Made:
    """Read the set from the cache, or make it now and put it there in one step.

    `made_from` is the set's `recipe`, so what is found is never stale; what cannot be read is made
    anew. Where the cache cannot be written, a line says so and the set is made each time.
    """
    path = cache_folder() / "builtin" / f"{name}-{made_from}.npz"
    if path.is_file():
        with suppress(*UNREADABLE), np.load(path) as arrays:
            return unpack(arrays)
    found = make()
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **pack(found))
        os.replace(temporary, path)
        temporary = None
    except OSError as problem:
        print(f"Built-in {name} could not be cached ({problem}): made anew each time.")
    finally:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
    return found
