"""Find a data set: in the cache, in a mirror folder, or by download into the cache.

Four environment variables, read at each call, say where to look:

LISTENING_MACHINES_SOURCE   auto (default): the real set if it can be had, else the built-in one;
                            real: the real set or an error; builtin: never the real set
LISTENING_MACHINES_MIRROR   folder with one folder per set, for example fsdd/recordings/*.wav;
                            read in place, never written to
LISTENING_MACHINES_CACHE    folder where downloads are kept (default: the user's cache folder)
LISTENING_MACHINES_OFFLINE  1 forbids downloads

Every file is compared with its committed SHA-256 sum each time a set is located; for FSDD that
costs about a tenth of a second, so nothing has to be remembered about what was checked before.
A set with a recipe is prepared after its download; what was prepared here is compared with what
the recipe has on record of the originals, within a tolerance, instead of with sums.
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO, TypeVar

from helpers.datasets._download import Limits, download, unpack
from helpers.datasets._remote import Located, Recipe, Remote, complaint, fault_of
from helpers.errors import AudioError, DataCorrupt, DataError, DataUnavailable

__all__ = [
    "Limits",
    "Located",
    "Recipe",
    "Remote",
    "cache_folder",
    "fetch",
    "forget_failures",
    "announced",
    "real_or_builtin",
    "wanted_source",
]

SOURCES = ("auto", "builtin", "real")
Said = Callable[[str], object]
Loaded = TypeVar("Loaded")

_failures: dict[tuple[str, Path], DataError] = {}


def wanted_source(source: str | None = None) -> str:
    """Return which source is wanted: "auto", "builtin" or "real".

    That is the argument if one is given, else LISTENING_MACHINES_SOURCE, else "auto".
    Raises ValueError, naming the three, if it is something else.

    Chapter: 5.1
    """
    given = source if source is not None else os.environ.get("LISTENING_MACHINES_SOURCE") or "auto"
    wanted = str(given).strip().lower()
    if wanted not in SOURCES:
        where = "LISTENING_MACHINES_SOURCE" if source is None else "source"
        raise ValueError(f'{where} is "{given}": it must be "auto", "builtin" or "real".')
    return wanted


def cache_folder() -> Path:
    """Return the folder where the book keeps what it downloads and makes; it may not exist yet.

    LISTENING_MACHINES_CACHE, or listening-machines in the user's cache folder.

    Chapter: 5.1
    """
    given = os.environ.get("LISTENING_MACHINES_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("listening-machines", appauthor=False)


def real_or_builtin(
    load_real: Callable[[str], Loaded],
    load_builtin: Callable[[], Loaded],
    source: str | None = None,
    say: Said = print,
) -> Loaded:
    """Load the real set if it is wanted and can be had, else the built-in one.

    `load_real` is called with "auto" or "real". If it fails and the real set was not demanded,
    one line says why. Raises DataError if the real set was demanded and cannot be had.

    Chapter: 5.1
    """
    wanted = wanted_source(source)
    if wanted == "builtin":
        return load_builtin()
    try:
        return load_real(wanted)
    except DataError as error:
        if wanted == "real":
            raise
        say(f"Notice: going on with built-in data, because {error.reason}.")
        return load_builtin()


def announced(
    title: str,
    load_real: Callable[..., Loaded],
    load_builtin: Callable[[], Loaded],
    source: str | None,
    quiet: bool,
) -> Loaded:
    """What `real_or_builtin` gives, and one line `title: description`; nothing if `quiet`.

    `load_real` is called with what is wanted and with `say`, which prints or does not.

    Chapter: 5.1
    """
    say = _say_nothing if quiet else print
    found = real_or_builtin(lambda wanted: load_real(wanted, say=say), load_builtin, source, say)
    say(f"{title}: {found.describe()}")
    return found


def _say_nothing(*_words: object) -> None:
    """Stand in for `print`."""


def fetch(
    remote: Remote,
    *,
    source: str | None = None,
    say: Said = print,
    limits: Limits | None = None,
) -> Located:
    """Locate a data set: cache, then mirror, then download; every file is checked on the way.

    `say` is given one line whenever something is passed over or takes time. With source "real" a
    mirror that is set but missing or corrupt is an error; with "auto" it is passed over.

    Raises DataUnavailable (offline, refused, too slow, cut off by a full disk) or DataCorrupt
    (wrong bytes; DataIncomplete: missing ones), naming the address and what to do. Either leaves
    the cache as it was. A download that failed is not tried again in the same process.

    Chapter: 5.1
    """
    wanted = wanted_source(source)
    if wanted == "builtin":
        raise complaint(DataUnavailable, remote, "only built-in data is wanted here")
    sums = remote.sums()
    place = cache_folder() / remote.name
    if os.path.exists(place):
        fault = remote.fault_here(place)
        if fault is None:
            return Located(place, "cache")
        say(f"Notice: the copy of {remote.title} in {place} is damaged ({fault}): not used.")
    mirror = os.environ.get("LISTENING_MACHINES_MIRROR")
    if mirror:
        folder = Path(mirror).expanduser().absolute() / remote.name
        fault = fault_of(folder, sums)
        if fault is None:
            return Located(folder, "mirror")
        said = f"the mirror folder {folder} is not usable ({fault})"
        if wanted == "real":
            mend = "mend the mirror, or unset LISTENING_MACHINES_MIRROR to download; "
            raise complaint(type(fault), remote, said, mend)
        say(f"Notice: {said}: not used.")
    if _is_set("LISTENING_MACHINES_OFFLINE"):
        raise complaint(
            DataUnavailable,
            remote,
            "LISTENING_MACHINES_OFFLINE forbids downloads",
            "unset LISTENING_MACHINES_OFFLINE; ",
        )
    failure = _failures.get((remote.url, place))
    if failure is not None:
        raise type(failure)(
            f"{failure}\n(One try per Python process: restart the kernel to try again.)",
            failure.reason,
        )
    try:
        return _download_to(place, remote, say, limits or Limits())
    except DataError as error:
        _failures[remote.url, place] = error.with_traceback(None)
        raise


def forget_failures() -> None:
    """Let downloads that failed in this process be tried again."""
    _failures.clear()


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "no", "false", "off")


def _download_to(place: Path, remote: Remote, say: Said, limits: Limits) -> Located:
    cache = place.parent
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _alone(cache, remote, say, limits):
            if place.exists() and remote.fault_here(place) is None:
                return Located(place, "cache")
            with tempfile.TemporaryDirectory(
                prefix=_partial(remote), dir=cache, ignore_cleanup_errors=True
            ) as work:
                size = f"{max(1, round(remote.bytes / 1e6))} MB"
                say(f"Downloading {remote.title}, about {size}, from {remote.url}")
                archive, fresh = Path(work, "archive.zip"), Path(work, "fresh")
                download(remote, archive, limits)
                if remote.recipe:
                    _prepare(remote, archive, fresh, say)
                else:
                    unpack(remote, archive, fresh)
                fault = remote.fault_here(fresh)
                if fault is not None:
                    raise complaint(type(fault), remote, f"after unpacking, {fault}")
                _put(fresh, place, Path(work, "damaged"))
                return Located(place, "download")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            mend = f"free about {max(1, 5 * remote.bytes // 1_000_000)} MB, or "
            said = f"there is no room left in the cache folder {cache}"
        else:
            mend, said = "", f"the cache folder {cache} cannot be written ({error.strerror})"
        mend += "set LISTENING_MACHINES_CACHE to a folder that can be written; "
        raise complaint(DataUnavailable, remote, said, mend) from error


def _prepare(remote: Remote, archive: Path, fresh: Path, say: Said) -> None:
    raw = fresh.with_name("raw")
    unpack(remote, archive, raw)
    say(f"Preparing {remote.title}, once.")
    fresh.mkdir()
    try:
        remote.recipe.prepare(raw, fresh)
    except AudioError as error:
        raise complaint(DataCorrupt, remote, f"it could not be prepared ({error})") from error
    for path in fresh.rglob("*"):
        if path.is_file():
            with open(path, "rb+") as file:
                os.fsync(file.fileno())


def _put(fresh: Path, place: Path, aside: Path) -> None:
    for folder in sorted({fresh, *(path for path in fresh.rglob("*") if path.is_dir())}):
        _sync_folder(folder)
    if place.exists():
        _replace(place, aside)
    _replace(fresh, place)
    _sync_folder(place.parent)


def _replace(old: Path, new: Path) -> None:
    for attempt in range(10):
        try:
            os.replace(old, new)
        except PermissionError:
            if sys.platform != "win32" or attempt == 9:
                raise
            time.sleep(0.2)
        else:
            return


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some network file systems refuse; the next check would notice a loss
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _partial(remote: Remote) -> str:
    return f".{remote.name}-partial-"


@contextmanager
def _alone(cache: Path, remote: Remote, say: Said, limits: Limits) -> Iterator[None]:
    """Hold the set's lock file, so that of several processes one downloads and the others wait.

    The system frees the lock when its holder dies, however it dies; leftovers of a holder that was
    killed are removed by the next one.
    """
    with open(cache / f".{remote.name}.lock", "a+b") as handle:
        patience = time.monotonic() + limits.total + 60
        told = False
        while (held := _try_lock(handle)) is False:
            if not told:
                say(f"Waiting for another process that is downloading {remote.title}.")
                told = True
            if time.monotonic() > patience:
                raise complaint(
                    DataUnavailable, remote, "another process has been downloading it for too long"
                )
            time.sleep(0.1)
        try:
            if held:
                for leftover in cache.glob(f"{_partial(remote)}*"):
                    rmtree(leftover, ignore_errors=True)
            yield
        finally:
            if held:
                _unlock(handle)


def _try_lock(handle: BinaryIO) -> bool | None:
    """True if the lock is now held, False if another holds it, None if there are no locks here."""
    handle.seek(0)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        return None
    return True


def _unlock(handle: BinaryIO) -> None:
    handle.seek(0)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_UN)
