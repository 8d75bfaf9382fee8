"""As `helpers._espeak`, but it also says when each word and each phoneme begins.

Protocol: one JSON array of requests on standard input; for each request, in order, a little-endian
uint32 with the number of samples, that many int16 samples, a uint32 with a number of bytes, and
that many bytes of JSON: [["word", sample, first letter, letters], ["phone", sample, name], …].
"""

import ctypes
import json
import struct
import sys

from helpers import _espeak

PHONEME_EVENTS = 1
WORD, PHONEME, END = 1, 7, 0


class Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


class TimedSpeaker(_espeak.Speaker):
    """A Speaker that keeps the events of the last utterance in `events`."""

    def __init__(self):
        super().__init__()
        import espeakng_loader

        self.events = []
        data = str(espeakng_loader.get_data_path()).encode()
        if self.library.espeak_Initialize(_espeak.SYNCHRONOUS, 0, data, PHONEME_EVENTS) <= 0:
            raise RuntimeError("eSpeak NG did not start with phoneme events")
        self.library.espeak_SetSynthCallback(self.callback)

    def _collect(self, samples, count, events):
        super()._collect(samples, count, events)
        event = ctypes.cast(events, ctypes.POINTER(Event)) if events else None
        place = 0
        while event and event[place].type != END:
            one = event[place]
            if one.type == WORD:
                self.events.append(["word", one.sample, one.text_position - 1, one.length])
            elif one.type == PHONEME:
                self.events.append(["phone", one.sample, one.name.decode(errors="replace")])
            place += 1
        return 0

    def say(self, text, voice, **parameters):
        self.events = []
        return super().say(text, voice, **parameters)


def main():
    requests = json.loads(sys.stdin.buffer.read())
    out = sys.stdout.buffer
    speaker = TimedSpeaker()
    out.write(struct.pack("<I", speaker.sample_rate))
    for request in requests:
        sound = speaker.say(**request)
        events = json.dumps(speaker.events).encode()
        out.write(struct.pack("<I", len(sound) // 2) + sound)
        out.write(struct.pack("<I", len(events)) + events)
    out.flush()


if __name__ == "__main__":
    main()
