"""A small byte-level BPE tokenizer and what transformers makes of difficult texts with it.

    python Reference/tokenizer.py Tests/Fixtures/tokenizer

Trains a vocabulary of 400 tokens on a made text with the tokenizers library and writes `tokenizer.json`, `vocab.json` and
`merges.txt` as transformers saves them, and `cases.json`: texts with their tokens by transformers' tokenizer of GPT-2, with and
without a space before the text. Needs `pip install tokenizers transformers` besides requirements.txt (tokenizers 0.23.3 and
transformers 5.23.0 wrote the fixtures).
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

# Without long runs of one word, so that merges of several lengths arise.
SENTENCES = [
    "The quick brown fox jumps over the lazy dog; it's 1984, and they're not amused.",
    "We'll see what you've done: I'd say that it isn't what he'd want, I'm sure.",
    "def step(self, loss):\n        return self.weights - self.rate * self.gradient\n",
    "In the beginning there was the information, and the information was of Fisher.",
    "Größe, naïve, façade, Привет мир, こんにちは世界, 你好，世界, مرحبا",
    "The gradient of the loss is the mean of the gradients of the samples.  Two  spaces.\n\n\tTabs\n",
    "3.14159, 2718, 1000000, x_1 = y_2 + z[3] << 4; // comment!!! ???",
]

# Written out, so that the file shows what is tried.
CASES = [
    "",
    " ",
    "  ",
    "\n",
    "\n\n",
    " \n ",
    "Hello world",
    " Hello world ",
    "Hello  world   again    and\tagain",
    "a\n\nb\n \nc \n",
    "trailing spaces   ",
    "\t\ttabs\t x",
    "it's we've I'll they're he'd I'm isn't",
    "IT'S WE'VE 'S 's'' ''s 'tis 'll've",
    "don't'll", "x's!'s 's", "!'s", "12's",
    "3.14 1,000,000 2e-5 x2 2x ²³ ½ Ⅷ ٣٤ 一二三",
    "The quick brown fox",
    "<|endoftext|>",
    "a<|endoftext|>b <|endoftext|> c<|endoftext|>",
    "<|endoftext|><|endoftext|>", "<|endoftext", "<|endof<|endoftext|>text|>",
    "naïve façade Größe", "nai\u0308ve e\u0301 o\u0302\u0323",
    "\u0301\u0301a\u0301", "a\u200db\u200cc\u200b", "\ufeffbom", "\u00a0nbsp\u00a0x", "x\u3000y\u2003z\u2028w\u0085v",
    "\u2028\u2029\u000b\u000c\u001c\u001d\u001e\u001fx", "a\r\nb\rc", "\u180ex\u1680y",
    "👍🏽 👨‍👩‍👧‍👦 🇩🇪 ❤️ 😀x😀 1️⃣", "😀😀 😀  😀",
    "Привет мир", "こんにちは世界", "你好，世界。12点", "مرحبا بالعالم", "ไทย ภาษา", "हिन्दी", "한국어 조합", "\u1112\u1161\u11ab",
    "\u0378\u0379 \u2fe0 \ufdd0\uffff", "\U0001fffe\U0010ffff", "\ue000\uf8ff", "\u0000\u0001\u007f", "\x00 \x00",
    "a" * 200, "ab" * 100, " " * 50 + "x", "\n" * 30, "'" * 9, "\u4e00" * 40,
    "_under_score__ (parens) [brackets] {braces} <tags> &amp; #$%^@~`\\|/",
    "def f(x):\n    return x**2  # squares\n\n\nclass A:\n\tpass\n",
    "ªº ǅ ʰ ー 々 〇 ㊀ ① ⅓ 〡", "ß ẞ ſ İ ı K Å", "\u0345\u0363", "A\u030a\u00c5\u212b",
]


def main(folder: Path) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))

    def of(names: list[str], space: bool):
        # The settings of the folder decide about the space.
        with tempfile.TemporaryDirectory() as place:
            for name in names:
                shutil.copy(folder / name, place)
            settings = {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": space}
            (Path(place) / "tokenizer_config.json").write_text(json.dumps(settings))
            return AutoTokenizer.from_pretrained(place)

    whole, parts = ["tokenizer.json"], ["vocab.json", "merges.txt"]
    (plain, from_parts), spaced = (of(whole, False), of(parts, False)), of(whole, True)
    cases = []
    for text in CASES:
        ids = plain(text)["input_ids"]
        if ids != tokenizer.encode(text).ids or ids != from_parts(text)["input_ids"]:
            raise SystemExit(f"transformers and tokenizers differ on {text!r}")
        decoded = plain.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if decoded != text:
            raise SystemExit(f"{text!r} is decoded as {decoded!r}")
        cases.append({"text": text, "tokens": ids, "spaced": spaced(text)["input_ids"]})
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/tokenizer"))
