"""Simulated power cuts: what the disk may hold after each call of a run, and how the run goes on from there.

A run is recorded by strace with all that it writes. The record is played on a model of a file system in which only
what was synchronized is sure: bytes of a file by fsync of the file, names in a folder by fsync of the folder. After
each call that changes something, three states are what a power cut may leave: nothing else; all names, but no bytes
beyond the sure ones; and a random mixture (a prefix of each folder's changes; each file cut short or with zeros at
its end). The run is continued from each of them.
"""

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

CALLS = "openat,mkdir,mkdirat,write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,symlink,symlinkat," \
    "unlink,unlinkat,rmdir,lseek,close"


class Node:
    """A file, a folder or a link, as it is and as it surely is on the disk."""

    def __init__(self, kind, target=b""):
        self.kind, self.target = kind, target
        self.data, self.sure_data = bytearray(), b""
        self.names, self.sure_names, self.pending = {}, {}, []

    def change(self, changes):
        """Changes names at one instant; they are sure after the next synchronization."""
        self.pending.append(changes)
        self.apply(self.names, changes)

    @staticmethod
    def apply(names, changes):
        for name, node in changes:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node

    def synchronize(self):
        self.sure_data = bytes(self.data)
        self.sure_names, self.pending = dict(self.names), []


class Disk:
    """The part of a file system below one folder, changed by the calls of a record."""

    def __init__(self, root):
        self.root_path, self.root, self.open = str(root), Node("folder"), {}

    def find(self, base, path):
        """The folder node and the name that a path leads to; nothing where it is outside."""
        text = os.fsdecode(path)
        if text.startswith("/"):
            if not text.startswith(self.root_path + "/"):
                return None
            node, text = self.root, text[len(self.root_path) + 1:]
        else:
            node = base
        parts = [part for part in text.split("/") if part not in ("", ".")]
        for part in parts[:-1]:
            node = node and node.names.get(part)
        return (node, parts[-1]) if node is not None and parts else None

    def play(self, name, base, strings, numbers, flags, result):
        """Makes one call; says whether it changed what a power cut may leave."""
        if name in ("openat", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir"):
            place = self.find(base, strings[0])
            if place is None:
                return False
            folder, entry = place
            if name == "openat":
                node, made = folder.names.get(entry), False
                if node is None and "O_CREAT" in flags:
                    node, made = Node("file"), True
                    folder.change([(entry, node)])
                elif node is not None and "O_TRUNC" in flags:
                    node.data, made = bytearray(), True
                if node is not None:
                    self.open[result] = [node, 0, "O_APPEND" in flags]
                return made
            folder.change([(entry, Node("folder") if name.startswith("mkdir") else None)])
            return True
        if name.startswith("rename"):
            old, new = self.find(base, strings[0]), self.find(base, strings[1])
            if old is None or new is None:
                return False
            node = old[0].names[old[1]]
            if old[0] is new[0]:
                old[0].change([(old[1], None), (new[1], node)])
            else:
                new[0].change([(new[1], node)])
                old[0].change([(old[1], None)])
            return True
        if name.startswith("symlink"):
            place = self.find(base, strings[1])
            if place is None:
                return False
            place[0].change([(place[1], Node("link", strings[0]))])
            return True
        handle = self.open.get(numbers[0])
        if handle is None:
            return False
        node = handle[0]
        if name in ("write", "pwrite64"):
            written = strings[0][:result]
            position = len(node.data) if handle[2] else handle[1]
            if name == "pwrite64":
                position = numbers[-1]
            else:
                handle[1] = position + len(written)
            node.data[position:position + len(written)] = written
        elif name == "ftruncate":
            node.data = node.data[:numbers[1]] + bytes(max(0, numbers[1] - len(node.data)))
        elif name == "lseek":
            handle[1] = result
            return False
        elif name == "close":
            del self.open[numbers[0]]
            return False
        else:
            node.synchronize()
        return True

    def write(self, node, path, way, chooser):
        """Writes one of the states of a node to a real path."""
        if node.kind == "link":
            os.symlink(node.target, path)
        elif node.kind == "file":
            data = node.sure_data
            if way == "mixed" and data != node.data:
                length = chooser.randint(min(len(data), len(node.data)), max(len(data), len(node.data)))
                data = chooser.choice([data, bytes(node.data), bytes(node.data[:length]),
                                       bytes(node.data[:length]) + bytes(max(0, len(node.data) - length))])
            path.write_bytes(data)
        else:
            path.mkdir(parents=True)
            names = dict(node.sure_names)
            kept = {"sure": 0, "names": len(node.pending)}.get(way)
            for changes in node.pending[:chooser.randint(0, len(node.pending)) if kept is None else kept]:
                Node.apply(names, changes)
            for name, inner in names.items():
                self.write(inner, path / name, way, chooser)


def unescape(text):
    """The bytes of a string that strace printed in hexadecimal."""
    return bytes.fromhex(text.replace("\\x", ""))


def calls(log):
    """The successful calls of a record: name, descriptor of the base folder, strings, numbers, flags, result."""
    unfinished = {}
    with open(log) as lines:
        for line in lines:
            process, _, rest = line.rstrip("\n").partition(" ")
            rest = rest.strip()
            if rest.endswith("<unfinished ...>"):
                unfinished[process] = rest.removesuffix("<unfinished ...>").rstrip()
                continue
            if rest.startswith("<..."):
                rest = unfinished.pop(process, "") + rest.partition("resumed>")[2]
            match = re.match(r"(\w+)\((.*)\)\s*= (\d+)", rest)
            if not match:
                continue
            # Paths that strace adds behind descriptors are dropped.
            words = re.sub(r"<(?:\\x..)*>", "", match[2])
            strings = [unescape(text) for text in re.findall(r'"((?:\\x..)*)"', words)]
            plain = re.sub(r'"(?:\\x..)*"', "", words)
            numbers = [int(number) for number in re.findall(r"(?<![\w])\d+(?![\w])", plain)]
            yield match[1], strings, numbers, plain, int(match[3])


def cut_power(program, scenario, chooser, cuts, workers=2):
    """Continues a run from what power cuts may leave; gives the numbers of calls and of cuts."""
    whole = program.work / "undisturbed-power"
    program.run(scenario.start(whole))
    expected = scenario.result(whole)
    shutil.rmtree(whole)
    root = program.work / "power"
    root.mkdir()
    log = program.work / "power.trace"
    status, errors = program.run(scenario.start(root / "run"), timeout=600, trace=[
        "strace", "-f", "-y", "-qq", "-xx", "-s", "100000000", "-o", str(log), "-e", f"trace={CALLS}"])
    program.expect("power, recorded", status == 0, errors[-300:])
    record = list(calls(log))
    # A first playing finds the calls that change something, from which the cuts are chosen.
    changing = []
    for number, disk in played(record, root):
        changing.append(number)
    wrong = unlike(disk.root.names["run"], root / "run")
    program.expect("power, the model against the folder", not wrong, f"differ: {wrong}")
    states = [(number, way) for number in changing for way in ("sure", "names", "mixed")]
    chosen = set(states if len(states) <= cuts else chooser.sample(states, cuts))
    before, folders = len(program.failures), []

    def go_on(folder, what):
        status, errors = program.run(scenario.again(folder))
        if program.expect(what, status == 0, f"status {status}: {errors[-300:]}"):
            program.compare(what, scenario, folder, expected)
        shutil.rmtree(folder, ignore_errors=True)

    with ThreadPoolExecutor(workers) as pool:
        jobs = []
        for number, disk in played(record, root):
            for way in ("sure", "names", "mixed"):
                if (number, way) in chosen:
                    folder = program.work / f"cut-{number}-{way}"
                    disk.write(disk.root, folder, way, chooser)
                    what = f"power cut after call {number} ({record[number][0]}), {way}"
                    jobs.append(pool.submit(go_on, folder / "run", what))
            while len(jobs) > 4 * workers:
                jobs.pop(0).result()
        for job in jobs:
            job.result()
    failures = len(program.failures) - before
    print(f"power: {len(chosen)} cuts at {len(changing)} calls: {failures} failures", flush=True)
    log.unlink()
    return (len(changing), len(chosen), failures)


def unlike(node, path):
    """The paths below a folder at which a model and the file system differ."""
    if node.kind == "link":
        return [] if os.path.islink(path) and os.readlink(path) == os.fsdecode(node.target) else [str(path)]
    if node.kind == "file":
        return [] if path.is_file() and path.read_bytes() == bytes(node.data) else [str(path)]
    names = set(node.names) | {inner.name for inner in path.iterdir()}
    wrong = [str(path / name) for name in names if name not in node.names or not os.path.lexists(path / name)]
    return wrong + [text for name, inner in node.names.items() if os.path.lexists(path / name)
                    for text in unlike(inner, path / name)]


def played(record, root):
    """The number of each call that changes something, with the disk after it."""
    disk = Disk(root)
    for number, (name, strings, numbers, plain, result) in enumerate(record):
        base = disk.open.get(numbers[0], [None])[0] if numbers and not plain.lstrip().startswith("AT_FDCWD") else None
        if disk.play(name, base, strings, numbers, plain, result):
            yield number, disk
