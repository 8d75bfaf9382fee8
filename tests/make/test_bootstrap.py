"""The environment: refused on the wrong Python, made once, redone after an interruption."""

import ast
import subprocess
import sys
from pathlib import Path

import bootstrap
import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "book" / "_make"


@pytest.mark.parametrize("version", [(3, 8), (3, 10), (3, 13), (4, 0)])
def test_an_unsupported_python_is_refused_in_one_sentence(version):
    with pytest.raises(bootstrap.SetupError) as error:
        bootstrap.check_python((*version, 1), "/usr/bin/python3")
    message = str(error.value)
    assert "needs Python 3.11 or 3.12" in message
    assert f"/usr/bin/python3 is Python {version[0]}.{version[1]}" in message
    assert "\n" not in message


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 4)])
def test_a_supported_python_passes(version):
    bootstrap.check_python(version)


def test_the_command_on_a_wrong_python_prints_the_sentence_and_fails():
    code = f"import sys; sys.path.insert(0, {str(TOOL)!r}); sys.version_info = (3, 9, 1); "
    code += "import run; sys.exit(run.main(['book']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("This book needs Python 3.11 or 3.12")
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


@pytest.mark.parametrize("name", ["bootstrap.py", "run.py"])
def test_old_pythons_can_read_what_refuses_them(name):
    tree = ast.parse((TOOL / name).read_text(encoding="utf-8"), feature_version=(3, 7))
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= {*sys.stdlib_module_names, "bootstrap"}


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with a lock; installing is replaced by a note of what would be installed."""
    (tmp_path / "requirements.lock").write_text("numpy==2")
    (tmp_path / "pyproject.toml").write_text("")
    installs = []

    def make_venv(folder):
        python = bootstrap.venv_python(folder.parent)
        python.parent.mkdir(parents=True)
        python.write_text("")

    def install(root, _python, _say):
        installs.append((root / "requirements.lock").read_text())
        if "broken" in installs[-1]:
            raise bootstrap.SetupError("interrupted")

    monkeypatch.setattr(bootstrap, "_make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "_install", install)
    monkeypatch.setattr(bootstrap, "_usable", Path.exists)
    return tmp_path, installs


def test_an_environment_is_made_once_and_again_when_the_lock_changes(clone):
    root, installs = clone
    for _ in range(2):
        bootstrap.ensure(root, say=lambda _: None)
    assert installs == ["numpy==2"]
    (root / "requirements.lock").write_text("numpy==3")
    bootstrap.ensure(root, say=lambda _: None)
    assert installs == ["numpy==2", "numpy==3"]


def test_an_interrupted_installation_is_done_again(clone):
    root, installs = clone
    bootstrap.ensure(root, say=lambda _: None)
    (root / "requirements.lock").write_text("broken")
    for _ in range(2):
        with pytest.raises(bootstrap.SetupError):
            bootstrap.ensure(root, say=lambda _: None)
    (root / "requirements.lock").write_text("numpy==2")
    bootstrap.ensure(root, say=lambda _: None)
    assert installs == ["numpy==2", "broken", "broken", "numpy==2"]


def installed_with(monkeypatch, tmp_path, uv, failing):
    """Which tools ran and what was said, when uv is to be had or not and some commands fail."""
    commands, said = [], []

    def fake_run(command, quiet=False):
        commands.append("uv" if command[0] == uv else "pip")
        return failing not in command

    monkeypatch.setattr(bootstrap, "_find_uv", lambda *_: uv)
    monkeypatch.setattr(bootstrap, "_run", fake_run)
    bootstrap._install(tmp_path, tmp_path / "python", said.append)
    return commands, " ".join(said)


def test_pip_stands_in_for_uv_and_says_so(monkeypatch, tmp_path):
    assert installed_with(monkeypatch, tmp_path, "uv", None)[0] == ["uv", "uv"]
    commands, said = installed_with(monkeypatch, tmp_path, None, None)
    assert commands == ["pip", "pip"]
    assert "uv is not to be had" in said
    commands, said = installed_with(monkeypatch, tmp_path, "uv", "sync")
    assert commands == ["uv", "pip", "pip"]
    assert "uv did not succeed" in said
    with pytest.raises(bootstrap.SetupError, match="run the same command again"):
        installed_with(monkeypatch, tmp_path, None, "--require-hashes")


def test_every_command_has_one_line_of_help_and_a_make_target():
    done = subprocess.run(
        [sys.executable, TOOL / "run.py"], capture_output=True, text=True, check=True
    )
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in done.stdout.splitlines():
        name, about = line.split(maxsplit=1)
        assert about
        assert f"\n{name}:" in makefile
        assert f"$(RUN) {name}" in makefile or name == "help"
