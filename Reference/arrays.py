"""Writes `Tests/Fixtures/arrays`: the files of NumPy that FisherData reads, and such as it refuses.

    python3 -m venv .venv && .venv/bin/pip install -r Reference/requirements.txt
    .venv/bin/python Reference/arrays.py

Every sound array is 0 to 5 in three rows of two (halves less 2 for floats, the remainder by two for Booleans), so that the
tests need no file of expected numbers.
"""

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "arrays"


def main() -> None:
    """Writes everything."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    whole = np.arange(6).reshape(3, 2)
    halves = whole / 2 - 2
    for code in ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]:
        for order in "<>" if code[1] != "1" else "|":
            np.save(FOLDER / f"{'big-' if order == '>' else ''}{code}.npy", whole.astype(order + code))
    for code in ["f2", "f4", "f8"]:
        for order in "<>":
            np.save(FOLDER / f"{'big-' if order == '>' else ''}{code}.npy", halves.astype(order + code))
    np.save(FOLDER / "b1.npy", whole % 2 == 1)
    np.save(FOLDER / "fortran-f4.npy", np.asfortranarray(halves.astype("<f4")))
    np.save(FOLDER / "fortran-big-i2.npy", np.asfortranarray(whole.astype(">i2")))
    np.save(FOLDER / "list.npy", np.arange(3))
    np.save(FOLDER / "scalar.npy", np.float64(1.5))
    for version in [(2, 0), (3, 0)]:
        with open(FOLDER / f"version-{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, halves.astype("<f4"), version=version)
    np.savez(FOLDER / "stored.npz", x=halves.astype("<f4"), y=np.arange(3))
    np.savez_compressed(FOLDER / "deflated.npz", x=halves.astype("<f4"), y=np.arange(3))
    np.savez(FOLDER / "other-names.npz", first=halves, second=whole)
    np.save(FOLDER / "bad-object.npy", np.array([1, "a", None], dtype=object), allow_pickle=True)
    np.save(FOLDER / "bad-complex.npy", np.array([1 + 2j]))
    np.save(FOLDER / "bad-text.npy", np.array(["a", "bc"]))
    np.save(FOLDER / "bad-date.npy", np.array(["2026-01-01"], dtype="datetime64[D]"))
    np.save(FOLDER / "bad-record.npy", np.zeros(2, dtype=[("a", "i4"), ("b", "f4")]))
    np.save(FOLDER / "bad-large.npy", np.array([2**63], dtype="u8"))


if __name__ == "__main__":
    main()
