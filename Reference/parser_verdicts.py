"""Compares what the readers accept with what Python's readers of the formats accept, over changed inputs.

    swift build -c release --product fuzz
    python3 Reference/parser_verdicts.py --inputs 1000000 --seed 1            # compares
    python3 Reference/parser_verdicts.py --write                              # Tests/Fixtures/fuzz/verdicts.json

The readers are those of `fuzz --verdicts`: `safetensors` against the package of this name (requirements.txt), `json`
against Python's json with repeated keys refused, `toml` against tomllib. Nothing may be accepted that Python refuses;
the other way round there are deliberate exceptions, which are counted by their reason where Python gives one:

- safetensors: repeated names and keys, white space before the header;
- json: more than 127 levels, numbers beyond a Double, halves of surrogate pairs, bytes that are not UTF-8;
- toml: dates, lists of lists, arrays of tables, whole numbers of more than 64 bits, more than 32 parts of a key, and
  two paths that are one dotted key.

Python 3.11 or newer.
"""

import argparse
import base64
import json
import struct
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "Tests" / "Fixtures" / "fuzz" / "verdicts.json"


def accepts_safetensors(data: bytes) -> bool:
    import safetensors

    try:
        safetensors.deserialize(data)
    except safetensors.SafetensorError:
        return False
    return True


def accepts_json(data: bytes) -> bool:
    def pairs(found: list[tuple[str, object]]) -> dict[str, object]:
        result = dict(found)
        if len(result) < len(found):
            raise ValueError("a repeated key")
        return result

    def constant(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(data.decode(), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError):
        return False
    return True


def accepts_toml(data: bytes) -> bool:
    try:
        tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True


PYTHON = {"safetensors": accepts_safetensors, "json": accepts_json, "toml": accepts_toml}


def verdicts(fuzz: Path, name: str, inputs: int, seed: int) -> Iterator[tuple[bytes, bool]]:
    """Inputs with whether our reader accepts them."""
    command = [fuzz, "--verdicts", name, "--inputs", str(inputs), "--seed", str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        while length := process.stdout.read(4):
            data = process.stdout.read(struct.unpack("<I", length)[0])
            yield data, process.stdout.read(1) == b"\1"
    if process.returncode:
        sys.exit(f"fuzz --verdicts {name} ended with {process.returncode}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="of each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fuzz", type=Path, default=ROOT / ".build" / "release" / "fuzz")
    parser.add_argument("--write", action="store_true", help="write the fixture of the tests")
    arguments = parser.parse_args()
    if arguments.write:
        arguments.inputs = 1500
    kept = []
    wrong = 0
    for name, accepts in PYTHON.items():
        counts = {(ours, theirs): 0 for ours in (True, False) for theirs in (True, False)}
        for data, ours in verdicts(arguments.fuzz, name, arguments.inputs, arguments.seed):
            theirs = accepts(data)
            counts[ours, theirs] += 1
            if ours and not theirs:
                wrong += 1
                print(f"{name}: accepted, but Python refuses {data!r}")
            if arguments.write and len(data) < 600:
                kept.append({"format": name, "bytes": base64.b64encode(data).decode(), "python": theirs})
        print(
            f"{name}: {arguments.inputs} inputs, {counts[True, True]} accepted by both, {counts[False, False]} by neither, "
            f"{counts[False, True]} by Python alone, {counts[True, False]} by ours alone")
    if arguments.write:
        # As many of each verdict, so that the file stays small and half of it is sound.
        chosen = []
        for name in PYTHON:
            for theirs in (True, False):
                chosen += [case for case in kept if case["format"] == name and case["python"] == theirs][:100]
        FIXTURE.parent.mkdir(parents=True, exist_ok=True)
        FIXTURE.write_text("[\n" + ",\n".join(json.dumps(case) for case in chosen) + "\n]\n")
        print(f"{FIXTURE}: {len(chosen)} cases")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
