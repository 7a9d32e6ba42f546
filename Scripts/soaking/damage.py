"""Flipped bits in every file of a run's folder, and descriptors that are closed at the start."""

import itertools
import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor


def flip_bits(program, scenario, chooser, flips, workers=2):
    """One bit of one file of a half-made run; --resume must name the file, or end in the same bytes.

    Going on without a word is right only where nothing depends on the bit: event files, the lock, older checkpoints, and
    lines of the log after the newest checkpoint, which are written again. Damage to the newest checkpoint is named, and
    the one before it is taken. `fisher runs --verify` must name all but the lock and those lines.
    """
    whole = program.work / "undisturbed-flips"
    scenario.prepare(whole)
    program.run(scenario.start(whole))
    expected = scenario.result(whole)
    files = sorted(path.relative_to(scenario.half) for path in scenario.half.rglob("*")
                   if path.is_file() and not path.is_symlink())
    rows = []
    status, errors = program.run(["runs", "--verify", scenario.half])
    program.expect("--verify of an undamaged run", status == 0, errors[-300:])

    def one(case):
        number, (file, position, bit) = case
        folder = program.work / f"flipped-{number}"
        scenario.prepare(folder)
        path = folder / file
        data = bytearray(path.read_bytes())
        data[position] ^= 1 << bit
        path.write_bytes(data)
        what = f"bit {bit} of byte {position} of {file} flipped"
        status, _ = program.run(["runs", "--verify", folder])
        if file.name not in ("lock", "metrics.jsonl"):
            program.expect(what, status == 65, f"--verify ends with status {status}")
        found = ", --verify names it" if status == 65 else ""
        status, errors = program.run(scenario.start(folder))
        named = file.name in errors or (file.parent.name.startswith("step-") and file.parent.name in errors)
        if status == 0:
            program.compare(what, scenario, folder, expected)
            outcome = ("named, went on" if named else "went on") + found
        else:
            program.expect(what, status == 65 and named and "fisher:" in errors, f"status {status}: {errors[-300:]}")
            outcome = "refused" + found
        shutil.rmtree(folder, ignore_errors=True)
        return outcome

    for file in files:
        size = (scenario.half / file).stat().st_size
        count = min(flips, size * 8)
        if count == 0:
            continue
        cases = [(f"{file.name}-{number}", (file, chooser.randrange(size), chooser.randrange(8)))
                 for number in range(count)]
        failed = len(program.failures)
        with ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(one, cases))
        counts = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
        rows.append((str(file), count, counts, len(program.failures) - failed))
        print(f"flips: {file}: {count}: {counts}: {rows[-1][3]} failures", flush=True)
    shutil.rmtree(whole, ignore_errors=True)
    return rows


def close_descriptors(program, scenario):
    """A run whose descriptors 0 to 2 are closed in every combination: its files hold what they should."""
    before, count = len(program.failures), 0
    expected = None
    for size in range(4):
        for closed in itertools.combinations(range(3), size):
            folder = program.work / "closed"
            shutil.rmtree(folder, ignore_errors=True)
            redirections = " ".join(f"{descriptor}>&-" for descriptor in closed)
            words = " ".join(f"'{word}'" for word in map(str, [program.fisher, *scenario.start(folder)]))
            status = subprocess.run(
                f"{words} {redirections}", shell=True, env=program.environment, stdin=subprocess.DEVNULL,
                stdout=None if 1 in closed else subprocess.DEVNULL,
                stderr=None if 2 in closed else subprocess.DEVNULL).returncode
            what = f"descriptors {list(closed)} closed"
            if program.expect(what, status == 0, f"status {status}"):
                try:
                    [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
                    expected = expected or scenario.result(folder)
                    program.compare(what, scenario, folder, expected)
                except ValueError as error:
                    program.expect(what, False, f"metrics.jsonl holds something else: {error}")
            count += 1
            shutil.rmtree(folder, ignore_errors=True)
    print(f"descriptors: {count} combinations: {len(program.failures) - before} failures", flush=True)
    return (count, len(program.failures) - before)
