"""What every declared data set must state, whichever it is."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import helpers.datasets
from helpers.datasets._remote import Remote, fault_of, is_plain_path, sums_of
from helpers.errors import DataCorrupt

ROOT = Path(helpers.datasets.__file__).parents[2]
COUNTS = {"coffee_orders": 621, "esc10": 400, "fsdd": 3000, "jsb": 1, "wake_words": 2279}


def declarations():
    found = {}
    for module in pkgutil.iter_modules(helpers.datasets.__path__, "helpers.datasets."):
        if not module.name.rpartition(".")[2].startswith("_"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Remote):
                    found[value.name] = value
    return found


REMOTES = declarations()
every = pytest.mark.parametrize("remote", REMOTES.values(), ids=REMOTES)


def test_every_declared_set_is_counted_here():
    assert REMOTES.keys() == COUNTS.keys()


@every
def test_the_address_is_secure_and_pinned(remote):
    assert remote.url.startswith("https://")
    assert re.search(r"[0-9a-f]{40}", remote.url)


@every
def test_licence_credit_and_citation(remote):
    assert remote.licence in remote.credit
    assert remote.title and 1000 < remote.bytes < 500_000_000
    bibliography = ROOT / "book" / "references.bib"
    if bibliography.exists():
        entries = re.findall(r"@\w+\{\s*([^,\s]+)", bibliography.read_text(encoding="utf-8"))
        assert remote.citation_key in entries


@every
def test_the_sums(remote):
    sums = remote.sums()
    assert len(sums) == COUNTS[remote.name]
    assert list(sums) == sorted(sums)
    assert len({name.casefold() for name in sums}) == len(sums)
    assert all(name.isascii() and is_plain_path(name) for name in sums)


@every
def test_the_mirror_of_this_run_holds_it(remote, real_mirror):
    folder = Path(real_mirror) / remote.name
    assert fault_of(folder, remote.sums()) is None


@pytest.mark.parametrize(
    "text",
    ["", "short  a.wav\n", f"{'0' * 64}  ../a.wav\n", f"{'0' * 64}  a.wav\n" * 2, "0" * 64 + "\n"],
)
def test_a_damaged_sums_file_is_refused(text, tmp_path):
    path = tmp_path / "bad.sha256"
    path.write_text(text)
    remote = Remote("bad", "bad", "https://", None, str(path), "*", "", "", "", 1)
    with pytest.raises(DataCorrupt, match="restore"):
        remote.sums()


def test_sums_are_written_as_they_are_read(tiny, tmp_path):
    text = sums_of(tiny.write(tmp_path / "mirror") / "tiny")
    pairs = [line.split("  ") for line in text.splitlines()]
    assert {name: total for total, name in pairs} == tiny.remote.sums()
