"""Two hosts: network namespaces joined by a pair of virtual devices, each with files of its own where a case asks for it."""

import os
import shutil
import subprocess
import time

from .processes import SharedTraining

NAMES = ("fisher-soak-0", "fisher-soak-1")
# How long processes wait for each other, and how much longer they may take to say so.
TIMEOUT, PATIENCE = 6, 14


def system(text):
    subprocess.run(text.split(), check=True)


class Hosts:
    """The two, while they are there; as root."""

    def __enter__(self):
        for name in NAMES:
            system(f"ip netns add {name}")
        system(f"ip link add fs0 netns {NAMES[0]} type veth peer name fs1 netns {NAMES[1]}")
        for number, name in enumerate(NAMES):
            system(f"ip -n {name} addr add 10.98.0.{number + 1}/24 dev fs{number}")
            system(f"ip -n {name} link set lo up")
            system(f"ip -n {name} link set fs{number} up")
        return self

    def __exit__(self, *_):
        for name in NAMES:
            system(f"ip netns del {name}")

    def cut(self, isCut):
        """Cuts the second host off, or joins it again."""
        system(f"ip -n {NAMES[1]} link set fs1 {'down' if isCut else 'up'}")

    def start(self, program, arguments, before="true", more=()):
        """One process on each; the second host does something first that it alone sees, and has more arguments."""
        processes = []
        for rank, name in enumerate(NAMES):
            place = dict(program.environment, RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="10.98.0.1", MASTER_PORT="29640",
                         GLOO_SOCKET_IFNAME=f"fs{rank}")
            own = [*arguments, *more] if rank else arguments
            words = " ".join(f"'{word}'" for word in map(str, [program.fisher, *own]))
            processes.append(subprocess.Popen(
                ["ip", "netns", "exec", name, "sh", "-c", f"{before if rank else 'true'} && exec {words}"], env=place,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        return processes


def ended(processes, limit):
    """The statuses and the errors of all; a status is nothing where one hung."""
    end, found = time.monotonic() + limit, []
    for process in processes:
        try:
            _, errors = process.communicate(timeout=max(end - time.monotonic(), 0.1))
            found.append((process.returncode, errors))
        except subprocess.TimeoutExpired:
            process.kill()
            found.append((None, process.communicate()[1]))
    return found


def separate_hosts(program):
    """What differs between two hosts, and a link that is cut in mid-step; gives rows of a table."""
    if os.geteuid() != 0:
        print("hosts: only root can make network namespaces; passed over", flush=True)
        return []
    other = program.work / "other.txt"
    other.write_text(program.text.read_text().replace("metric", "matrix"))
    runs = program.work / "hosts"
    language = ["train", "language", "--text", program.text, "--steps", 400, "--threads", 1, "--process-timeout", TIMEOUT]
    for setting in ("model.context=32", "model.width=32", "model.layers=2", "model.heads=2", "data.batch=4",
                    "data.validation_bytes=1024"):
        language += ["--set", setting]
    cases = [
        ("another file of the same name", f"mount --bind {other} {program.text}", (), "the data are"),
        ("a folder that is not shared", f"mount -t tmpfs none {runs}", (), "the folder must be one that"),
        ("another option", "true", ("--seed", 3), "training.seed is"),
    ]
    rows = []
    with Hosts() as hosts:
        for name, before, more, words in cases:
            shutil.rmtree(runs, ignore_errors=True)
            runs.mkdir()
            begin, failed = time.monotonic(), len(program.failures)
            processes = hosts.start(program, [*language, "--output", runs / "run"], before, more)
            check(program, name, ended(processes, 3 * TIMEOUT + PATIENCE), words)
            rows.append((name, f"{time.monotonic() - begin:.1f}", len(program.failures) - failed))
        rows.append(cut_off(program, hosts, runs))
    return rows


def check(program, name, ends, words):
    """Both processes ended with one sentence that has these words."""
    for rank, (status, errors) in enumerate(ends):
        sentences = [line for line in errors.splitlines() if line.startswith("fisher:")]
        what = f"{name}, rank {rank}"
        program.expect(what, status not in (None, 0), f"status {status}: {errors[-300:]}")
        program.expect(what, len(sentences) == 1 and words in sentences[0], f"{sentences}")
        print(f"hosts: {what}: status {status}: {sentences[-1:]}", flush=True)


def cut_off(program, hosts, runs):
    """The second host is cut off in mid-step; both end, and go on to the same bits when it is back."""
    training, failed = SharedTraining(program, "adamw", steps=600), len(program.failures)
    words = [*training.words, "--resume"]
    words[words.index("--process-timeout") + 1] = TIMEOUT
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir()
    for status, errors in ended(hosts.start(program, [*words, "--output", runs / "whole"]), 120):
        program.expect("two hosts, undisturbed", status == 0, errors[-300:])
    processes = hosts.start(program, [*words, "--output", runs / "cut"])
    while processes[0].poll() is None and not any((runs / "cut").glob("checkpoints/step-*/MANIFEST")):
        time.sleep(0.01)
    hosts.cut(True)
    begin = time.monotonic()
    ends = ended(processes, 3 * TIMEOUT + PATIENCE)
    check(program, "cut off in mid-step", ends, "does not answer")
    for status, _ in ends:
        program.expect("cut off in mid-step", status == 75, f"status {status}, and there is a checkpoint")
    seconds = time.monotonic() - begin
    hosts.cut(False)
    for status, errors in ended(hosts.start(program, [*words, "--output", runs / "cut"]), 120):
        program.expect("two hosts, joined again", status == 0, errors[-300:])
    found, expected = training.bits(runs / "cut"), training.bits(runs / "whole")
    wrong = [part for part in expected if found[part] != expected[part]]
    program.expect("two hosts, joined again", not wrong, f"differ: {wrong}")
    return ("cut off in mid-step, then joined again", f"{seconds:.1f}", len(program.failures) - failed)
