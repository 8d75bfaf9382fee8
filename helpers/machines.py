"""Rotating machines that do not exist: a small, made-up field to carry a recipe to.

A shaft with harmonics, a noise that the casing colours, knocks that are harmless, and, where the
bearing is damaged, impacts at the rate at which balls pass over the damage. The structure follows
textbooks on bearings; the numbers are this book's. What is found here says nothing about machines
that exist. Chapter: 8.5
"""

from dataclasses import dataclass

import numpy as np

from helpers import audio, rooms

SAMPLE_RATE = 8000
SECONDS = 1.25
MACHINES = 24
CLIPS = 24
SLIP = 0.012
FLAW_DB = (-20.0, -6.0)
"""Strength of a flaw's impacts, from clip to clip; at 0 dB they are as strong as a knock's."""


@dataclass(frozen=True)
class Machine:
    """What one machine is like; what changes from clip to clip is drawn by `clip`.

    `shaft`: turns in a second. `order`: impacts of a damaged bearing per turn; neither it nor its
    double is near a whole number. `resonances`: in Hz, where the casing rings. `ringing`: s, until
    it has died away to 1/e. `harmonics`: amplitudes of the shaft's. `blades`: of a fan, whose tone
    lies at so many times the shaft's. `slope_db`: of its noise, per octave. `knocks`: whether
    something harmless knocks once a turn.

    Chapter: 8.5
    """

    shaft: float
    order: float
    resonances: tuple[float, float]
    ringing: float
    harmonics: tuple[float, ...]
    blades: int
    slope_db: float
    knocks: bool


@dataclass
class MachineClips:
    """Recordings of made-up machines.

    audio: list of n arrays float32 (10 000,), at 8 kHz; labels (n,) int64, 1 where the bearing is
    damaged; machines (n,) int64, which machine; shafts (n,), turns in a second at the middle of the
    clip, as a tachometer would tell; orders (n,), impacts per turn if damaged, as a data sheet
    would tell; takes (n,) int64.

    Raises ValueError if a column does not have one entry per clip.

    Chapter: 8.5
    """

    audio: list[np.ndarray]
    labels: np.ndarray
    machines: np.ndarray
    shafts: np.ndarray
    orders: np.ndarray
    takes: np.ndarray
    sample_rate: int = SAMPLE_RATE
    source: str = "machines"
    credit: str = "Computed by this book; no recording of a machine"

    def __post_init__(self):
        for name in ("labels", "machines", "shafts", "orders", "takes"):
            column = np.asarray(getattr(self, name))
            if column.shape != (len(self.audio),):
                raise ValueError(
                    f"{name} has shape {column.shape}, but there are {len(self.audio)} clips"
                )
            setattr(self, name, column)

    def __len__(self):
        return len(self.audio)

    def subset(self, which):
        """The clips that a mask (n,) or indices (m,) select; the sounds are not copied.

        Raises IndexError if a mask or an index does not fit. Chapter: 8.5
        """
        at = np.arange(len(self))[which]
        columns = (self.labels, self.machines, self.shafts, self.orders, self.takes)
        return MachineClips([self.audio[i] for i in at], *(c[at] for c in columns))


def machine(number, seed=0):
    """Machine `number`, always the same for a seed. Raises ValueError below 0. Chapter: 8.5"""
    if number < 0:
        raise ValueError(f"machine {number}: count from 0")
    rng = np.random.default_rng([8, 5, seed, number])
    low = rng.uniform(900, 2000)
    order = rng.uniform(2.6, 6.4)
    while any(abs(k * order - round(k * order)) < 0.15 for k in (1, 2)):
        order = rng.uniform(2.6, 6.4)
    return Machine(
        shaft=float(rng.uniform(17, 42)),
        order=float(order),
        resonances=(float(low), float(low * rng.uniform(1.3, 1.8))),
        ringing=float(rng.uniform(0.0012, 0.0030)),
        harmonics=tuple(float(h) for h in rng.lognormal(0, 0.8, 6) / np.arange(1, 7)),
        blades=int(rng.integers(5, 12)),
        slope_db=float(rng.uniform(-7, -2)),
        knocks=bool(rng.random() < 0.5),
    )


def clip(one, damaged, rng):
    """One second and a quarter of a `Machine`: (float32 (10 000,), turns in a second).

    Load, speed (within 6 % of the machine's, drifting by 2 %), noise and the strength of the
    impacts are drawn anew by the generator `rng`. Impacts come every 1 / (order · shaft) seconds,
    each gap longer or shorter by 1.2 % at random, because balls slip; each makes the casing ring,
    as do the harmless knocks, once a turn, and as does the noise.

    Chapter: 8.5
    Source: [randall2011rolling] on what a damaged bearing sounds like.
    """
    n = round(SECONDS * SAMPLE_RATE)
    speed = one.shaft * rng.uniform(0.94, 1.06)
    drift = np.linspace(-0.01, 0.01, n) * rng.choice((-1, 1))
    turns = np.cumsum(speed * (1 + drift)) / SAMPLE_RATE + rng.uniform()
    load = rng.uniform(0.5, 1.5)
    sound = _tones(one, turns, load, rng)
    noise = rooms.coloured_noise(n, one.slope_db, rng) * rng.uniform(0.7, 1.4)
    sound += noise + 0.8 * _through_casing(one, rooms.coloured_noise(n, 0.0, rng)) * 10 ** (
        rng.uniform(-8, 4) / 20
    )
    if one.knocks:
        sound += 0.1 * rng.uniform(0.5, 1.5) * _rung(one, turns, 1.0, 0.002, rng)
    if damaged:
        sound += 0.1 * 10 ** (rng.uniform(*FLAW_DB) / 20) * _rung(one, turns, one.order, SLIP, rng)
    sound += 0.1 * 10 ** (rng.uniform(-20, -6) / 20) * _neighbour(n, rng)
    return audio.peak_normalise(sound.astype(np.float32), 0.9), float(turns[-1] - turns[0]) / (
        (n - 1) / SAMPLE_RATE
    )


def make(count=MACHINES, clips=CLIPS, seed=0):
    """`count` machines with `clips` recordings each, every other one damaged: MachineClips.

    The same seed gives the same bits on one machine. Raises ValueError for counts below 1.

    Chapter: 8.5
    """
    if count < 1 or clips < 1:
        raise ValueError(f"{count} machines with {clips} clips each: give one or more of both")
    sounds, rows = [], []
    for number in range(count):
        one = machine(number, seed)
        for take in range(clips):
            rng = np.random.default_rng([8, 5, seed, number, take])
            sound, shaft = clip(one, take % 2 == 1, rng)
            sounds.append(sound)
            rows.append((take % 2, number, shaft, one.order, take))
    labels, numbers, shafts, orders, takes = (np.array(c) for c in zip(*rows, strict=True))
    return MachineClips(sounds, labels, numbers, shafts, orders, takes)


def envelope_spectrum(samples, sample_rate, band=(800.0, 3800.0)):
    """How fast the loudness of a band changes: (frequencies in Hz (m,), amplitudes float (m,)).

    The band is cut out without its negative frequencies (the analytic signal); the size of that,
    squared, is the envelope. Its mean is taken off, and the amplitudes are those of its Fourier
    transform under a Hann window, which fades in and out, divided by their median from 10 to
    400 Hz, so that half of what lies there is below 1.

    Raises ValueError for a band outside 0 to half the rate, AudioSilent for silence, and as
    `audio.check_samples`.

    Chapter: 8.5
    Source: [randall2011rolling]
    """
    from helpers.errors import AudioSilent

    x, rate = audio.check_samples(samples), audio.check_rate(sample_rate)
    if not 0 <= band[0] < band[1] <= rate / 2:
        raise ValueError(f"the band is {band} Hz: it must rise and lie within 0 to {rate / 2} Hz")
    if audio.is_silent(x):
        raise AudioSilent("the sound is silent: its envelope has no spectrum")
    spectrum = np.fft.fft(x.astype(np.float64))
    hz = np.fft.fftfreq(len(x), 1 / rate)
    spectrum[(hz < band[0]) | (hz > band[1])] = 0.0
    squared = np.abs(2 * np.fft.ifft(spectrum)) ** 2
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(x)) / len(x))
    amplitudes = np.abs(np.fft.rfft((squared - squared.mean()) * window))
    rates = np.fft.rfftfreq(len(x), 1 / rate)
    usual = np.median(amplitudes[(rates >= 10) & (rates <= 400)])
    return rates, amplitudes / max(usual, 1e-30)


def bearing_score(samples, sample_rate, shaft, order, harmonics=3, width=0.015):
    """How far a bearing's own rate stands out of the envelope's spectrum; a float, 2 by chance.

    shaft: turns in a second; order: impacts per turn. At each of the first `harmonics` multiples
    of order × shaft the largest amplitude within ±`width` of it; their geometric mean.

    Raises ValueError for a shaft or order that is not above 0, and as `envelope_spectrum`.

    Chapter: 8.5
    """
    if not (shaft > 0 and order > 0):
        raise ValueError(f"shaft {shaft} and order {order} must be above 0")
    rates, amplitudes = envelope_spectrum(samples, sample_rate)
    found = []
    for k in range(1, harmonics + 1):
        near = np.abs(rates - k * shaft * order) <= width * k * shaft * order
        found.append(amplitudes[near].max())
    return float(np.exp(np.mean(np.log(found))))


def kurtosis(samples):
    """How peaked a sound is: E[x⁴] / E[x²]² after the mean is taken off; 3 for Gaussian noise.

    Raises AudioSilent for silence and as `audio.check_samples`. Chapter: 8.5
    """
    from helpers.errors import AudioSilent

    x = audio.check_samples(samples).astype(np.float64)
    if audio.is_silent(x):
        raise AudioSilent("the sound is silent: its kurtosis is not defined")
    x = x - x.mean()
    return float(np.mean(x**4) / np.mean(x**2) ** 2)


def _tones(one, turns, load, rng):
    """Harmonics of the shaft, whose strength follows the load, and the tone of the blades."""
    sound = np.zeros(len(turns))
    for k, strength in enumerate(one.harmonics, 1):
        sound += 0.1 * load * strength * np.cos(2 * np.pi * (k * turns + rng.uniform()))
    for k in (1, 2):
        turn = 2 * np.pi * (k * one.blades * turns + rng.uniform())
        sound += 0.08 * rng.uniform(0.5, 1.5) / k * np.cos(turn)
    return sound


def _rung(one, turns, order, slip, rng):
    """Impacts `order` times a turn, each of which makes the casing ring: float (n,)."""
    count = int((turns[-1] - turns[0]) * order) + 2
    gaps = (1 + slip * rng.standard_normal(count)) / order
    places = np.interp(turns[0] + np.cumsum(gaps), turns, np.arange(len(turns)), right=-1)
    places = np.round(places[places >= 0]).astype(int)
    train = np.zeros(len(turns))
    np.add.at(train, places, rng.uniform(0.7, 1.3, len(places)) * rng.choice((-1, 1), len(places)))
    return 8.0 * _through_casing(one, train, unit=False)


def _through_casing(one, x, unit=True):
    """Both resonances ring: float (n,) → (n,); with `unit`, at RMS 0.1."""
    from scipy.signal import lfilter

    r = np.exp(-1 / (one.ringing * SAMPLE_RATE))
    sound = np.zeros(len(x))
    for hz, share in zip(one.resonances, (1.0, 0.6), strict=True):
        turn = 2 * np.pi * hz / SAMPLE_RATE
        sound += share * lfilter([np.sin(turn)], [1, -2 * r * np.cos(turn), r * r], x)
    return 0.1 * sound / np.sqrt(np.mean(sound**2) + 1e-20) if unit else sound


def _neighbour(n, rng):
    """Another machine in the hall: a tone with harmonics that has nothing to do with ours."""
    t = np.arange(n) / SAMPLE_RATE
    hz = rng.uniform(60, 200)
    tones = [np.cos(2 * np.pi * (k * hz * t + rng.uniform())) / k for k in range(1, 6)]
    return np.sum(tones, axis=0)
