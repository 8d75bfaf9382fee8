"""`python -m helpers.datasets --prepare`, and that importing the package costs nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import helpers
from helpers.datasets import __main__ as command
from helpers.datasets import fsdd
from helpers.errors import DataUnavailable

ROOT = Path(helpers.__file__).parents[1]


def test_the_last_line_says_which_data_there_is(tiny, quick, monkeypatch, capsys, own_store):
    clips = fsdd.load_fsdd(remote=tiny.remote, limits=quick)

    def load():
        print("Spoken digits: …")
        return clips

    monkeypatch.setattr(command, "SETS", {"digits": load})
    assert command.main(["--prepare"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "digits": {
            "source": "fsdd",
            "origin": "download",
            "clips": 12,
            "speakers": 2,
            "licence": "CC0",
            "id": clips.id,
        }
    }


def test_a_set_that_was_demanded_and_is_missing_fails_the_command(monkeypatch, capsys):
    def load():
        raise DataUnavailable("FSDD could not be had. What to do: …", "offline")

    monkeypatch.setattr(command, "SETS", {"digits": load})
    assert command.main(["--prepare"]) == 1
    out, error = capsys.readouterr()
    assert out == "" and error == "FSDD could not be had. What to do: …\n"


def test_without_an_option_it_says_what_it_needs(capsys):
    with pytest.raises(SystemExit):
        command.main([])
    assert "--prepare" in capsys.readouterr().err


def test_importing_loads_nothing_heavy():
    code = (
        "import sys, helpers.datasets, helpers.datasets._store, helpers.datasets.fsdd\n"
        "heavy = {'tensorflow', 'librosa', 'matplotlib', 'requests', 'soundfile', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)), end='')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "[]"
