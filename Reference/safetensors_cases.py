"""Safetensors files written byte by byte: malformed ones, and sound ones that are peculiar."""

import json
import struct
from typing import Any

BYTES = bytes(range(8))
Entry = dict[str, Any]

# file, strict verdict, problem, bytes
Case = tuple[str, str, str, bytes]


def entry(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> Entry:
    """A tensor's entry of a header; the default is two float32 in eight bytes."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def file_of(header: object, data: bytes = BYTES) -> bytes:
    """A file around `header`, which is JSON text, bytes, or something to encode."""
    text = header if isinstance(header, bytes) else json.dumps(header, ensure_ascii=False).encode()
    return struct.pack("<Q", len(text)) + text + data


SOUND = file_of({"a": entry()})
A = json.dumps(entry()).encode()
NESTED = b"[" * 400 + b"]" * 400
B = {"b": entry(shape=[1], offsets=[0, 4])}

MALFORMED: list[Case] = [
    ("empty-file", "refuse", "the file is empty", b""),
    ("seven-bytes", "refuse", "the file is shorter than the eight bytes of the header's length", SOUND[:7]),
    ("length-only", "refuse", "the file ends after the header's length", SOUND[:8]),
    ("truncated-header", "refuse", "the file ends inside the header", SOUND[:40]),
    ("truncated-data", "refuse", "the last data byte is missing", SOUND[:-1]),
    ("no-data", "refuse", "all data bytes are missing", SOUND[:-8]),
    ("header-length-zero", "refuse", "the header is empty", file_of(b"", b"")),
    (
        "header-length-one-too-many",
        "refuse",
        "the header's length ends one byte behind the file",
        struct.pack("<Q", len(SOUND) - 7) + SOUND[8:],
    ),
    (
        "header-length-100000001",
        "refuse",
        "the header's length is one above the format's limit",
        struct.pack("<Q", 100_000_001) + SOUND[8:],
    ),
    ("header-length-2-40", "refuse", "the header's length is 2^40", struct.pack("<Q", 2**40) + SOUND[8:]),
    ("header-length-2-63", "refuse", "the header's length is 2^63", struct.pack("<Q", 2**63) + SOUND[8:]),
    (
        "header-length-2-64-minus-1",
        "refuse",
        "the header's length is 2^64 - 1",
        struct.pack("<Q", 2**64 - 1) + SOUND[8:],
    ),
    (
        "header-big-endian",
        "refuse",
        "the header's length is big-endian",
        struct.pack(">Q", len(SOUND) - 16) + SOUND[8:],
    ),
    ("header-not-json", "refuse", "the header is not JSON", file_of(b"{'a': 1}", b"")),
    ("header-cut-json", "refuse", "the header's JSON is not closed", file_of(b'{"a":' + A)),
    ("header-two-objects", "refuse", "a second object follows the header's", file_of(b'{"a":' + A + b"}{}")),
    (
        "header-zero-padded",
        "refuse",
        "the header is padded with zero bytes",
        file_of(b'{"a":' + A + b"}\0\0"),
    ),
    ("header-array", "refuse", "the header is an array", file_of([])),
    ("header-string", "refuse", "the header is a string", file_of("a")),
    ("header-null", "refuse", "the header is null", file_of(None)),
    (
        "header-leading-space",
        "refuse",
        "the header starts with a space, not with {",
        file_of(b' {"a":' + A + b"}"),
    ),
    (
        "header-byte-order-mark",
        "refuse",
        "the header starts with a byte order mark",
        file_of(b'\xef\xbb\xbf{"a":' + A + b"}"),
    ),
    ("header-invalid-utf8", "refuse", "the header is not UTF-8", file_of(b'{"\xff\xfe":' + A + b"}")),
    (
        "header-overlong-utf8",
        "refuse",
        "the header has an overlong UTF-8 sequence",
        file_of(b'{"\xc0\xaf":' + A + b"}"),
    ),
    (
        "header-lone-surrogate",
        "refuse",
        "a name escapes half of a surrogate pair",
        file_of(rb'{"\ud800":' + A + b"}"),
    ),
    ("header-control-character", "refuse", "a name has an unescaped newline", file_of(b'{"a\n":' + A + b"}")),
    (
        "header-trailing-comma",
        "refuse",
        "a comma stands before the closing brace",
        file_of(b'{"a":' + A + b",}"),
    ),
    ("nested-entry", "refuse", "an entry is an array 400 deep", file_of(b'{"a":' + NESTED + b"}")),
    ("nested-header", "refuse", "the header is an array 400 deep", file_of(NESTED)),
    (
        "nested-unknown-key",
        "refuse",
        "an unknown key of an entry is an array 400 deep",
        file_of(b'{"a":{"x":' + NESTED + b"," + A[1:] + b"}"),
    ),
    ("entry-not-object", "refuse", "an entry is a number", file_of({"a": 1})),
    ("entry-null", "refuse", "an entry is null", file_of({"a": None})),
    (
        "missing-dtype",
        "refuse",
        "an entry has no dtype",
        file_of({"a": {"shape": [2], "data_offsets": [0, 8]}}),
    ),
    (
        "missing-shape",
        "refuse",
        "an entry has no shape",
        file_of({"a": {"dtype": "F32", "data_offsets": [0, 8]}}),
    ),
    (
        "missing-offsets",
        "refuse",
        "an entry has no data_offsets",
        file_of({"a": {"dtype": "F32", "shape": [2]}}),
    ),
    (
        "duplicate-entry-key",
        "refuse",
        "an entry has two dtypes",
        file_of(b'{"a":{"dtype":"F32",' + A[1:] + b"}"),
    ),
    ("unknown-dtype", "refuse", "the dtype is unknown", file_of({"a": entry(dtype="F31")})),
    ("lowercase-dtype", "refuse", "the dtype is in lower case", file_of({"a": entry(dtype="f32")})),
    ("dtype-number", "refuse", "the dtype is a number", file_of({"a": entry(dtype=32)})),
    ("shape-number", "refuse", "the shape is a number", file_of({"a": entry(shape=2)})),
    ("shape-negative", "refuse", "a dimension is negative", file_of({"a": entry(shape=[-2])})),
    ("shape-two-negatives", "refuse", "two dimensions are negative", file_of({"a": entry(shape=[-1, -2])})),
    ("shape-fraction", "refuse", "a dimension is written 2.0", file_of({"a": entry(shape=[2.0])})),
    ("shape-string", "refuse", "a dimension is a string", file_of({"a": entry(shape=["2"])})),
    (
        "shape-leading-zero",
        "refuse",
        "a dimension is written 02",
        file_of(b'{"a":' + A.replace(b"[2]", b"[02]") + b"}"),
    ),
    ("shape-2-64", "refuse", "a dimension does not fit 64 bits", file_of({"a": entry(shape=[2**64])})),
    (
        "shape-product-overflow",
        "refuse",
        "the product of the dimensions overflows 64 bits to zero",
        file_of({"a": entry(shape=[2**33, 2**33], offsets=[0, 0])}, b""),
    ),
    (
        "shape-bytes-overflow",
        "refuse",
        "the product of shape and element size overflows 64 bits to zero",
        file_of({"a": entry(shape=[2**62], offsets=[0, 0])}, b""),
    ),
    (
        "size-too-large",
        "refuse",
        "the data is larger than shape times element size",
        file_of({"a": entry(shape=[1])}),
    ),
    (
        "size-too-small",
        "refuse",
        "the data is smaller than shape times element size",
        file_of({"a": entry(shape=[3])}),
    ),
    ("scalar-of-eight-bytes", "refuse", "a float32 scalar has eight bytes", file_of({"a": entry(shape=[])})),
    ("offsets-negative", "refuse", "an offset is negative", file_of({"a": entry(offsets=[-8, 0])})),
    ("offsets-reversed", "refuse", "the data ends before it begins", file_of({"a": entry(offsets=[8, 0])})),
    ("offsets-one", "refuse", "data_offsets has one number", file_of({"a": entry(offsets=[8])})),
    ("offsets-three", "refuse", "data_offsets has three numbers", file_of({"a": entry(offsets=[0, 4, 8])})),
    ("offsets-2-64", "refuse", "an offset does not fit 64 bits", file_of({"a": entry(offsets=[0, 2**64])})),
    (
        "offsets-huge",
        "refuse",
        "the offsets lie near 2^64",
        file_of({"a": entry(offsets=[2**64 - 9, 2**64 - 1])}),
    ),
    (
        "overlap",
        "refuse",
        "two tensors share bytes",
        file_of(B | {"a": entry(shape=[1], offsets=[2, 6])}, BYTES[:6]),
    ),
    (
        "shared",
        "refuse",
        "two tensors have the same bytes",
        file_of(B | {"a": entry(shape=[1], offsets=[0, 4])}, BYTES[:4]),
    ),
    (
        "hole",
        "refuse",
        "four bytes between two tensors belong to none",
        file_of(B | {"a": entry(shape=[1], offsets=[8, 12])}, bytes(12)),
    ),
    (
        "hole-at-start",
        "refuse",
        "the first four bytes belong to no tensor",
        file_of({"a": entry(offsets=[4, 12])}, bytes(12)),
    ),
    ("trailing-bytes", "refuse", "eight bytes follow the last tensor", SOUND + BYTES),
    ("data-without-tensors", "refuse", "there is data but no tensor", file_of({})),
    (
        "duplicate-metadata",
        "refuse",
        "__metadata__ stands twice",
        file_of(b'{"__metadata__":{"k":"1"},"a":' + A + b',"__metadata__":{"k":"2"}}'),
    ),
    (
        "duplicate-metadata-key",
        "refuse",
        "a key of __metadata__ stands twice",
        file_of(b'{"__metadata__":{"k":"1","k":"2"},"a":' + A + b"}"),
    ),
    (
        "metadata-number",
        "refuse",
        "a value of __metadata__ is a number",
        file_of({"__metadata__": {"k": 1}, "a": entry()}),
    ),
    (
        "metadata-null-value",
        "refuse",
        "a value of __metadata__ is null",
        file_of({"__metadata__": {"k": None}, "a": entry()}),
    ),
    (
        "metadata-nested",
        "refuse",
        "a value of __metadata__ is an object",
        file_of({"__metadata__": {"k": {}}, "a": entry()}),
    ),
    ("metadata-string", "refuse", "__metadata__ is a string", file_of({"__metadata__": "pt", "a": entry()})),
    ("metadata-tensor", "refuse", "__metadata__ is a tensor's entry", file_of({"__metadata__": entry()})),
    (
        "duplicate-tensor",
        "refuse",
        "a tensor's name stands twice with the same entry",
        file_of(b'{"a":' + A + b',"a":' + A + b"}"),
    ),
    (
        "duplicate-tensor-escaped",
        "refuse",
        "a tensor's name stands twice, once escaped",
        file_of(b'{"a":' + A + rb',"\u0061":' + A + b"}"),
    ),
    (
        "duplicate-tensor-different",
        "refuse",
        "a tensor's name stands twice with different entries",
        file_of(b'{"a":' + A + b',"a":' + json.dumps(entry(offsets=[8, 16])).encode() + b"}", bytes(16)),
    ),
    (
        "duplicate-tensor-last-sound",
        "refuse",
        "a tensor's name stands twice, first with offsets outside the file",
        file_of(b'{"a":' + json.dumps(entry(offsets=[8, 16])).encode() + b',"a":' + A + b"}"),
    ),
]

PECULIAR: list[Case] = [
    ("no-tensors", "accept", "there is no tensor", file_of({}, b"")),
    ("unpadded", "accept", "the header's length is not a multiple of eight", SOUND),
    (
        "trailing-spaces",
        "accept",
        "the header is padded with 100 spaces",
        file_of(b'{"a":' + A + b"}" + b" " * 100),
    ),
    ("white-space", "accept", "the header has white space within", file_of(b'{\n\t"a" :\r\n ' + A + b" }\n")),
    (
        "order",
        "accept",
        "the header's order is not the data's",
        file_of({"z": entry(shape=[1], offsets=[4, 8]), "a": entry(shape=[1], offsets=[0, 4])}),
    ),
    (
        "empty-between",
        "accept",
        "an empty tensor lies between two others",
        file_of(B | {"c": entry(shape=[0, 3], offsets=[4, 4]), "a": entry(shape=[1], offsets=[4, 8])}),
    ),
    ("empty-name", "accept", "a tensor's name is empty", file_of({"": entry()})),
    (
        "escaped-names",
        "accept",
        "names are written with JSON's escapes",
        file_of(rb'{"\u00e9\ud83d\ude00\"\\\/\n":' + A + b"}"),
    ),
    (
        "metadata-several",
        "accept",
        "the metadata has several keys",
        file_of({"__metadata__": {"format": "pt", "k": "", "ключ": "值"}, "a": entry()}),
    ),
    ("metadata-empty", "accept", "the metadata is empty", file_of({"__metadata__": {}, "a": entry()})),
    (
        "equivalent-names",
        "either",
        "two names differ in their Unicode normalisation only",
        file_of({"\u00e9": entry(shape=[1], offsets=[0, 4]), "e\u0301": entry(shape=[1], offsets=[4, 8])}),
    ),
    ("metadata-null", "either", "__metadata__ is null", file_of({"__metadata__": None, "a": entry()})),
    (
        "unknown-key",
        "either",
        "an entry has a key that the format does not know",
        file_of({"a": entry() | {"x": 1}}),
    ),
    (
        "zero-first-shape",
        "either",
        "an empty tensor's other dimensions overflow behind its zero",
        file_of({"a": entry(shape=[0, 2**40, 2**40], offsets=[0, 0])}, b""),
    ),
    (
        "zero-last-shape",
        "either",
        "an empty tensor's other dimensions overflow before its zero",
        file_of({"a": entry(shape=[2**40, 2**40, 0], offsets=[0, 0])}, b""),
    ),
]
