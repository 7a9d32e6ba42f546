"""Writes the optical digits as text: an image a line, 64 letters (a is 0, q is 16) row by row, then the label.

    python3 -m venv .venv && .venv/bin/pip install 'scikit-learn>=1,<2'
    .venv/bin/python Reference/digits.py Sources/CDigits/digits.txt

scikit-learn bundles the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak 1998, UCI
Machine Learning Repository, CC BY 4.0) as load_digits. The order of the images is kept.
"""

import sys

from sklearn.datasets import load_digits


def main(path: str) -> None:
    digits = load_digits()
    assert digits.data.shape == (1797, 64) and digits.data.min() == 0 and digits.data.max() == 16
    assert (digits.data == digits.data.astype(int)).all()
    with open(path, "w", encoding="ascii", newline="\n") as file:
        for pixels, label in zip(digits.data.astype(int), digits.target):
            file.write("".join(chr(ord("a") + pixel) for pixel in pixels) + f"{label}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
