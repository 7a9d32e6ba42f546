"""Writes `Tests/Fixtures/pytorch-state`: runs of torch.optim that are to be continued elsewhere.

A file holds `before` and `state/<name>` (parameter and optimizer state after three steps, under PyTorch's own
names), `gradients/<step>` for six steps, and `after`, the parameter after all six.
"""

from pathlib import Path

import numpy as np
import torch

from tensor_file import Tensors, write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "pytorch-state"
STEPS, BREAK = 6, 3


def write_run(rule: str) -> None:
    """Writes one run, with a break after three steps."""
    rng = np.random.default_rng(2)
    gradients = [rng.standard_normal((4, 3)) for _ in range(STEPS)]
    tensors: Tensors = {f"gradients/{t}": g for t, g in enumerate(gradients, 1)}
    parameter = torch.from_numpy(rng.standard_normal((4, 3))).requires_grad_()
    optimizer = {
        "adam": lambda: torch.optim.Adam([parameter], lr=1e-2, foreach=False),
        "adamw": lambda: torch.optim.AdamW([parameter], lr=1e-2, weight_decay=0.1, foreach=False),
        "rmsprop": lambda: torch.optim.RMSprop([parameter], lr=1e-2, foreach=False),
        "sgd": lambda: torch.optim.SGD([parameter], lr=1e-2, momentum=0.9, foreach=False),
        "adadelta": lambda: torch.optim.Adadelta([parameter], lr=1e-2, foreach=False),
        "adamax": lambda: torch.optim.Adamax([parameter], lr=1e-2, foreach=False),
        "amsgrad": lambda: torch.optim.Adam([parameter], lr=1e-2, amsgrad=True, foreach=False),
    }[rule]()
    for t, g in enumerate(gradients, 1):
        parameter.grad = torch.from_numpy(g)
        optimizer.step()
        if t == BREAK:
            tensors["before"] = parameter.detach().numpy().copy()
            for name, value in optimizer.state_dict()["state"][0].items():
                tensors[f"state/{name}"] = value.numpy().copy()
    tensors["after"] = parameter.detach().numpy()
    write_file(FOLDER / f"{rule}.safetensors", tensors, {"rule": rule, "break": str(BREAK)})


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in ["adam", "adamw", "rmsprop", "sgd", "adadelta", "adamax", "amsgrad"]:
        write_run(name)
