"""`nnc check`: findings, formats, streams, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import WRONG, XOR, Nnc


def test_a_clean_spec(nnc: Nnc) -> None:
    result = nnc("check", "xor.nn")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 spec checked: nothing wrong\n"


def test_a_mistake_is_a_finding_on_stderr(nnc: Nnc) -> None:
    result = nnc("check", "wrong.nn")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[E101]: there is no layer `Dence`\n --> wrong.nn:1:46\n")
    assert "did you mean `Dense`?" in result.stderr


@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--strict",), 1), (("-W", "error"), 1), (("-Werror",), 1)]
)
def test_warnings_alone_are_findings_only_when_asked(
    nnc: Nnc, options: tuple[str, ...], code: int
) -> None:
    result = nnc("check", *options, "warned.nn")
    assert result.exit_code == code
    assert "warning[W101]" in result.stderr


def test_several_files_are_all_checked(nnc: Nnc) -> None:
    result = nnc("check", "wrong.nn", "xor.nn", "warned.nn")
    assert result.exit_code == 1
    assert "error[E101]" in result.stderr
    assert "warning[W101]" in result.stderr
    assert result.stderr.endswith("1 error, 1 warning\n")


def test_a_missing_file_does_not_hide_what_is_found_in_others(nnc: Nnc) -> None:
    result = nnc("check", "xr.nn", "wrong.nn")
    assert result.exit_code == 2
    assert "error: can't read xr.nn: no such file or directory" in result.stderr
    assert "did you mean `xor.nn`?" in result.stderr
    assert "error[E101]" in result.stderr


def test_stdin(nnc: Nnc) -> None:
    assert nnc("check", "-", input=XOR).exit_code == 0
    result = nnc("check", "-", input=WRONG)
    assert result.exit_code == 1
    assert " --> <stdin>:1:46" in result.stderr


def test_json_is_data(nnc: Nnc) -> None:
    result = nnc("check", "--format", "json", "wrong.nn", "warned.nn")
    assert (result.exit_code, result.stderr) == (1, "")
    found = json.loads(result.stdout)
    assert [(d["code"], d["severity"]) for d in found] == [("E101", "error"), ("W101", "warning")]
    assert found[0]["labels"][0]["file"] == "wrong.nn"


def test_json_of_nothing_is_an_empty_list(nnc: Nnc) -> None:
    result = nnc("check", "--format", "json", "xor.nn")
    assert json.loads(result.stdout) == []


def test_sarif_names_the_program_and_the_rule(nnc: Nnc) -> None:
    result = nnc("check", "--format", "sarif", "wrong.nn")
    (run,) = json.loads(result.stdout)["runs"]
    assert run["tool"]["driver"]["name"] == "nnc"
    assert run["tool"]["driver"]["version"]
    assert [r["ruleId"] for r in run["results"]] == ["E101"]


def test_github_is_one_line_a_finding(nnc: Nnc) -> None:
    result = nnc("check", "--format", "github", "wrong.nn")
    assert result.stdout.startswith("::error file=wrong.nn,line=1,")
    assert result.stdout.count("\n") == 1


def test_set_gives_a_parameter_another_value(nnc: Nnc, folder: Path) -> None:
    spec = "param n = 2\nmodel M { input x: f32[2]  output y = x -> Dense(n) }"
    (folder / "p.nn").write_text(spec)
    assert nnc("check", "p.nn", "--set", "n=7").exit_code == 0
    refused = nnc("check", "p.nn", "--set", "n=0")
    assert (refused.exit_code, "E203" in refused.stderr) == (1, True)
    unknown = nnc("check", "p.nn", "--set", "m=1")
    assert (unknown.exit_code, "E107" in unknown.stderr) == (1, True)
    malformed = nnc("check", "p.nn", "--set", "n")
    assert (malformed.exit_code, "not NAME=VALUE" in malformed.stderr) == (2, True)


@pytest.mark.parametrize("value", ["1e999", "nan", "9" * 5000, "[" * 5000, '"\\ud800"', "", "[1,"])
def test_odd_values_of_parameters_are_refused_in_words(nnc: Nnc, folder: Path, value: str) -> None:
    spec = "param n = 2\nmodel M { input x: f32[2]  output y = x -> Dense(n) }"
    (folder / "p.nn").write_text(spec)
    result = nnc("check", "p.nn", "--set", f"n={value}")
    assert result.exit_code in (1, 2)
    assert "error" in result.stderr


def test_colours(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in nnc("check", "wrong.nn").stderr
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" in nnc("check", "--color", "always", "wrong.nn").stderr
    assert "\x1b[" in nnc("--color", "always", "check", "wrong.nn").stderr
    assert "\x1b[" not in nnc("check", "--color", "never", "wrong.nn").stderr
