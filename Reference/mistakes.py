"""Makes Tests/Fixtures/mistakes/files: the files that the walked mistakes name, most of them wrong in one way.

    python3 Reference/mistakes.py

Needs nothing but Python: the tensors are a few numbers, written as safetensors by hand.
"""

import json
import pathlib
import struct
import zipfile

root = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "mistakes" / "files"
root.mkdir(parents=True, exist_ok=True)
CODES = {"F32": "f", "F64": "d", "I64": "q", "I32": "i"}


def tensors(name, **arrays):
    """Writes tensors, each a dtype, a shape and its numbers; underscores in names stand for dots."""
    header, data = {}, b""
    for key, (dtype, shape, numbers) in arrays.items():
        part = struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)
        header[key.replace("_", ".")] = {
            "dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (root / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def text(name, contents):
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(contents)


nan, inf = float("nan"), float("inf")

# A network of 3 inputs and 2 classes, six samples.
weights = {
    "0_weight": ("F64", [4, 3], [0.1 * k - 0.5 for k in range(12)]), "0_bias": ("F64", [4], [0.0, 0.1, 0.2, 0.3]),
    "2_weight": ("F64", [2, 4], [0.2 * k - 0.7 for k in range(8)]), "2_bias": ("F64", [2], [0.0, 0.1]),
}
inputs = [0.1 * k - 0.8 for k in range(18)]
classes = [0, 1, 0, 1, 1, 0]
tensors("weights", **weights)
tensors("nan-weights", **{**weights, "0_bias": ("F64", [4], [0.0, nan, 0.2, 0.3])})
tensors("vector", **weights)
tensors("inputs", inputs=("F64", [6, 3], inputs))
tensors("nan-inputs", inputs=("F64", [6, 3], inputs[:4] + [nan] + inputs[5:]))
tensors("infinite-inputs", inputs=("F64", [6, 3], inputs[:17] + [inf]))
tensors("wide-inputs", inputs=("F64", [6, 4], [0.0] * 24))
tensors("whole-inputs", inputs=("I64", [6, 3], [1] * 18))
tensors("no-inputs", inputs=("F64", [0, 3], []))
tensors("targets", targets=("I64", [6], classes))
tensors("float-targets", targets=("F32", [6], classes))
tensors("few-targets", targets=("I64", [5], classes[:5]))
tensors("class-targets", targets=("I64", [6], classes[:5] + [2]))
tensors("negative-targets", targets=("I64", [6], classes[:5] + [-1]))
batch = {"inputs": ("F64", [6, 3], inputs), "targets": ("I64", [6], classes)}
tensors("batch", **batch)
tensors("nan-batch", **{**batch, "inputs": ("F64", [6, 3], [nan] + inputs[1:])})
tensors("class-batch", **{**batch, "targets": ("I64", [6], [7] + classes[1:])})
tensors("float-batch", **{**batch, "targets": ("F32", [6], classes)})
tensors("wide-batch", **{**batch, "inputs": ("F64", [6, 4], [0.0] * 24)})



def array(kind, shape, numbers):
    """The bytes of an .npy file."""
    head = str({"descr": "<" + kind, "fortran_order": False, "shape": tuple(shape)}).encode() + b"\n"
    code = {"f8": "d", "i8": "q"}[kind]
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + struct.pack(f"<{len(numbers)}{code}", *numbers)


def archive(name, **members):
    """Writes an .npz of NumPy."""
    with zipfile.ZipFile(root / name, "w") as file:
        for key, value in members.items():
            file.writestr(zipfile.ZipInfo(key + ".npy"), value)


archive("batch.npz", inputs=array("f8", [6, 3], inputs), targets=array("i8", [6], classes))
archive("inputs.npz", inputs=array("f8", [6, 3], inputs))
text("program.py", "import os\nx = [1, 2, 3]\n")

# Parameters and gradients for fisher step.
tensors("p", w=("F64", [2], [1.0, 2.0]))
tensors("g", w=("F64", [2], [0.5, 0.5]))
tensors("other", v=("F64", [2], [0.5, 0.5]))
tensors("long", w=("F64", [3], [0.5, 0.5, 0.5]))
tensors("whole", w=("I64", [2], [1, 2]))
tensors("nan", w=("F64", [2], [1.0, nan]))
tensors("nan-gradient", w=("F64", [2], [0.5, nan]))

# What is of another kind, or damaged.
text("junk", "this is no file of any kind\n")
text("empty", "")
text("folder/readme", "A folder without a run.\n")
text("full/anything", "A folder that is in use for something else.\n")
numbers = struct.pack("<4d", 1, 2, 3, 4)
head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }"
head += b" " * (-(len(head) + 11) % 64) + b"\n"
(root / "x.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + numbers)

# Descriptions of networks.
layers = [{"linear": [3, 4]}, "tanh", {"linear": [4, 2]}]


def network(name, layers, likelihood="categorical"):
    text(name, json.dumps({"layers": layers, "likelihood": likelihood}) + "\n")


network("network.json", layers)
network("regression.json", layers, "gaussian")
network("unknown-layer.json", [{"linaer": [3, 4]}])
network("unknown-likelihood.json", layers, "categorial")
network("no-channels.json", [{"conv2d": {"in": 0, "out": 4, "kernel": 3}}])
network("negative.json", [{"linear": [3, -4]}])
network("wrong-sizes.json", [{"linear": [3, 4]}, {"linear": [5, 2]}])
text("layers.json", '{"likelihood": "categorical"}\n')

# Configurations.
text("flat.toml", "steps = 10\n")
text("misspelt.toml", "[training]\nstesp = 10\n")
text("section.toml", "[trainning]\nsteps = 10\n")
text("type.toml", '[training]\nsteps = "many"\n')
text("damaged.toml", "[training\nsteps = 10\n")
text("twice.toml", "[training]\nsteps = 10\nsteps = 20\n")
text("list.toml", "[training]\nsteps = [10, 20]\n")
text("short", "too short\n")
text("text", "".join(f"line {k * k % 97}\n" for k in range(600)))

# Tables.
rows = [(k, 0.5 * k + (k % 3), "ab"[k % 2]) for k in range(12)]
text("table.csv", "x,y,group\n" + "".join(f"{x},{y},{g}\n" for x, y, g in rows))
text("ragged.csv", "x,y\n1,2\n3\n4,5\n")
text("header.csv", "x,y\n")
text("names.csv", "x,x\n1,2\n3,4\n")
text("missing.csv", "x,y\n1,2\n3,\n4,5\n6,8\n")
text("constant.csv", "x,y\n" + "".join(f"1,{k}\n" for k in range(8)))
text("counts.csv", "x,y\n" + "".join(f"{k},{k - 3}\n" for k in range(8)))
