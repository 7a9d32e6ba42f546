"""Reads and writes safetensors files whose bytes depend on their contents alone.

The `safetensors` library writes metadata in no fixed order, so fixtures that must be
reproducible byte for byte are laid out here: metadata first, then the tensors in the
order of the dictionary, and the header padded with spaces to a multiple of eight.
"""

import json
import struct
from pathlib import Path

import numpy as np
from safetensors import safe_open

Tensors = dict[str, np.ndarray]

DTYPE_NAMES = {"float64": "F64", "float32": "F32", "int64": "I64"}


def write_file(path: Path, tensors: Tensors, metadata: dict[str, str]) -> None:
    """Writes `tensors` (float64, float32 or int64) with `metadata` to `path`."""
    header: dict[str, object] = {"__metadata__": metadata}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": DTYPE_NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in tensors.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_file(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Reads every tensor and the metadata of `path`, with the `safetensors` library."""
    with safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}
