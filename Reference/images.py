"""Writes `Tests/Fixtures/images`: small image files and their pixels as Pillow decodes them.

    python3 -m venv .venv && .venv/bin/pip install -r Reference/requirements.txt
    .venv/bin/python Reference/images.py

`pixels.json` holds for each file its width, height, channels and levels row by row; for `resized` the levels of
Pillow's triangle filter after the shorter side was brought to the wanted size, and the center cut out. `idx` and `cifar`
are small data sets in the formats of MNIST and CIFAR-10, whose levels follow from formulas that the tests repeat.
"""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "images"


def picture(height: int, width: int, channels: int) -> np.ndarray:
    """Smooth levels, so that JPEG keeps them, with an edge."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [
        40 + 150 * (0.5 + 0.5 * np.sin(0.4 * x + 0.3 * y * (k + 1))) + 30 * (x > width // 2) * (k != 1)
        for k in range(channels)
    ]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    """An array of bytes in the format of MNIST."""
    head = struct.pack(">BBBB", 0, 0, 8, array.ndim) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype(np.uint8).tobytes()


def main() -> None:
    """Writes everything."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    color = Image.fromarray(picture(9, 12, 3))
    gray = Image.fromarray(picture(9, 12, 1)[..., 0])
    alpha = color.copy()
    alpha.putalpha(gray)
    files = {
        "color.png": (color, {}),
        "gray.png": (gray, {}),
        "palette.png": (color.quantize(16), {}),
        "alpha.png": (alpha, {}),
        "color.jpg": (color, {"quality": 92}),
        "gray.jpg": (gray, {"quality": 92}),
        "progressive.jpg": (color, {"quality": 92, "progressive": True, "subsampling": 0}),
        "color.webp": (color, {"lossless": True}),
        "color.gif": (color, {}),
        "color.tiff": (color, {}),
    }
    pixels: dict[str, object] = {}
    for name, (image, options) in files.items():
        image.save(FOLDER / name, **options)
        decoded = Image.open(FOLDER / name)
        levels = np.asarray(decoded.convert("L" if decoded.mode == "L" else "RGB"))
        channels = 1 if levels.ndim == 2 else 3
        pixels[name] = {
            "width": levels.shape[1], "height": levels.shape[0], "channels": channels,
            "levels": levels.ravel().tolist(),
        }  # fmt: skip
    large = Image.fromarray(picture(30, 45, 3))
    large.save(FOLDER / "large.png")
    scaled = large.resize((18, 12), Image.Resampling.BILINEAR)
    left = (scaled.width - 10) // 2
    resized = np.asarray(scaled.crop((left, 0, left + 10, 12)))
    pixels["resized"] = {"width": 10, "height": 12, "channels": 3, "levels": resized.ravel().tolist()}
    grayed = np.asarray(color.convert("L"))
    pixels["grayed"] = {"width": 12, "height": 9, "channels": 1, "levels": grayed.ravel().tolist()}
    (FOLDER / "pixels.json").write_text(json.dumps(pixels) + "\n")
    images = (np.arange(5 * 4 * 3) * 7 % 256).reshape(5, 4, 3)
    data = gzip.compress(idx(images), mtime=0)
    (FOLDER / "images-idx3-ubyte.gz").write_bytes(data)


if __name__ == "__main__":
    main()
