"""The command as a process: what it loads, how it ends, what it says when it is nnc's own fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import nnc
from nnc.cli import group as cli
from tests.cli.conftest import WRONG, XOR, process

PROBE = """
import sys
sys.argv = ["nnc", *{arguments!r}]
from nnc.cli import main
code = main()
loaded = {{name.partition(".")[0] for name in sys.modules}}
print("loaded", *sorted(loaded & {heavy!r}), file=sys.stderr)
sys.exit(code)
"""
FRAMEWORKS = {"torch", "tensorflow", "keras"}
HEAVY = FRAMEWORKS | {"numpy", "onnx", "onnxruntime", "rich", "safetensors", "lark"}


def loaded(folder: Path, arguments: list[str], heavy: set[str]) -> set[str]:
    """The heavy packages that a command has loaded when it is through."""
    (folder / "xor.nn").write_text(XOR)
    (folder / "wrong.nn").write_text(WRONG)
    root = str(Path(nnc.__file__).parents[1])
    found = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments, heavy=heavy)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": root},
    )
    last = found.stderr.splitlines()[-1].split()
    assert last[0] == "loaded", found.stderr
    return set(last[1:])


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--version"], HEAVY | {"click", "pydantic"}),
        (["--help"], HEAVY | {"pydantic"}),
        (["check", "xor.nn"], HEAVY | {"pydantic"}),
        (["check", "wrong.nn"], HEAVY),
        (["fmt", "--check", "xor.nn"], HEAVY | {"pydantic"}),
        (["fmt", "--to", "json", "xor.nn"], HEAVY | {"pydantic"}),
        (["summary", "xor.nn"], HEAVY | {"pydantic"}),
        (["schema"], HEAVY | {"pydantic"}),
        (["explain", "E101"], HEAVY),
        (["new", "--list"], HEAVY),
        (["plot", "xor.nn"], HEAVY | {"pydantic"}),
        (["ops", "Dense"], FRAMEWORKS | {"onnx", "onnxruntime"}),
        (["compile", "xor.nn", "--backend", "torch", "-o", "t.py"], FRAMEWORKS | {"onnx"}),
        (["compile", "xor.nn", "--backend", "keras", "-o", "k.py"], FRAMEWORKS | {"onnx"}),
        (["compile", "xor.nn", "--backend", "onnx", "-o", "x.onnx"], FRAMEWORKS | {"onnxruntime"}),
    ],
    ids=lambda value: " ".join(sorted(value)) if isinstance(value, set) else " ".join(value),
)
def test_a_verb_loads_only_what_it_needs(
    tmp_path: Path, arguments: list[str], heavy: set[str]
) -> None:
    assert loaded(tmp_path, arguments, heavy) == set()


def test_no_spec_of_ours_needs_pydantic(tmp_path: Path) -> None:
    """What is right is told without it, whatever words and arguments there are."""
    specs = sorted(map(str, (Path(nnc.__file__).parents[1] / "specs").rglob("*.nn")))
    assert len(specs) > 50
    assert loaded(tmp_path, ["check", *specs], HEAVY | {"pydantic"}) == set()


def test_nothing_is_searched_for_garbage_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "xor.nn").write_text(XOR)
    code = (
        "import gc, sys; sys.argv = ['nnc', 'check', 'xor.nn']; from nnc.cli import main; main(); "
        "sys.exit(gc.isenabled() or not gc.get_freeze_count())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(nnc.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)


def test_the_version() -> None:
    result = process("--version")
    assert (result.returncode, result.stdout) == (0, f"nnc {nnc.__version__}\n".encode())


def test_without_arguments_it_shows_its_verbs() -> None:
    result = process()
    assert result.returncode == 0
    assert b"completion for bash, zsh or fish" in result.stdout


def test_a_broken_pipe_is_quiet() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "nnc", "ops"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(nnc.__file__).parents[1],
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 2


HEEDING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from nnc.cli import main
sys.exit(main())
"""
"""What runs in the background of a shell is started to ignore interrupts, and so are its
children."""


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HEEDING, "check", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(nnc.__file__).parents[1],
    ) as running:
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1.5)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
        assert b"Traceback" not in said
    assert running.returncode == 130


def test_a_fault_of_its_own_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret")

    monkeypatch.setattr("nnc.cli.specs.compiled", broken)
    monkeypatch.delenv("NNC_DEBUG", raising=False)
    result = CliRunner().invoke(cli.group, ["check", "any.nn"])
    assert result.exit_code == 3
    assert result.stderr.startswith("error: a fault of nnc's own, not of your spec: KeyError")
    assert f"nnc {nnc.__version__}" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("NNC_DEBUG", "1")
    result = CliRunner().invoke(cli.group, ["check", "any.nn"])
    assert (result.exit_code, "Traceback" in result.stderr) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "Is this meant: nnc check"),
        (["zzzzzz"], "there is no verb `zzzzzz`"),
        (["check"], "missing argument"),
        (["check", "--nope"], "no such option"),
        (["compile", "x.nn"], "--backend"),
        (["compile", "x.nn", "--backend", "caffe"], "caffe"),
        (["plot"], "give a FILE"),
        (["plot", "nowhere", "-o", "x.html"], "neither a file nor an activation `nowhere`"),
        (["new"], "give a NAME"),
        (["new", ".nn"], "is not a name for a spec"),
        (["new", "-"], "is not a name for a spec"),
        (["check", ""], "not the name of a file"),
        (["check", "a\0b"], "not the name of a file"),
        (["compile", "x.nn", "--backend", "torch", "-o", ""], "not the name of a file"),
        (["completion", "tcsh"], "tcsh"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_wrong_usage_is_2_and_says_what_is_right(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(cli.group, arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_a_file_in_place_of_a_verb(tmp_path: Path) -> None:
    path = tmp_path / "a.nn"
    path.write_text(XOR)
    result = CliRunner().invoke(cli.group, [str(path)])
    assert (result.exit_code, f"nnc check {path}" in result.stderr) == (2, True)


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_help_begins_with_an_example(verb: str) -> None:
    result = CliRunner().invoke(cli.group, [verb, "--help"])
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[:2]
    assert first == "Example:"
    assert second.startswith("  ")
    assert f"nnc {verb}" in second
    assert CliRunner().invoke(cli.group, [verb, "-h"]).stdout == result.stdout


def test_the_list_of_verbs_says_what_each_does() -> None:
    shown = CliRunner().invoke(cli.group, ["--help"]).stdout
    for verb in cli.VERBS:
        command = cli.VERBS[verb]()
        assert command.short_help
        assert f"  {verb}" in shown
    assert "…" not in shown.replace("optimisers, …", "")
    assert "..." not in shown.partition("Commands")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = CliRunner().invoke(cli.group, ["completion", shell])
    assert result.exit_code == 0
    assert f"_NNC_COMPLETE={shell}_complete" in result.stdout


@pytest.mark.parametrize(
    ("line", "word", "offered"),
    [
        ("nnc ch", "1", "check"),
        ("nnc ops Den", "2", "Dense"),
        ("nnc explain E10", "2", "E101"),
        ("nnc new a --template xo", "4", "xor"),
        ("nnc check --for", "2", "--format"),
    ],
)
def test_the_shell_is_offered_words(line: str, word: str, offered: str) -> None:
    result = process(_NNC_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=word)
    assert f"plain,{offered}" in result.stdout.decode().split()
