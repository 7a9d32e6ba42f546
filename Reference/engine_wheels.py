#!/usr/bin/env python3
"""Lists the wheels of torch that the package index offers, with their hashes, for Scripts/prepare-engine.

    python3 -I Reference/engine_wheels.py > Scripts/engine-wheels.txt

pip is asked for each processor and each Python what it would install (about 6 minutes; nothing is installed), once
for the build that it prefers, which may be one without CUDA, and once for the build of the plain version.
"""

import json
import subprocess
import sys
import tempfile
import urllib.parse

VERSION = "2.13.0"
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_14_0_arm64"]
PYTHONS = ["310", "311", "312", "313", "314", "314t"]


def wheel(requirement: str, platform: str, python: str) -> tuple[str, str] | None:
    """The file that pip would install and its SHA-256; nothing where there is none."""
    with tempfile.TemporaryDirectory() as folder:
        report = folder + "/report.json"
        command = [
            sys.executable, "-I", "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed",
            "--target", folder + "/target", "--only-binary=:all:", "--platform", platform, "--implementation", "cp",
            "--python-version", python.rstrip("t"), "--abi", "cp" + python, "--report", report, requirement,
        ]
        if subprocess.run(command, capture_output=True).returncode != 0:
            return None
        with open(report) as file:
            found = json.load(file)["install"][0]["download_info"]
    return urllib.parse.unquote(found["url"].rsplit("/", 1)[1]), found["archive_info"]["hashes"]["sha256"]


def main() -> None:
    found = {}
    for platform in PLATFORMS:
        for python in PYTHONS:
            for requirement in (f"torch=={VERSION}", f"torch==={VERSION}"):
                if entry := wheel(requirement, platform, python):
                    found[entry[0]] = entry[1]
    names = sorted(found)
    print(f"# The wheels of torch {VERSION} that Scripts/prepare-engine accepts, in pip's format of requirements.")
    print("# Builds with +cpu in their names have no CUDA. Made by: python3 -I Reference/engine_wheels.py")
    print(f"torch=={VERSION} \\")
    print(" \\\n".join(f"    --hash=sha256:{found[name]}" for name in names) + "\n")
    for name in names:
        print(f"# {found[name][:16]} {name}")


if __name__ == "__main__":
    main()
