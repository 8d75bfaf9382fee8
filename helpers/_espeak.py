"""The child process that talks to eSpeak NG; started by `helpers.speech`, never imported by it.

eSpeak NG is a library under the GPL-3.0-or-later. It is kept behind this process boundary: the
parent writes requests as JSON lines to standard input and reads sound from standard output. The
boundary also makes the sound repeatable, because the library keeps state between words: a fresh
process that is asked the same things in the same order answers with the same bits.

Protocol: one JSON array of requests on standard input; for each request, in order, a
little-endian uint32 with the number of samples and then that many int16 samples.
"""

import ctypes
import json
import struct
import sys

SYNCHRONOUS = 2  # sound goes to the callback, and a call returns when all of it has
CHARS_UTF8 = 1
PARAMETER = {"rate": 1, "volume": 2, "pitch": 3, "pitch_range": 4}
CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Speaker:
    """One initialised eSpeak NG library; `say` returns the int16 samples of one utterance."""

    def __init__(self):
        import espeakng_loader

        self.chunks = []
        self.voice = None
        self.library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        data = str(espeakng_loader.get_data_path()).encode()
        self.sample_rate = self.library.espeak_Initialize(SYNCHRONOUS, 0, data, 0)
        if self.sample_rate <= 0:
            raise RuntimeError(f"eSpeak NG did not start (code {self.sample_rate})")
        self.callback = CALLBACK(self._collect)  # kept: ctypes does not hold a reference
        self.library.espeak_SetSynthCallback(self.callback)

    def _collect(self, samples, count, _events):
        if samples and count > 0:
            self.chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    def say(self, text, voice, **parameters):
        if voice != self.voice:  # setting a voice reads files: ten times as slow as a word
            if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
                raise RuntimeError(f"eSpeak NG has no voice {voice!r}")
            self.voice = voice
        for name, value in parameters.items():
            self.library.espeak_SetParameter(PARAMETER[name], int(value), 0)
        self.chunks = []
        encoded = text.encode() + b"\0"
        self.library.espeak_Synth(
            encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, CHARS_UTF8, None, None
        )
        return b"".join(self.chunks)


def main():
    requests = json.loads(sys.stdin.buffer.read())
    out = sys.stdout.buffer
    speaker = Speaker()
    out.write(struct.pack("<I", speaker.sample_rate))
    for request in requests:
        sound = speaker.say(**request)
        out.write(struct.pack("<I", len(sound) // 2))
        out.write(sound)
    out.flush()


if __name__ == "__main__":
    main()
