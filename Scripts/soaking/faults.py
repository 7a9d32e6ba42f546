"""Failing system calls, one at a time: the Nth call fails, for every N, and the work is then done again."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from .program import FAILED_BY_SYSTEM

# What each call is made to do. strace counts the calls of each name apart.
WRITES = ["ENOSPC", "EIO", "kill"]
READS = ["EIO", "kill"]
WAYS = {
    "openat": ["EIO", "EACCES", "kill"], "mkdir": WRITES, "mkdirat": WRITES, "write": WRITES, "pwrite64": WRITES,
    "writev": WRITES, "fsync": WRITES, "fdatasync": WRITES, "rename": WRITES, "renameat": WRITES, "renameat2": WRITES,
    "symlink": WRITES, "symlinkat": WRITES, "unlink": READS, "unlinkat": READS, "rmdir": READS, "ftruncate": WRITES,
    "read": READS, "pread64": READS, "getdents64": READS, "fstat": ["EIO"], "newfstatat": ["EIO"], "statx": ["EIO"],
    "readlink": ["EIO"], "readlinkat": ["EIO"], "flock": ["EIO"], "fchmod": ["EIO"], "lseek": ["EIO"],
}


def own_calls(program, scenario):
    """The numbers of the calls that touch the scenario's folder, by name, in an undisturbed run."""
    folder = program.work / f"counted-{scenario.name.replace(' ', '-')}"
    log = folder.with_suffix(".trace")
    shutil.rmtree(folder, ignore_errors=True)
    scenario.prepare(folder)
    names = ",".join(WAYS)
    program.run(scenario.start(folder), trace=["strace", "-f", "-y", "-qq", "-o", str(log), "-e", f"trace={names}"])
    counts, found, main = {}, {}, None
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if not match or "resumed>" in line:
            continue
        main = main or match[1]
        if match[1] != main:
            continue
        counts[match[2]] = counts.get(match[2], 0) + 1
        if str(folder) in line:
            found.setdefault(match[2], []).append(counts[match[2]])
    shutil.rmtree(folder, ignore_errors=True)
    log.unlink()
    return found


def break_one(program, scenario, name, number, way, expected):
    """One call fails; the program ends with a sentence, or goes on; then the work is done again."""
    folder = program.work / f"broken-{scenario.name.replace(' ', '-')}-{name}-{number}-{way}"
    what = f"{scenario.name}: {way} at call {number} of {name}"
    shutil.rmtree(folder, ignore_errors=True)
    scenario.prepare(folder)
    fault = "signal=SIGKILL" if way == "kill" else f"error={way}"
    status, errors = program.run(scenario.start(folder), trace=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}",
        "-e", f"inject={name}:{fault}:when={number}"])
    allowed = {0, -9, 137} if way == "kill" else {0} | FAILED_BY_SYSTEM
    good = program.expect(what, status in allowed, f"status {status}: {errors[-300:]}")
    if way != "kill" and status != 0:
        good &= program.expect(what, "fisher:" in errors, "no sentence")
    if status != 0 and good:
        status, errors = program.run(scenario.again(folder))
        good &= program.expect(what + ", again", status == 0, f"status {status}: {errors[-300:]}")
    if good:
        program.compare(what, scenario, folder, expected)
        if way != "kill" and leftovers(folder):
            # What could not be removed is removed at the next start.
            program.run(scenario.again(folder))
            program.expect(what, not leftovers(folder), f"left over: {leftovers(folder)}")
    shutil.rmtree(folder, ignore_errors=True)


def leftovers(folder):
    """The names of unfinished files and folders."""
    return [path.name for path in folder.rglob("*") if re.search(r"partial|\.tmp", path.name)]


def break_every_call(program, scenario, chooser, limit=None, workers=2):
    """Every call of every group in turn, or as many as `limit` of a group; gives the rows of a table."""
    whole = program.work / f"undisturbed-{scenario.name.replace(' ', '-')}"
    scenario.prepare(whole)
    status, errors = program.run(scenario.start(whole))
    program.expect(f"{scenario.name}, undisturbed", status == 0, errors[-300:])
    expected = scenario.result(whole)
    rows = []
    for name, numbers in own_calls(program, scenario).items():
        chosen = numbers if limit is None or len(numbers) <= limit else sorted(chooser.sample(numbers, limit))
        before = len(program.failures)
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(
                lambda case: break_one(program, scenario, name, *case, expected),
                [(number, way) for number in chosen for way in WAYS[name]]))
        row = (scenario.name, name, len(numbers), len(chosen), ", ".join(WAYS[name]), len(program.failures) - before)
        rows.append(row)
        print(f"{row[0]}: {row[1]}: {row[3]} of {row[2]} calls, {row[4]}: {row[5]} failures", flush=True)
    shutil.rmtree(whole, ignore_errors=True)
    return rows
