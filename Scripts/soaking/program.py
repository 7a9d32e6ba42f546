"""The program under test: small runs, how they are started again, and what of them must be equal."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

# Statuses of a run that failed for a reason outside of it, each with one sentence.
FAILED_BY_SYSTEM = {66, 71, 73, 74, 77}
# Fields that hold times, dates, or lengths of files that hold those.
UNREPEATABLE = {
    "seconds", "date", "command", "forwardBackwardMilliseconds", "optimizerMilliseconds", "load", "resumes",
    "environment",
}

SIZES = ["model.context=32", "model.width=32", "model.layers=2", "model.heads=2", "model.dropout=0.1"]
RUN = ["data.batch=4", "data.validation_bytes=1024"]


def without_times(value):
    """A JSON value without the fields that differ between equal runs."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in UNREPEATABLE}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


class Program:
    """Starts `fisher` in folders of a scratch folder."""

    def __init__(self, fisher, work):
        self.fisher, self.work = str(Path(fisher).resolve()), Path(work)
        self.text = self.work / "text.txt"
        words = ["fisher", "adam", "metric", "step", "loss", "the", "of", "and"]
        chooser = random.Random(0)
        self.text.write_text(" ".join(chooser.choice(words) for _ in range(20000)))
        self.environment = dict(os.environ, OMP_WAIT_POLICY="passive", OMP_NUM_THREADS="1")
        self.failures = []

    def expect(self, what, condition, detail=""):
        """Notes a failure, with what was seen, unless the condition holds."""
        if not condition:
            self.failures.append(f"{what}: {detail}")
            print("FAILED", what, "-", detail, flush=True)
        return condition

    def compare(self, what, scenario, folder, expected):
        """Notes a failure unless the result in a folder is the expected one."""
        try:
            found = scenario.result(folder)
            wrong = [name for name in expected if found.get(name) != expected[name]]
        except (OSError, ValueError, LookupError) as error:
            wrong = [repr(error)]
        return self.expect(what, not wrong, f"differ: {wrong}")

    def run(self, arguments, kill_after=None, trace=(), timeout=120, **options):
        """Runs the program; gives its status (-9 where it was killed, None where it hung) and its errors."""
        process = subprocess.Popen(
            [*trace, self.fisher, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, **options)
        try:
            _, errors = process.communicate(timeout=kill_after if kill_after is not None else timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return (-9 if kill_after is not None else None), ""
        return process.returncode, errors.decode(errors="replace")


class Training:
    """A language run with dropout: weights, optimizer state and log must be those of an undisturbed run."""

    def __init__(self, program, steps=8, every=3, evaluate=4, rule="fadam"):
        self.program, self.steps, self.name = program, steps, f"train {rule}"
        settings = SIZES + RUN + [
            f"optimizer.rule={rule}", f"training.steps={steps}", f"training.evaluate_every={evaluate}",
            f"checkpoints.every={every}", "log.histograms=false",
        ]
        self.words = ["train", "language", "--text", str(program.text)]
        self.words += [word for setting in settings for word in ("--set", setting)]

    def prepare(self, folder):
        """The state before the program is started: nothing."""

    def start(self, folder):
        return [*self.words, "--output", folder]

    def again(self, folder):
        """How a user goes on: with nothing but the folder, or with the first command where no run began."""
        if (folder / "config.toml").exists():
            return ["train", "language", "--resume", "--output", folder]
        return [*self.words, "--resume", "--output", folder]

    def result(self, folder):
        last = folder / "checkpoints" / f"step-{self.steps:09}"
        newest = sorted(last.parent.glob(last.name + ".*"))
        last = newest[-1] if newest else last
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        return {
            "weights": (last / "model.safetensors").read_bytes(),
            "state": (last / "optimizer.safetensors").read_bytes(),
            "metrics": [without_times(json.loads(line)) for line in lines],
        }


class Resumption(Training):
    """The same run, killed while it marked its first best checkpoint, and started again."""

    def __init__(self, program, **options):
        super().__init__(program, **options)
        self.name = "resume"
        self.half = program.work / "half"
        if not self.half.exists():
            program.run(super().start(self.half), trace=[
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=symlink,symlinkat",
                "-e", "inject=symlink,symlinkat:signal=SIGKILL:when=1"])

    def prepare(self, folder):
        shutil.copytree(self.half, folder, symlinks=True)

    def start(self, folder):
        return ["train", "language", "--resume", "--output", folder]


class Comparison:
    """Two optimizers: all results but times must be those of an undisturbed comparison."""

    name = "compare"

    def __init__(self, program):
        settings = SIZES + RUN + [
            "training.steps=2", "training.evaluate_every=1", "log.histograms=false",
        ]
        self.words = ["compare", "language", "--text", str(program.text), "--seeds", "1"]
        self.words += ["--optimizer", "adamw", "--optimizer", "fadam"]
        self.words += [word for setting in settings for word in ("--set", setting)]

    def prepare(self, folder):
        """Nothing is there before."""

    def start(self, folder):
        return [*self.words, "--output", folder]

    def again(self, folder):
        return [*self.words, "--resume", "--output", folder]

    def result(self, folder):
        return {"results": without_times(json.loads((folder / "results.json").read_text()))}


class Report:
    """A page of two runs, replaced: it is the old one or the new one, never a part of it."""

    name = "report"

    def __init__(self, program):
        self.runs = program.work / "reported"
        if not self.runs.exists():
            for seed in (0, 1):
                training = Training(program, steps=3, every=3, evaluate=3)
                program.run([*training.start(self.runs / str(seed)), "--set", f"training.seed={seed}"])

    def prepare(self, folder):
        folder.mkdir(parents=True)
        (folder / "page.html").write_text("old\n")

    def start(self, folder):
        return ["report", self.runs, "-o", folder / "page.html"]

    again = start

    def result(self, folder):
        page = (folder / "page.html").read_text()
        return {"page": page == "old\n" or page.rstrip().endswith("</html>")}
