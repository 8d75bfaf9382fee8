"""The reading components where a chapter runs live: in a JupyterLab, with a kernel.

JupyterLab keeps its settings, data and notebooks in a folder of the test, and asks no other host.
The microphone is Chromium's fake device, which plays a tone made here.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

from helpers.audio import save

ROOT = Path(__file__).resolve().parents[2]
SECONDS, HERTZ = 1.2, 700.0

START = """
import itertools
import shutil
from pathlib import Path

import numpy as np

from helpers import plots
from helpers.listen import *

rate, t = 8000, np.arange(16000) / 8000


def tone(hertz):
    return (0.3 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


answers = itertools.count(1)


def recognise(path):
    shutil.copy(path, "got.wav")
    return f"answer {next(answers)}: <{path.stat().st_size}> bytes"
"""
EXPLORER = """
asked = Path("asked.txt")


def compute(bits, dither):
    with asked.open("a") as file:
        print(bits, dither, file=file)
    if bits == 5:
        raise ValueError("five is too many")
    fig, ax = plots.subplots(height=2.0)
    ax.plot(t[:80], np.round(tone(440)[:80] * 2**bits) / 2**bits)
    return State(f"A tone of {bits} bits", fig, tone(100 * bits), rate, f"{bits} bits")


controls = [Control("Bits", [2, 3, 4, 5], start=3), Control("Dither", ["off", "on"])]
explorer(compute, controls, "An explorer")
"""
JUDGE = """
items = [Item("one", tone(440), tone(200), {"a": tone(250), "b": tone(300)})]
metrics = {"SNR, dB": {("one", "a"): 20, ("one", "b"): 10}}
listening_test(items, rate, "A test", "How close to the reference?", metrics)
"""
NOTEBOOKS = {
    "components.ipynb": (
        START,
        'player(tone(440), rate, "One tone")',
        'compare([tone(440), tone(300)], rate, ["high", "low"], "Two tones")',
        EXPLORER,
        JUDGE,
        "microphone_widget(recognise)",
    ),
    "own.ipynb": (
        START,
        f"microphone_widget(recognise, {SECONDS})",
        "microphone_widget(recognise, 10)",
        "upload_widget(recognise)",
    ),
}
SETTINGS = {
    "LabApp": {
        "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "expose_app_in_browser": True,
        "extension_manager": "readonly",
        "news_url": None,
        "open_browser": False,
    },
    "IdentityProvider": {"token": ""},
    "ServerApp": {
        "allow_root": True,
        "jpserver_extensions": {"jupyter_lsp": False, "jupyter_server_terminals": False},
        "port": 0,
    },
}
QUIET = {"fetchNews": "false", "checkForUpdates": False}


class Lab:
    """A running JupyterLab: its address and the folder of its notebooks."""

    def __init__(self, address, folder):
        self.address, self.folder = address, folder
        self.answers = 0

    def run(self, visit, name):
        """Open a notebook in a visit and run all its cells; returns the tab."""
        tab = visit.tab
        tab.set_default_timeout(10_000)
        tab.goto(
            f"{self.address}lab/workspaces/{name.split('.')[0]}/tree/{name}", wait_until="load"
        )
        tab.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
            "?.connectionStatus === 'connected'"
        )
        tab.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        assert (
            tab.locator("[data-mime-type*=error], [data-mime-type*=stderr]").all_inner_texts() == []
        )
        return tab

    def answer(self, own):
        """The next answer in a widget, and the samples and the rate that the recogniser got."""
        self.answers += 1
        text = own.get_by_text(f"answer {self.answers}: ").inner_text()
        return text, *soundfile.read(self.folder / "got.wav")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    home = tmp_path_factory.mktemp("lab")
    notebooks = home / "notebooks"
    quiet = home / "settings" / "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    for folder in (notebooks, home / "config", quiet.parent):
        folder.mkdir(parents=True)
    quiet.write_text(json.dumps(QUIET), encoding="utf-8")
    (home / "config" / "jupyter_lab_config.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    for name, cells in NOTEBOOKS.items():
        book = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(book, notebooks / name)
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(home / folder) for name, folder in folders.items()}}
    environment.pop("LISTENING_MACHINES_BUILD", None)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebooks}"]
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield Lab(_address_of(server, home), notebooks)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _address_of(server, home):
    """Where the server listens, as soon as it answers."""
    end = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < end:
        for file in (home / "runtime").glob("jpserver-*.json"):
            try:
                port = json.loads(file.read_text(encoding="utf-8"))["port"]
                address = f"http://127.0.0.1:{port}/"
                with urllib.request.urlopen(f"{address}api/status", timeout=5):
                    return address
            except (OSError, ValueError):
                pass
        time.sleep(0.1)
    log = (home / "log").read_text(encoding="utf-8", errors="replace")
    return pytest.fail(f"JupyterLab did not start:\n{log[-3000:]}")


def faults(visit, address):
    """Errors in the page, and requests to another host than the test's own server."""
    own = (address, address.replace("http", "ws", 1), "data:", "blob:")
    errors = [text for text in visit.complaints if not text.startswith("warning:")]
    return errors + [url for url in visit.requests if not url.startswith(own)]


@pytest.fixture(scope="module")
def components(lab, long_visit):
    """The tab in which all cells of `components.ipynb` have run, for tests of its cells."""
    visit = long_visit((1280, 1400))
    visit.context.grant_permissions(["microphone"])
    yield lab.run(visit, "components.ipynb")
    assert faults(visit, lab.address) == []


@pytest.fixture(scope="module")
def microphone(launch, lab, long_visit, tmp_path_factory):
    """The visit in which all cells of `own.ipynb` have run, with leave to use the fake device."""
    path = tmp_path_factory.mktemp("device") / "tone.wav"
    t = np.arange(2 * 48000) / 48000
    save(path, (0.5 * np.sin(2 * np.pi * HERTZ * t)).astype(np.float32), 48000)
    chromium = launch(
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={path}"
    )
    visit = long_visit(chromium=chromium)
    visit.tab.add_init_script(
        """const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        window.streams = [];
        navigator.mediaDevices.getUserMedia = async (wish) => {
          const stream = await get(wish);
          window.streams.push(stream);
          return stream;
        };"""
    )
    lab.run(visit, "own.ipynb")
    yield visit
    assert faults(visit, lab.address) == []


@pytest.fixture
def leave(microphone):
    """The tab, with leave to use the microphone."""
    microphone.context.grant_permissions(["microphone"])
    yield microphone.tab
    microphone.context.clear_permissions()


def widget(tab, place=0):
    return tab.locator(".lm-own").nth(place)


def record(tab, place=0):
    """Press a widget's button; returns the widget when it records."""
    own = widget(tab, place)
    own.get_by_role("button", name="● Record").click()
    own.get_by_role("button", name="■ Stop").wait_for()
    return own


OFF = (
    "streams.length > 0 && streams.flatMap(s => s.getTracks()).every(t => t.readyState === 'ended')"
)


# --- components -------------------------------------------------------------------------------


def test_a_players_head_moves(components):
    figure = components.locator("figure.lm-player", has_text="One tone")
    track = figure.get_by_role("slider")
    at = "e => Number(getComputedStyle(e).getPropertyValue('--lm-at'))"
    assert track.evaluate(at) == 0
    figure.get_by_role("button", name="Play: One tone").click()
    components.wait_for_function(
        "document.querySelector('figure.lm-player audio').currentTime > 0.3"
    )
    assert track.evaluate(at) > 0.1
    figure.get_by_role("button", name="Pause: One tone").click()


def test_a_comparison_switches(components):
    figure = components.locator(".lm-compare")
    figure.get_by_role("button", name="Play: Two tones").click()
    heard = "[...document.querySelectorAll('.lm-compare audio')].map(a => !a.paused && !a.muted)"
    components.wait_for_function("document.querySelector('.lm-compare audio').currentTime > 0.1")
    assert components.evaluate(heard) == [True, False]
    figure.get_by_role("button", name="B low").click()
    assert components.evaluate(heard) == [False, True]
    assert figure.locator(".lm-lane:visible").get_attribute("data-label") == "low"
    figure.get_by_role("button", name="Pause: Two tones").click()


def test_an_explorer_computes_what_is_asked(components, lab):
    asked = lab.folder / "asked.txt"
    assert asked.read_text() == "3 off\n"
    bits = components.locator(".jupyter-widgets", has_text="Bits").locator(".noUi-handle").first
    bits.focus()
    bits.press("ArrowRight")
    components.get_by_alt_text("A tone of 4 bits").wait_for()
    assert asked.read_text() == "3 off\n4 off\n"
    components.get_by_role("button", name="Play: An explorer, Bits: 4, Dither: off").click()
    components.wait_for_function(
        "document.querySelector('audio[aria-label^=\"An explorer\"]').currentTime > 0.1"
    )
    bits.press("ArrowRight")
    components.locator(".jp-OutputArea-output", has_text="five is too many").first.wait_for()
    assert asked.read_text() == "3 off\n4 off\n5 off\n"


def test_a_listening_test_starts(components):
    judge = components.locator(".lm-judge")
    judge.get_by_role("button", name="Start the test").click()
    assert judge.locator(".lm-judge__line").count() == 4
    judge.get_by_role("button", name="Reference").click()
    components.wait_for_function(
        "[...document.querySelectorAll('.lm-judge audio')].some(a => a.currentTime > 0.1)"
    )


def test_without_a_microphone_it_says_so(components):
    devices = components.evaluate("navigator.mediaDevices.enumerateDevices()")
    if any(device["kind"] == "audioinput" for device in devices):
        pytest.skip("this machine has a microphone")
    own = widget(components)
    own.get_by_role("button", name="● Record").click()
    own.get_by_text("No microphone was found. Connect one and try again.").wait_for()
    assert own.get_by_role("button", name="● Record").is_enabled()


# --- the reader's own sound -------------------------------------------------------------------


def test_a_recording_is_recognised_and_played(leave, lab):
    own = record(leave)
    text, samples, rate = lab.answer(own)
    assert len(samples) == round(SECONDS * rate)
    assert text.endswith(f": <{44 + 2 * len(samples)}> bytes")
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) / SECONDS == pytest.approx(HERTZ, abs=2)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert leave.evaluate(OFF)
    own.get_by_role("button", name="Play: your recording.wav").click()
    leave.wait_for_function("document.querySelector('.lm-own audio').currentTime > 0.2")


def test_a_second_press_ends_a_recording(leave, lab):
    own = record(leave, 1)
    leave.wait_for_timeout(300)
    own.get_by_role("button", name="■ Stop").click()
    _, samples, rate = lab.answer(own)
    assert 0.1 < len(samples) / rate < 5
    assert own.get_by_role("button", name="● Record").is_enabled()


def test_without_leave_it_says_so(microphone):
    own = widget(microphone.tab)
    own.get_by_role("button", name="● Record").click()
    own.get_by_text("The browser may not use the microphone.").wait_for()


def test_a_file_is_recognised(microphone, lab, tmp_path):
    own = widget(microphone.tab, 2)
    chooser = own.locator("input")
    files = {name: tmp_path / name for name in ("tone.wav", "words.txt", "long.wav")}
    save(files["tone.wav"], np.full(4000, 0.25, np.float32), 8000)
    files["words.txt"].write_text("no sound at all", encoding="utf-8")
    with open(files["long.wav"], "wb") as file:
        file.truncate(12_000_000)
    chooser.set_input_files(files["long.wav"])
    own.get_by_text("long.wav has 12 MB, more than 9").wait_for()
    chooser.set_input_files(files["words.txt"])
    own.get_by_text("words.txt").first.wait_for()
    assert own.locator("audio").count() == 0
    for _ in range(2):
        chooser.set_input_files(files["tone.wav"])
        text, samples, rate = lab.answer(own)
        assert text.endswith(": <8044> bytes")
        assert (len(samples), rate) == (4000, 8000)
        own.get_by_role("button", name="Play: tone.wav").wait_for()


def test_no_recording_stays_in_the_notebook(leave, lab):
    lab.answer(record(leave))
    leave.evaluate("jupyterapp.commands.execute('docmanager:save')")
    saved = (lab.folder / "own.ipynb").read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget-view+json" in saved
    assert "UklGR" not in saved
    assert "your recording" not in saved
    assert len(saved) < 10_000


def test_a_widget_that_goes_leaves_the_microphone(leave):
    record(leave, 1)
    assert not leave.evaluate(OFF)
    leave.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    leave.wait_for_function(OFF, timeout=5000)
