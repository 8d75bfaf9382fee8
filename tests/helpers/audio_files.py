"""Makes the audio files, good and bad, that the tests of `helpers.audio` load."""

import io
import struct

import numpy as np
import soundfile


def tone(seconds=0.5, rate=8000, hertz=440.0, amplitude=0.5, phase=0.0):
    """A sine, float32 of shape (n,)."""
    t = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hertz * t + phase)).astype(np.float32)


def encode(samples, rate=8000, kind="WAV", subtype=None):
    """The bytes of a file of these samples, (n,) or (n, channels), written by libsndfile."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format=kind)
    return file.getvalue()


def wav_bytes(data, rate=8000, channels=1, bits=16, codec=1, declared=None, riff=None):
    """A WAV file by hand, so that its header may say anything. data: the bytes of its sound."""
    declared = len(data) if declared is None else declared
    align = channels * bits // 8
    head = struct.pack("<HHIIHH", codec, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
    body = b"WAVEfmt " + struct.pack("<I", len(head)) + head
    body += b"data" + struct.pack("<I", declared) + data
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def silent_wav(path, seconds, rate=8000, channels=1):
    """Write a WAV file of zeros of any length in no time: its sound is a hole in the file."""
    size = round(seconds * rate) * channels * 2
    head = wav_bytes(b"", rate, channels, declared=size, riff=36 + size)
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + size)
    return path


def strip_length_tag(mp3):
    """An MP3 file without the first frame, which says how many follow."""
    place = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    return mp3[mp3.find(mp3[:2], place) :]
