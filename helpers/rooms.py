"""Rooms and noise: what stands between a mouth and a microphone.

Impulse responses of box-shaped rooms by the image-source method, and coloured noise.
Chapter: 2.2
"""

import numpy as np

from helpers.audio import check_rate, check_samples


def impulse_responses(count, sample_rate, seed=0, reverberation=(0.15, 0.6), max_order=12):
    """Impulse responses of `count` random rooms: a list of float32 (n_i,) arrays.

    Rooms of 2.5 to 8 m with reverberation times drawn between the two of `reverberation`, in
    seconds (longer where a room of that size cannot be deader); the mouth is within two metres of
    the microphone. Sound is followed for `max_order` reflections: 12 are the first fifth of a
    second or so, for a tail of half a second it takes some 45. The direct sound comes first and has
    amplitude 1. The same seed gives the same rooms.

    Raises BadSampleRate, and ValueError for a count below 1, times that are not above 0 and rising,
    or a max_order below 0.

    Chapter: 2.2
    Source: image-source method [allen1979image], by pyroomacoustics [scheibler2018pyroomacoustics]
    """
    import pyroomacoustics

    check_rate(sample_rate)
    if count < 1:
        raise ValueError(f"count is {count}; at least one room is needed")
    if not 0 < reverberation[0] <= reverberation[1] or max_order < 0:
        raise ValueError(
            f"reverberation is {reverberation} and max_order {max_order}: give two rising times "
            "above 0 s, and a number of reflections"
        )
    rng = np.random.default_rng(seed)
    return [
        _one_room(pyroomacoustics, rng, sample_rate, reverberation, max_order) for _ in range(count)
    ]


def _one_room(pra, rng, sample_rate, reverberation, max_order):
    size = rng.uniform([2.5, 2.5, 2.3], [8.0, 7.0, 3.5])
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    deadest = 0.161 * size.prod() / surface  # Sabine's formula with everything absorbed
    absorption, _ = pra.inverse_sabine(max(rng.uniform(*reverberation), 1.05 * deadest), size)
    material = pra.Material(absorption)
    room = pra.ShoeBox(size, fs=sample_rate, materials=material, max_order=max_order)
    microphone = rng.uniform(0.4, size - 0.4)
    mouth = np.clip(microphone + rng.normal(0, 0.7, 3), 0.3, size - 0.3)
    room.add_source(mouth)
    room.add_microphone(microphone[:, None])
    room.compute_rir()
    response = np.asarray(room.rir[0][0], np.float32)
    direct = int(np.abs(response).argmax())
    return response[direct:] / response[direct]


def reverberate(samples, impulse_response):
    """Put sound into a room: float32 (n,), (m,) → float32 (n + m − 1,), at unchanged peak.

    The tail is kept. Raises AudioError for samples that are not sound.

    Chapter: 2.2
    """
    from scipy.signal import fftconvolve

    samples = check_samples(samples)
    wet = fftconvolve(samples, check_samples(impulse_response, "impulse_response"))
    loudest = np.abs(wet).max()
    if loudest == 0:
        return wet.astype(np.float32)
    return (wet * (np.abs(samples).max() / loudest)).astype(np.float32)


def coloured_noise(n, slope_db, rng):
    """Gaussian noise whose spectrum falls by `slope_db` per octave: float32 (n,), RMS 0.1.

    0 is white, −3 pink, −6 brown. `rng` is a `numpy.random.Generator`. Raises ValueError for n
    below 1.

    Chapter: 2.2
    """
    if n < 1:
        raise ValueError(f"n is {n}; noise needs at least one sample")
    if n == 1:
        return np.array([0.1], np.float32)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    bins = np.maximum(np.arange(len(spectrum)), 1)
    noise = np.fft.irfft(spectrum * bins ** (slope_db / 6.0206), n)
    return (0.1 * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def hum(n, sample_rate, mains=50.0):
    """The hum of a power supply: harmonics of the mains below half the rate; float32 (n,), RMS 0.1.

    A rectifier loads the mains twice a cycle, so the even harmonics are strong, the second most of
    all; the odd ones come from transformers. `mains` in Hz: 50, or 60 in the Americas. Always the
    same sound. Raises ValueError for n below 1 or mains outside 10 Hz to half the sample rate,
    and BadSampleRate.

    Chapter: 2.2
    """
    rate = check_rate(sample_rate)
    if n < 1:
        raise ValueError(f"n is {n}; hum needs at least one sample")
    if not 10 <= mains < rate / 2:
        raise ValueError(f"mains is {mains} Hz; give 10 Hz to half the sample rate, such as 50")
    t = np.arange(n) / rate
    sound = np.zeros(n)
    for order in range(1, 1 + min(24, int(np.ceil(rate / 2 / mains)) - 1)):
        strength = 0.6 if order == 1 else 2.0 / order if order % 2 == 0 else 0.7 / order
        sound += strength * np.cos(2 * np.pi * order * mains * t + order**2)
    return (0.1 * sound / max(1e-9, np.sqrt(np.mean(sound**2)))).astype(np.float32)


def wandering_hum(n, sample_rate, mains, drift, rng):
    """Hum whose frequency wanders, of strengths and phases of its own: float32 (n,), RMS 0.1.

    mains: Hz, the mean frequency; drift: Hz, how far it swings to either side, along a sine with a
    period of 2 to 6 s. The harmonics are those of `hum`, each up to 6 dB stronger or weaker.
    Raises ValueError for n below 1, a mains outside 10 Hz to half the sample rate or a drift
    outside 0 to a tenth of the mains, and BadSampleRate.

    Chapter: 6.3
    """
    rate = check_rate(sample_rate)
    if n < 1 or not 10 <= mains < rate / 2 or not 0 <= drift <= mains / 10:
        raise ValueError(
            f"n {n}, mains {mains} Hz, drift {drift} Hz: give at least one sample, 10 Hz to half "
            "the sample rate, and a drift of at most a tenth of it"
        )
    t = np.arange(n) / rate
    swing = 2 * np.pi * (t / rng.uniform(2, 6) + rng.uniform())
    turns = np.cumsum(mains + drift * np.sin(swing)) / rate
    sound = np.zeros(n)
    for order in range(1, 1 + min(24, int(np.ceil(rate / 2 / (1.1 * mains))) - 1)):
        strength = 0.6 if order == 1 else 2.0 / order if order % 2 == 0 else 0.7 / order
        strength *= 10 ** (rng.uniform(-6, 6) / 20)
        sound += strength * np.cos(2 * np.pi * (order * turns + rng.uniform()))
    return (0.1 * sound / max(1e-9, np.sqrt(np.mean(sound**2)))).astype(np.float32)
