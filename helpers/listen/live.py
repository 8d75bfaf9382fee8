"""What needs a kernel: the reader's own sound, from a file or from the microphone."""

import tempfile
from functools import cache
from pathlib import Path

from helpers import _html
from helpers.errors import AudioError
from helpers.listen.assets import STATIC, building
from helpers.listen.encoding import audio_element, picture

LONGEST_RECORDING = 10.0
LONGEST_FILE = 60.0


def upload_widget(recognise):
    """Show a button that takes a sound file of the reader's, plays it and says what is in it.

    recognise: called with the file's path; what it returns is shown as text, or as HTML if it has
    `_repr_html_`. A file that is no sound, has more than 9 MB or lasts longer than a minute gets
    its message, and so does an error in `recognise`. The widget needs a running kernel: in the
    built site a sentence stands in its place.

    Chapter: 5.2
    """
    if building():
        _instead("a button takes a sound file of yours and recognises it", "[upload: runs live]")
    else:
        _show(recognise, seconds=0.0)


def microphone_widget(recognise, seconds=3.0):
    """Show a button that records the reader, plays the recording and says what is in it.

    recognise: as in `upload_widget`; it gets the path of a mono WAV file at the rate of the
    browser's sound, 44.1 or 48 kHz as a rule, without the noise suppression of telephone calls.
    seconds: how long a recording lasts at most; a second press ends it earlier.
    Where there is no microphone, or no leave to use it, the widget says so. It needs a running
    kernel: in the built site a sentence stands in its place.

    Raises ValueError for seconds outside 0.5 to 10. Chapter: 5.2
    """
    if not 0.5 <= seconds <= LONGEST_RECORDING:
        raise ValueError(
            f"seconds is {seconds!r}; record from 0.5 to {LONGEST_RECORDING:g} seconds"
        )
    if building():
        _instead("a button records you and recognises what you say", "[microphone: runs live]")
    else:
        _show(recognise, seconds=float(seconds))


def _instead(what, plain):
    text = f"Here {what}. It works when this chapter runs: open it with <code>make lab</code>."
    _html.display(_html.box(_html.paragraph(text), classes="lm-live"), plain)


def _show(recognise, seconds):
    from IPython.display import display

    widget = _own_sound()(seconds=seconds)

    def arrived(_, message, buffers):
        if message.get("kind") == "sound" and buffers:
            html = _recognised(message["name"], bytes(buffers[0]), recognise)
            widget.send({"kind": "answer", "number": message["number"], "html": html})

    widget.on_msg(arrived)
    display(widget)


@cache
def _own_sound():
    """The widget's class, made when first needed: it takes anywidget, which takes ipywidgets."""
    import anywidget
    import traitlets

    class OwnSound(anywidget.AnyWidget):
        _esm = "\n".join(
            (STATIC / name).read_text(encoding="utf-8") for name in ("listen.js", "live.js")
        )
        _css = STATIC / "listen.css"
        seconds = traitlets.Float(help="length of a recording; 0 for a file").tag(sync=True)

    return OwnSound


def _recognised(name, content, recognise):
    """The reply to a sound file, as HTML."""
    from helpers.audio import load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix[:8]}"
        path.write_bytes(content)
        try:
            sound = load(path, max_seconds=LONGEST_FILE)
            result = recognise(path)
            said = getattr(result, "_repr_html_", lambda: None)()
            heard = _heard(sound, name)
        except AudioError as error:
            return _fault(str(error).replace(str(path), name))
        except Exception as error:  # whatever the reader's own `recognise` does
            return _fault(f"{type(error).__name__} while recognising {name}: {error}")
    if said is None:
        said = _html.paragraph(f"<strong>{_html.escape(result)}</strong>")
    return f"{heard}{said}"


def _heard(sound, name):
    return (
        '<figure class="lm-player" data-lm="player" style="margin:0.4rem 0;padding:0">'
        f'<figcaption style="font-size:0.92em">{_html.escape(name)}</figcaption>'
        f"{picture(sound.samples, sound.sample_rate, name, 'waveform')}"
        f"{audio_element(sound.samples, sound.sample_rate, name)}</figure>"
    )


def _fault(message):
    return _html.box(_html.paragraph(_html.escape(message)), colour=_html.BAD)
