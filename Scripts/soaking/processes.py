"""Kills of one of the processes that share the batches of a run, at random instants."""

import array
import json
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from .program import without_times

RULES = ["adamw", "fadam", "kfac", "ekfac", "shampoo", "soap", "muon", "sgd", "kronecker_fadam", "adafactor"]
# The numbers of processes of a trial: before the kill, and after it. Equal numbers must end in equal bits.
NUMBERS = [(2, 2), (3, 3), (2, 3), (3, 2), (2, 1), (4, 4), (4, 2)]
# Another number of processes adds in another order. How far that moves an undisturbed run says what it explains.
SLACK = 4


def numbers(path):
    """The tensors of a safetensors file, as lists of numbers by name; bytes where they are neither float32 nor int64."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    found = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        piece = data[8 + length + begin:8 + length + end]
        kind = {"F32": "f", "I64": "q"}.get(entry["dtype"])
        found[name] = list(array.array(kind, piece)) if kind else piece
    return found


def distance(one, other):
    """The largest difference of two lists of losses or weights, as a share of the largest number."""
    scale = max(map(abs, one), default=1) or 1
    return max((abs(a - b) for a, b in zip(one, other, strict=True)), default=0) / scale


class SharedTraining:
    """A small run whose batches several processes share."""

    def __init__(self, program, rule, steps=120):
        self.rule, self.steps = rule, steps
        settings = [f"optimizer.rule={rule}", f"training.steps={steps}", "training.evaluate_every=20",
                    "checkpoints.every=10", "log.histograms=false"]
        self.words = ["train", "digits", "--network", "perceptron", "--threads", "1", "--process-timeout", "60"]
        self.words += [word for setting in settings for word in ("--set", setting)]

    def start(self, folder, count):
        return [*self.words, "--processes", count, "--resume", "--output", folder]

    def last(self, folder):
        return Path(folder) / "checkpoints" / f"step-{self.steps:09}"

    def bits(self, folder):
        """What must have the same bytes where the number of processes is the same."""
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        states = sorted(self.last(folder).glob("optimizer*.safetensors"))
        return {
            "weights": (self.last(folder) / "model.safetensors").read_bytes(),
            "state": [(path.name, path.read_bytes()) for path in states],
            "metrics": [without_times(json.loads(line)) for line in lines],
        }

    def sizes(self, folder):
        """The weights, the losses of all steps, and the names and sizes of the optimizer's state."""
        weights = numbers(self.last(folder) / "model.safetensors")
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        states = [numbers(path) for path in self.last(folder).glob("optimizer*.safetensors")]
        shape = {}
        for state in states:
            for name, values in state.items():
                shape[name] = shape.get(name, 0) + len(values)
        return {
            "weights": [value for name in sorted(weights) for value in weights[name]],
            "losses": [line["loss"] for line in lines if "loss" in line], "state": shape,
        }


def members(session):
    """The processes of a session that still run, with their parents."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            state, parent, _, own = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[:4]
        except (OSError, ValueError):
            continue
        if int(own) == session and state not in "ZX":
            found[int(entry)] = int(parent)
    return found


class Trial:
    """One start of a command whose processes share the work, of which one is killed; -1 for the one that started them."""

    def __init__(self, program, arguments, victim, instant):
        self.scratch = Path(tempfile.mkdtemp(dir=program.work))
        self.errors = self.scratch / "errors"
        with open(self.errors, "wb") as errors:
            process = subprocess.Popen(
                [program.fisher, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=errors, env=dict(program.environment, TMPDIR=str(self.scratch)), start_new_session=True)
        time.sleep(instant)
        self.was_killed = self.kill(process, victim)
        begin = time.monotonic()
        try:
            self.status = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.status = process.wait() and None
        self.seconds = time.monotonic() - begin
        self.left = members(process.pid)
        # A process learns of its parent's end from the system.
        while self.left and time.monotonic() - begin < self.seconds + 20:
            time.sleep(0.02)
            self.left = members(process.pid)
        for number in self.left:
            os.kill(number, signal.SIGKILL)
        lines = self.errors.read_text(errors="replace").splitlines()
        self.sentences = [line for line in lines if line.startswith("fisher:")]
        self.text = "\n".join(lines)[-400:]
        self.litter = [path.name for path in self.scratch.iterdir() if path.name != "errors"]
        shutil.rmtree(self.scratch, ignore_errors=True)

    @staticmethod
    def kill(process, victim):
        """Whether there was such a process to kill."""
        if process.poll() is not None:
            return False
        # They were started in the order of their ranks.
        ranks = sorted(number for number, parent in members(process.pid).items() if parent == process.pid)
        if victim >= len(ranks):
            return False
        os.kill(process.pid if victim < 0 else ranks[victim], signal.SIGKILL)
        return True


def kill_one(program, training, folder, victim, instant, count):
    """Kills one process; gives the status, or nothing where the run had come to its end before."""
    trial = Trial(program, training.start(folder, count), victim, instant)
    if not trial.was_killed:
        return None
    what = f"{training.rule}, {count} processes, rank {victim} killed after {instant:.2f} s"
    program.expect(what, not trial.left, f"processes are left: {trial.left}")
    if victim < 0:
        program.expect(what, trial.status == -signal.SIGKILL, f"status {trial.status}: {trial.text}")
        return "launcher"
    saved = any(folder.glob("checkpoints/step-*/MANIFEST"))
    program.expect(what, trial.status == (75 if saved else 74), f"saved {saved}, status {trial.status}: {trial.text}")
    program.expect(what, len(trial.sentences) == 1, f"{len(trial.sentences)} sentences: {trial.text}")
    program.expect(what, not trial.litter, f"left in the temporary folder: {trial.litter}")
    program.expect(what, trial.seconds < 15, f"ended {trial.seconds:.1f} s after the kill")
    return trial.status


def kill_processes(program, kills, chooser):
    """Kills one process of a run, goes on with as many or another number, and compares the ends; gives rows of a table."""
    rows = []
    rules = RULES[:max(1, min(len(RULES), kills))]
    for place, rule in enumerate(rules):
        training, before = SharedTraining(program, rule), len(program.failures)
        whole, seconds, done, statuses, far = {}, {}, 0, [], {}

        def undisturbed(count):
            if count not in whole:
                folder = program.work / f"shared-{rule}-{count}"
                begin = time.monotonic()
                status, errors = program.run(training.start(folder, count))
                seconds[count] = time.monotonic() - begin
                program.expect(f"{rule}, {count} processes, undisturbed", status == 0, errors[-300:])
                whole[count] = folder
            return whole[count]

        for trial in range(kills * (place + 1) // len(rules) - kills * place // len(rules)):
            first, second = NUMBERS[(3 * place + trial) % len(NUMBERS)]
            undisturbed(first), undisturbed(second)
            folder = program.work / f"shared-{rule}-killed"
            status = None
            for _ in range(20):
                if status is not None:
                    break
                shutil.rmtree(folder, ignore_errors=True)
                victim = chooser.randrange(-1, first) if trial == 0 else chooser.randrange(first)
                status = kill_one(program, training, folder, victim, chooser.uniform(0.05, seconds[first]), first)
            if not program.expect(f"{rule}, {first} processes", status is not None, "none could be killed"):
                break
            done += 1
            statuses.append(status)
            what = f"{rule} killed with {first} processes, resumed with {second}"
            status, errors = program.run(training.start(folder, second))
            if not program.expect(what, status == 0, f"status {status}: {errors[-300:]}"):
                continue
            if first == second:
                found, expected = training.bits(folder), training.bits(whole[first])
                wrong = [name for name in expected if found[name] != expected[name]]
                program.expect(what, not wrong, f"differ: {wrong}")
            else:
                found, one, other = (training.sizes(path) for path in (folder, whole[first], whole[second]))
                program.expect(what, found["state"] == other["state"], "the state has other tensors or sizes")
                for name in ("weights", "losses"):
                    moved, order = distance(other[name], found[name]), distance(other[name], one[name])
                    program.expect(what, moved <= SLACK * max(order, 1e-6), f"{name} {moved:.1e}, by order {order:.1e}")
                    far[name] = max(far.get(name, (0, 0)), (moved, order))
        for path in (*whole.values(), program.work / f"shared-{rule}-killed"):
            shutil.rmtree(path, ignore_errors=True)
        failures = len(program.failures) - before
        counts = ", ".join(f"{statuses.count(status)} {status}" for status in sorted(set(statuses), key=str))
        moves = [f"{far[name][0]:.0e} ({far[name][1]:.0e})" if far else "" for name in ("weights", "losses")]
        rows.append((rule, done, counts, *moves, failures))
        print(f"processes: {rule}: {done} kills, statuses {counts}: {failures} failures", flush=True)
    return rows
