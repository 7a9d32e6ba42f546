"""A small GPT-2 with its tokenizer as transformers saves them, and low-rank updates of it as PEFT does.

    python Reference/language_models.py Tests/Fixtures/language

`model/` is the folder that `save_pretrained` writes, with the tokenizer of Tests/Fixtures/tokenizer; `adapter/` holds random
updates of its attention projections; `answers.safetensors` has tokens, the mean loss of every window, and the
logits of the first with and without the updates. Needs transformers 5.23.0, tokenizers 0.23.3 and peft 0.21.2 besides requirements.txt.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

from tensor_file import write_file

ROOT = Path(__file__).parent.parent
TEXT = "The gradient of the loss isn't what it's said to be:\n\n  größer als 3.14, naïve?\n" * 3


def main(folder: Path) -> None:
    generator = torch.Generator().manual_seed(16)
    config = GPT2Config(
        vocab_size=400, n_positions=24, n_embd=8, n_head=2, n_layer=2, bos_token_id=0, eos_token_id=0
    )
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.2
            parameter.copy_(1 + noise if ".ln_" in name and name.endswith("weight") else noise)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    for name in ["tokenizer.json"]:
        shutil.copy(ROOT / "Tests/Fixtures/tokenizer" / name, folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model", tokenizer_type="gpt2")
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")

    ids = torch.tensor(tokenizer(TEXT)["input_ids"])
    windows = torch.stack([ids[i : i + 25] for i in range(0, 75, 25)])
    inputs, targets = windows[:, :-1], windows[:, 1:]
    with torch.no_grad():
        logits = model(inputs).logits
        losses = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), targets, reduction="none"
        ).mean(1)

    adapted = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM", r=3, lora_alpha=6, lora_dropout=0.0, fan_in_fan_out=True,
            target_modules=["attn.c_attn", "attn.c_proj"], base_model_name_or_path="model",
        ),
    ).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        changed = adapted(inputs).logits
    adapted.peft_config["default"].base_model_name_or_path = "model"
    adapted.save_pretrained(folder / "adapter")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    # The library keeps the targets as a set.
    file = folder / "adapter" / "adapter_config.json"
    written = json.loads(file.read_text())
    written["target_modules"].sort()
    file.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    answers = {
        "inputs": inputs, "targets": targets, "losses": losses,
        "logits": logits[:1], "adapted": changed[:1],
    }
    write_file(folder / "answers.safetensors", {name: t.numpy() for name, t in answers.items()}, {})
    for file in folder.rglob("*.safetensors"):
        file.chmod(0o644)
    (folder / "text.txt").write_text(TEXT)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/language"))
