"""Writes `Tests/Fixtures/gpt2`: small GPT-2s as the transformers library saves them, and their logits.

`plain` is tied and in one file, `sharded` untied in several with every option of the configuration changed,
and `base` the model without its head in bfloat16, with the masks that early versions of the library saved.
Needs transformers 5.23.0 besides `requirements.txt`.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from tensor_file import write_file

FOLDER = Path(__file__).parent.parent / "Tests" / "Fixtures" / "gpt2"
SIZES = {"vocab_size": 37, "n_positions": 9, "n_embd": 12, "n_head": 3, "bos_token_id": 0, "eos_token_id": 1}
CASES = {
    "plain": GPT2Config(**SIZES, n_layer=2),
    "sharded": GPT2Config(
        **SIZES,
        n_layer=2,
        n_inner=20,
        activation_function="gelu",
        layer_norm_epsilon=1e-3,
        tie_word_embeddings=False,
        scale_attn_by_inverse_layer_idx=True,
        resid_pdrop=0.0,
        embd_pdrop=0.25,
        attn_pdrop=0.5,
    ),
    "base": GPT2Config(**SIZES, n_layer=1, activation_function="relu", scale_attn_weights=False),
}


def randomise(model: GPT2LMHeadModel, generator: torch.Generator) -> None:
    """Gives every parameter, norms and biases too, random numbers that bfloat16 has; norm weights are around one."""
    for name, parameter in model.named_parameters():
        is_matrix = parameter.ndim == 2 and "wte" not in name and "wpe" not in name
        scale = 1.0 / math.sqrt(parameter.shape[0]) if is_matrix else 0.3
        offset = 1.0 if "ln_" in name and name.endswith("weight") else 0.0
        values = offset + scale * torch.randn(parameter.shape, generator=generator)
        parameter.data = values.bfloat16().float()


def save(name: str, model: GPT2LMHeadModel) -> None:
    """Saves a model in the manner of its case."""
    folder = FOLDER / name
    if name != "base":
        model.save_pretrained(folder, max_shard_size="6KB" if name == "sharded" else "1GB")
    else:
        model.config.save_pretrained(folder)
        tensors = {key: value.bfloat16().contiguous() for key, value in model.transformer.state_dict().items()}
        tensors["h.0.attn.bias"] = torch.ones(9, 9).tril().view(1, 1, 9, 9)
        tensors["h.0.attn.masked_bias"] = torch.tensor(-1e4)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "generation_config.json").unlink(missing_ok=True)
    configuration = folder / "config.json"
    configuration.write_text(json.dumps(json.loads(configuration.read_text()), indent=1, sort_keys=True) + "\n")


def main() -> None:
    """Writes every case and its answers."""
    torch.set_num_threads(1)
    for seed, (name, configuration) in enumerate(CASES.items()):
        generator = torch.Generator().manual_seed(seed)
        model = GPT2LMHeadModel(configuration).eval()
        randomise(model, generator)
        model.tie_weights()
        save(name, model)
        tokens = torch.randint(configuration.vocab_size, (3, 7), generator=generator)
        with torch.no_grad():
            answers = {"tokens": tokens.numpy(), "logits32": model(tokens).logits.numpy()}
            answers["logits64"] = model.double()(tokens).logits.numpy()
        write_file(FOLDER / f"{name}.safetensors", answers, {"transformers": "5.23.0"})
    print(f"{len(CASES)} folders written to {FOLDER}")


if __name__ == "__main__":
    main()
