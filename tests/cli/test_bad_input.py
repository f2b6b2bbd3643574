"""Whatever a file holds: one clear message, the right exit code, soon, and nothing is written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cli.conftest import XOR, Nnc, contents

SECONDS = 5
"""Of the processor: each takes less than two when the machine does nothing else."""
MODEL = "model M {{ input x: f32[4]  output y = x -> {} }}"

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "E030"),
    "blank": (b" \n\t\n", "E030"),
    "a comment": (b"# nothing\n", "E030"),
    "binary": (bytes(range(256)) * 100, "E002"),
    "a PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "E002"),
    "UTF-16": (XOR.encode("utf-16"), "E002"),
    "Latin-1": ("model M { input größe: f32[2] }".encode("latin-1"), "E002"),
    "cut inside a character": ("model ü".encode()[:-1], "E002"),
    "a NUL": (XOR.encode() + b"\0", "E002"),
    "an open brace": (b"model M { input x: f32[2] output y = x -> Dense(1)", "E0"),
    "a kernel larger than its input": (
        b"model M { input x: f32[1, 8, 8] output y = x -> Conv2D(4, 9) }",
        "E304",
    ),
    "heads that don't divide": (
        b"model M { input x: f32[5, 30] output y = x -> MultiHeadAttention(heads=4) }",
        "E305",
    ),
    "no units": (MODEL.format("Dense(0)").encode(), "E203"),
    "negative units": (MODEL.format("Dense(-3)").encode(), "E203"),
    "enormous units": (MODEL.format("Dense(999999999999)").encode(), "E203"),
    "an enormous weight": (MODEL.format("Dense(2147483647)").encode(), "E304"),
    "an enormous number": (MODEL.format(f"Dense({'9' * 5000})").encode(), "E018"),
    "an enormous power": (b"param n = 9 ** 9 ** 9 ** 9\n" + XOR.encode(), "E404"),
    "an enormous input": (
        b"model M { input x: f32[99999, 99999, 99999] output y = x -> relu }",
        "E310",
    ),
    "a wrong type": (MODEL.format('Dense("two")').encode(), "E203"),
    "a misspelt argument": (MODEL.format("Dense(unit=2)").encode(), "E201"),
    "an unknown layer": (MODEL.format("Dence(2)").encode(), "E101"),
    "a long loop": (MODEL.format("for i in 0..1_000_000_000 { relu }").encode(), "E405"),
    "loops that multiply": (
        MODEL.format(
            "for i in 0..10000 { for j in 0..10000 { for k in 0..10000 { relu } } }"
        ).encode(),
        "E405",
    ),
    "loops of nothing": (
        MODEL.format(
            "for i in 0..10000 { for j in 0..10000 { if i < 0 { relu } else { relu } } }"
        ).encode(),
        "E405",
    ),
    "a block that uses itself": (
        b"block B { input x output y = x -> B }\n" + MODEL.format("B").encode(),
        "E106",
    ),
    "blocks that use each other": (
        b"block A { input x output y = x -> B }\nblock B { input x output y = x -> A }\n"
        + MODEL.format("A").encode(),
        "E106",
    ),
    "blocks that double": (
        "".join(
            f"block B{i} {{ input x output y = x -> B{i + 1} -> B{i + 1} }}\n" for i in range(40)
        ).encode()
        + b"block B40 { input x output y = x -> relu }\n"
        + MODEL.format("B0").encode(),
        "E405",
    ),
    "10,000 brackets": (MODEL.format("(" * 10_000 + "relu" + ")" * 10_000).encode(), "E016"),
    "10,000 lists": (MODEL.format(f"Dense({'[' * 10_000})").encode(), "E016"),
    "10,000 JSON lists": (b'{"nnc": 1, "nodes": ' + b"[" * 10_000, "E0"),
    "a circle": (b'use "bad.nn"\n' + XOR.encode() + b"\nmodel N { }", "E"),
    "a path that leaves": (b'use "../../etc/passwd.nn"\n' + XOR.encode(), "E104"),
    "an absolute path": (b'use "/etc/passwd"\n' + XOR.encode(), "E104"),
    "a line of 50 MB": (b"# " + b"x" * 50_000_000, "E031"),
    "50 MB of brackets": (b"(" * 50_000_000, "E031"),
    "JSON that is none": (b"{,}", "E0"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_spec_is_a_finding(nnc: Nnc, folder: Path, name: str) -> None:
    data, code = FILES[name]
    (folder / "bad.nn").write_bytes(data)
    before = contents(folder)
    start = time.process_time()
    result = nnc("compile", "bad.nn", "--backend", "torch", "-o", "out.py")
    assert time.process_time() - start < SECONDS
    assert result.exit_code == 1, result.stderr
    assert f"error[{code}" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert contents(folder) == before


@pytest.mark.parametrize(
    "spec",
    [
        "\ufeff" + XOR,
        XOR.replace("\n", "\r\n"),
        "\ufeff" + XOR.replace("\n", "\r\n"),
        XOR.replace("\n", "  \t \n\n"),
        XOR.replace("Xor", "Größe").replace(" p ", " ŷ "),
    ],
    ids=["a BOM", "CRLF", "both", "blanks", "Unicode"],
)
def test_unusual_but_good_text(nnc: Nnc, folder: Path, spec: str) -> None:
    (folder / "good.nn").write_bytes(spec.encode())
    result = nnc("check", "good.nn")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.nn", "no such file or directory"),
        ("folder", "is a directory"),
        ("no/such/folder/a.nn", "no such file or directory"),
        ("xor.nn/a.nn", "not a directory"),
        ("a" * 5000, "file name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_2(nnc: Nnc, folder: Path, path: str, words: str) -> None:
    (folder / "folder").mkdir()
    for verb in (["check"], ["summary"], ["fmt"], ["compile", "--backend", "torch"]):
        result = nnc(*verb, path)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
        assert result.stdout == ""


def test_a_file_without_end_is_not_read_to_its_end(nnc: Nnc) -> None:
    start = time.process_time()
    result = nnc("check", "/dev/zero")
    assert (result.exit_code, "E003" in result.stderr) == (1, True)
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("no/such/folder/out.py", "no such file or directory"),
        ("xor.nn/out.py", "not a directory"),
        ("folder", "is a directory"),
        ("xor.nn", "is read here"),
        ("./folder/../xor.nn", "is read here"),
        ("linked.nn", "is read here"),
        ("out.safetensors", "a name for weights"),
    ],
)
def test_an_output_that_cannot_be_written_is_2(
    nnc: Nnc, folder: Path, output: str, words: str
) -> None:
    (folder / "folder").mkdir()
    (folder / "linked.nn").symlink_to("xor.nn")
    before = contents(folder)
    result = nnc("compile", "xor.nn", "--backend", "torch", "-o", output)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    "text",
    ['"; import os; os.system("touch hacked") #', "'''", "\\n__import__", '\\"""\\nx = 1\\n"""'],
)
def test_strings_stay_strings(nnc: Nnc, folder: Path, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    spec = f'data {{ source = csv("{quoted}")  x = columns("{quoted}") }}\n{XOR}'
    (folder / "odd.nn").write_text(spec)
    result = nnc("compile", "odd.nn", "--backend", "torch")
    assert result.exit_code == 0, result.stderr
    compile(result.stdout, "odd.py", "exec")


@pytest.mark.parametrize("name", ["class", "def", "self", "torch", "None_", "forward", "print"])
def test_names_of_python_are_only_names(nnc: Nnc, folder: Path, name: str) -> None:
    spec = f"model {name} {{ input {name}: f32[2]  output y = {name} -> Dense(2) as {name}_ }}"
    (folder / "odd.nn").write_text(spec)
    for backend in ("torch", "keras"):
        result = nnc("compile", "odd.nn", "--backend", backend)
        assert result.exit_code == 0, result.stderr
        compile(result.stdout, "odd.py", "exec")
