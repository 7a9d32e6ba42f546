"""Sound files, resampled sounds and log-mel features in float64 NumPy, each sum written out.

    python3 -m venv .venv && .venv/bin/pip install numpy==2.4.6 scipy==1.17.1 soundfile==0.14.0
    .venv/bin/python Reference/sound.py Tests/Fixtures/sound

The files are written by libsndfile through `soundfile`, which also says what it reads from them. The resampled sounds are
the sum of a windowed sinc over all samples at the time of each output; scipy.signal.upfirdn with the same filter must agree.
The features are those of torchaudio.transforms.MelSpectrogram(rate, n_fft=rate // 40, hop_length=rate // 100) with its
defaults (periodic Hann window, mirrored ends, power 2, HTK's mel scale without normalization), and their logarithm.
"""

import json
import math
import pathlib
import sys

import numpy as np
import soundfile
from scipy import signal

KINDS = [
    ("pcm-u8", "wav", "PCM_U8", 1), ("pcm-16", "wav", "PCM_16", 1), ("pcm-24", "wav", "PCM_24", 1),
    ("pcm-32", "wav", "PCM_32", 1), ("float", "wav", "FLOAT", 1), ("stereo", "wav", "PCM_16", 2),
    ("extensible", "wavex", "PCM_24", 1), ("mu-law", "wav", "ULAW", 1), ("lossless", "flac", "PCM_16", 1),
    ("stereo", "flac", "PCM_16", 2), ("vorbis", "ogg", "VORBIS", 1), ("aiff", "aiff", "PCM_16", 1),
]


def tone(count, rate, random):
    """Two tones that rise and some noise, rounded to 16 bits."""
    t = np.arange(count) / rate
    x = 0.4 * np.sin(2 * np.pi * (200 + 900 * t) * t) + 0.2 * np.sin(2 * np.pi * 1370 * t)
    return np.round((x + 0.05 * random.standard_normal(count)) * 32768) / 32768


def files(folder, random):
    found = []
    for name, form, subtype, channels in KINDS:
        samples = np.stack([tone(120, 8000, random) for _ in range(channels)], axis=1)
        path = folder / f"{name}.{'wav' if form == 'wavex' else form}"
        soundfile.write(path, samples, 8000, subtype=subtype, format=form.upper())
        read, rate = soundfile.read(path, dtype="float32", always_2d=True)
        found.append({"file": path.name, "rate": rate, "channels": channels,
                      "samples": [float(value) for value in read.reshape(-1)]})
    return found


def resampled(x, source, target):
    """sum over n of x(n) (c/f) sinc(c (n/f - m/g)) cos^2(pi c (n/f - m/g) / 12) at every output m."""
    divisor = math.gcd(source, target)
    f, g = source // divisor, target // divisor
    cutoff = 0.99 * min(f, g)
    m = np.arange(math.ceil(len(x) * g / f))[:, None]
    u = cutoff * (np.arange(len(x))[None, :] / f - m / g)
    weights = np.where(np.abs(u) < 6, np.sinc(u) * np.cos(np.pi * u / 12) ** 2, 0) * cutoff / f
    direct = weights @ x
    # The same filter at the common rate f g, by scipy's polyphase filter.
    half = math.ceil(6 * f * g / cutoff)
    v = cutoff * np.arange(-half, half + 1) / (f * g)
    taps = np.where(np.abs(v) < 6, np.sinc(v) * np.cos(np.pi * v / 12) ** 2, 0) * cutoff / f
    shift = -half % f
    other = signal.upfirdn(np.concatenate([np.zeros(shift), taps]), x, up=g, down=f)[(half + shift) // f:][:len(direct)]
    assert np.abs(direct - other).max() < 1e-12
    return direct


def log_mel(x, rate, bands):
    """The features of a sound, [frames, bands], each frame's transform as a matrix product."""
    window, hop = rate // 40, rate // 100
    padded = np.pad(x, window // 2, mode="reflect")
    hann = np.sin(np.pi * np.arange(window) / window) ** 2
    k, n = np.arange(window // 2 + 1)[:, None], np.arange(window)[None, :]
    transform = np.exp(-2j * np.pi * k * n / window)
    power = np.array([np.abs(transform @ (padded[t * hop:t * hop + window] * hann)) ** 2
                      for t in range(1 + len(x) // hop)])
    highest = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, highest, bands + 2) / 2595) - 1)
    frequency = np.linspace(0, rate / 2, window // 2 + 1)
    filters = np.array([np.interp(frequency, edges[j:j + 3], [0, 1, 0]) for j in range(bands)])
    return np.log(np.maximum(power @ filters.T, 1e-10))


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(14)
    found = {"files": files(folder, random), "resampled": [], "features": []}
    for source, target in [(8000, 16000), (16000, 8000), (22050, 16000), (44100, 16000), (11025, 8000), (48000, 16000)]:
        x = tone(150, source, random)
        found["resampled"].append({"from": source, "to": target, "samples": x.tolist(),
                                   "expected": resampled(x, source, target).tolist()})
    for rate, bands, count in [(16000, 80, 900), (8000, 40, 515), (16000, 23, 640)]:
        x = tone(count, rate, random)
        x[count // 2:count // 2 + 20] = 0
        found["features"].append({"rate": rate, "bands": bands, "samples": x.tolist(),
                                  "expected": log_mel(x, rate, bands).tolist()})
    (folder / "sound.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
