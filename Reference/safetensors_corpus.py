"""Writes `Tests/Fixtures/safetensors`: sound and malformed files, each put to the library.

`index.json` lists the files. `reference` is the verdict of the Python `safetensors` library, asked
while this script runs, with its message in `referenceError`; `strict` is what a reader should do that
follows the format's specification where the library is lenient ("either" where that says nothing);
`problem` says what is wrong with the file or peculiar about it. `tensors` holds the dtype, the shape
and the bytes (hexadecimal, little-endian) of what a file contains, where it is sound.
"""

import json
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save

from safetensors_cases import MALFORMED, PECULIAR, Case, Entry

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "safetensors"


def sound_files() -> list[Case]:
    """Files written by the library, with one metadata key at most: it writes several in no fixed order."""
    counts = torch.arange(6).reshape(2, 3)
    dtypes = {
        name: (counts - 2 if name[0] in "FBI" else counts).to(dtype)
        for name, dtype in {
            "F64": torch.float64,
            "F32": torch.float32,
            "F16": torch.float16,
            "BF16": torch.bfloat16,
            "I64": torch.int64,
            "I32": torch.int32,
            "U8": torch.uint8,
            "BOOL": torch.bool,
        }.items()
    }
    special = torch.tensor([float("nan"), float("inf"), float("-inf"), -0.0, 1e-45, 3.4028234663852886e38])
    scalars = {
        "f": torch.tensor(0.1),
        "d": torch.tensor(0.1, dtype=torch.float64),
        "i": torch.tensor(-(2**62)),
        "b": torch.tensor(True),
        "h": torch.tensor(0.1, dtype=torch.bfloat16),
    }
    empty = {
        "vector": torch.zeros(0),
        "middle": torch.zeros(3, 0, 2, dtype=torch.int64),
        "one": torch.ones(1),
    }
    names = {
        "größe": torch.ones(1),
        "重み/層.0": torch.zeros(2),
        "🐟": torch.ones(3),
        'a b\t"\\': torch.ones(1),
    }
    return [
        ("dtypes", "accept", "every dtype", save(dtypes)),
        (
            "special-values",
            "accept",
            "not a number, infinities, negative zero, a subnormal, the largest",
            save({"values": special}),
        ),
        ("scalars", "accept", "tensors of rank 0", save(scalars)),
        ("empty-tensors", "accept", "tensors without elements", save(empty)),
        ("unicode", "accept", "names and metadata beyond ASCII", save(names, {"ключ": '值 "🐟"'})),
        ("metadata", "accept", "metadata", save({"a": torch.ones(2, 2)}, {"format": "pt"})),
        (
            "rank-8",
            "accept",
            "a tensor of rank 8",
            save({"a": torch.arange(4.0).reshape(1, 2, 1, 1, 2, 1, 1, 1)}),
        ),
    ]


def verdict(path: Path) -> Entry:
    """What the library says of a file, from memory and mapped; the two must agree."""
    try:
        tensors = safetensors.deserialize(path.read_bytes())
    except safetensors.SafetensorError as error:
        try:
            with safetensors.safe_open(path, framework="pt"):
                raise AssertionError(f"safe_open accepts {path.name}")
        except safetensors.SafetensorError:
            # Which of two tensors with the same offsets is named changes from run to run.
            return {"reference": "refuse", "referenceError": str(error).split(" for tensor `")[0]}
    with safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        assert sorted(file.keys()) == sorted(name for name, _ in tensors), path.name
    contents = {
        name: {"dtype": t["dtype"], "shape": t["shape"], "bytes": bytes(t["data"]).hex()}
        for name, t in sorted(tensors)
    }
    return {"reference": "accept", "metadata": dict(sorted((metadata or {}).items())), "tensors": contents}


def main() -> None:
    """Writes the files and their index."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    index: list[Entry] = []
    sources = (("library", sound_files()), ("peculiar", PECULIAR), ("malformed", MALFORMED))
    for origin, cases in sources:
        for name, strict, problem, data in cases:
            path = FOLDER / f"{origin}-{name}.safetensors"
            path.write_bytes(data)
            index.append({"file": path.name, "strict": strict, "problem": problem} | verdict(path))
    text = json.dumps(index, indent=1, ensure_ascii=False)
    (FOLDER / "index.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(index)} files written to {FOLDER}")


if __name__ == "__main__":
    main()
