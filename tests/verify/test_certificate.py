"""Certificates: what is written down, checked again, and what is not to be relied upon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nnc import to_json
from nnc.compiler.diagnostics import Failed
from nnc.compiler.source import Source
from nnc.loading import compile_source
from nnc.verify.certificate import hash_of, read, sha256
from tests.cli.conftest import XOR, Nnc

TRAIN = "train { target y: f32[1] loss = mse(p, y) optimizer = adam(0.1) seed = 4 }"
Change = Callable[[dict[str, Any]], object]


def without_steps(found: dict[str, Any]) -> None:
    """A training of no steps, whose losses nobody would look at."""
    found["steps"] = 0
    found["training"][0]["losses"][2] = 0.5


def unpromised(found: dict[str, Any]) -> None:
    """A training of which no step is promised."""
    found["training"][1]["promised"] = 0
    found["training"][1]["losses"][2] = 0.5


def without_training(found: dict[str, Any]) -> None:
    """A spec that isn't trained, under its own hash."""
    del found["spec"]["train"]
    program, _ = compile_source(Source("spec.json", json.dumps(found["spec"])), None, {})
    assert program is not None
    found["spec_hash"] = sha256(to_json(program).encode())


@pytest.fixture
def certificate(nnc: Nnc, folder: Path) -> Path:
    """The certificate of a training of three steps."""
    (folder / "trained.nn").write_text(XOR + TRAIN, encoding="utf-8")
    options = ("--steps", "3", "--backend", "torch", "--certificate", "c.json")
    result = nnc("verify", "trained.nn", *options)
    assert result.exit_code == 0, result.output
    return folder / "c.json"


def resealed(path: Path, change: Change) -> None:
    """Another content with a digest that fits."""
    found = json.loads(path.read_text("utf-8"))
    change(found)
    del found["digest"]
    text = json.dumps(found, sort_keys=True, ensure_ascii=False)
    found["digest"] = sha256(text.encode())
    path.write_text(json.dumps(found), encoding="utf-8")


def test_what_is_written_down_is_found_again(nnc: Nnc, certificate: Path) -> None:
    result = nnc("verify", "--cert", "c.json")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("as recorded") == 8
    assert "training on torch in float32  as recorded" in result.stdout
    found = json.loads(nnc("verify", "--cert", "c.json", "--format", "json").stdout)
    assert found["agrees"]
    assert found["complete"]
    assert found["made_with"] == found["here"]


def test_it_holds_the_figures_the_spec_and_the_versions(certificate: Path) -> None:
    made = read("c.json", certificate.read_bytes())
    assert (made.steps, len(made.losses), made.examples, made.seed) == (3, 3, "random", 4)
    assert [(t.backend, t.precision) for t in made.training] == [
        ("torch", "float64"),
        ("torch", "float32"),
    ]
    assert {check.what for check in made.network[0].checks} == {"output", "loss", "gradient"}
    assert made.spec["name"] == "Xor"
    assert {"nnc", "python", "numpy", "torch"} <= made.versions.keys()
    assert made.norms.keys() == {f"{n}.{w}" for n in ("dense", "dense_2") for w in WEIGHTS}


WEIGHTS = ("weight", "bias")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c["losses"].__setitem__(1, c["losses"][1] * 1.001), "the reference's losses"),
        (lambda c: c["norms"].__setitem__("dense.bias", 9.0), "the reference's weights"),
        (lambda c: c["training"][0]["losses"].__setitem__(2, 0.5), "torch in float64"),
        (lambda c: c["training"][1].__setitem__("agrees", False), "torch in float32"),
        (lambda c: c["network"][0].__setitem__("agrees", False), "network on torch"),
        (lambda c: c.__setitem__("weights_hash", "0" * 64), "weights"),
        (lambda c: c["spec"]["train"]["optimizer"].__setitem__("lr", 0.2), "spec"),
        (lambda c: c["network"][0]["checks"][0].__setitem__("tolerance", 1.0), "figures"),
        (lambda c: c["network"][0]["checks"][0].__setitem__("difference", 1e-3), "figures"),
        (lambda c: c["network"][0]["checks"][0].__setitem__("difference", None), "figures"),
        (lambda c: c["network"][0]["checks"].clear(), "figures"),
        (lambda c: c["network"][0]["checks"].pop(), "network on torch"),
        (lambda c: c["network"].append(c["network"][0]), "figures"),
        (lambda c: c["training"].append(c["training"][0]), "figures"),
        (lambda c: c["network"][0].__setitem__("state", "refused"), "figures"),
        (lambda c: c["training"][0].__setitem__("weights", 1e-3), "figures"),
        (lambda c: c["training"][0].__setitem__("rounding", True), "figures"),
        (lambda c: c["training"][0]["tolerance"].__setitem__("loss", 1.0), "figures"),
        (lambda c: c["training"][0]["differences"].__setitem__(1, 0.5), "figures"),
        (lambda c: c["training"][1]["differences"].__setitem__(1, 1e-12), "figures"),
        (lambda c: c["training"][0]["losses"].pop(), "torch in float64"),
        (lambda c: c["training"][0].update(backend="keras", ranks=2), "there is no such training"),
        (lambda c: c["training"].clear(), "figures"),
        (lambda c: c["losses"].append(0.1), "figures"),
        (lambda c: c["norms"].clear(), "the reference's weights"),
        (without_steps, "figures"),
        (unpromised, "figures"),
        (without_training, "there is no such training"),
    ],
)
def test_other_figures_are_seen(nnc: Nnc, certificate: Path, change: Change, named: str) -> None:
    resealed(certificate, change)
    result = nnc("verify", "--cert", "c.json")
    assert result.exit_code == 1, result.output
    wrong = [line for line in result.stdout.splitlines() if "DIFFERS" in line]
    assert any(named in line for line in wrong)
    assert "not as it was written down" in result.stdout


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: b"[1, 2]",
        lambda data: b"[" * 100_000,
        lambda data: b"\xff\xfe",
        lambda data: data.replace(b"nnc certificate 1", b"nnc certificate 9"),
        lambda data: data.replace(b'"steps": 3', b'"steps": 4'),
        lambda data: data.replace(b'"steps": 3', b'"steps": "three"'),
        lambda data: data.replace(b'"steps": 3', b'"steps": NaN'),
        lambda data: data.replace(b'"losses"', b'"lasses"'),
        lambda data: data.replace(b'"batch": 4', b'"batch": 40000000'),
        lambda data: data.replace(b'"steps": 3', b'"steps": 3, "steps": 3'),
        lambda data: data.replace(b'"seed": 4', b'"seed": 1e999'),
    ],
)
def test_damage_is_told(nnc: Nnc, certificate: Path, damage: Callable[[bytes], bytes]) -> None:
    data = certificate.read_bytes()
    certificate.write_bytes(damage(data))
    assert certificate.read_bytes() != data
    with pytest.raises(Failed) as failed:
        read("c.json", certificate.read_bytes())
    assert [d.code for d in failed.value.diagnostics] == ["E722"]
    result = nnc("verify", "--cert", "c.json")
    assert (result.exit_code, "error[E722]" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["network"][0].__setitem__("backend", "caffe"),
        lambda c: c.__setitem__("spec", {"nnc": 1}),
    ],
)
def test_what_makes_no_sense_is_no_traceback(nnc: Nnc, certificate: Path, change: Change) -> None:
    resealed(certificate, change)
    result = nnc("verify", "--cert", "c.json")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "error[E722]" in result.stderr or "DIFFERS" in result.stdout


def test_weights_of_a_file_are_asked_for(nnc: Nnc, certificate: Path) -> None:
    nnc("compile", "trained.nn", "--backend", "torch", "-o", "program.py")
    options = ("--backend", "torch", "--weights", "program.safetensors", "--certificate", "w.json")
    assert nnc("verify", "trained.nn", *options).exit_code == 0
    without = nnc("verify", "--cert", "w.json")
    assert (without.exit_code, "error[E723]" in without.stderr) == (1, True)
    given = nnc("verify", "--cert", "w.json", "--weights", "program.safetensors")
    assert given.exit_code == 0, given.output


def test_data_that_is_not_there_is_told(nnc: Nnc, folder: Path) -> None:
    (folder / "points.csv").write_text("1,2,0\n2,1,1\n3,5,1\n0,0,0\n", encoding="utf-8")
    text = 'data { source = csv("points.csv", header=false) x = columns(0, 1) y = column(2) }'
    (folder / "points.nn").write_text(text + XOR + TRAIN, encoding="utf-8")
    options = ("--steps", "2", "--backend", "torch", "--certificate", "c.json")
    assert nnc("verify", "points.nn", *options).exit_code == 0
    assert nnc("verify", "--cert", "c.json").exit_code == 0
    (folder / "points.csv").write_text("1,2,0\n2,1,1\n3,5,1\n0,0,1\n", encoding="utf-8")
    other = nnc("verify", "--cert", "c.json")
    assert other.exit_code == 1
    assert "it has another hash" in other.stdout
    (folder / "points.csv").unlink()
    gone = nnc("verify", "--cert", "c.json")
    assert (gone.exit_code, "error[E723]" in gone.stderr) == (1, True)


def test_a_certificate_comes_alone(nnc: Nnc, certificate: Path) -> None:
    assert nnc("verify").exit_code == 2
    assert nnc("verify", "trained.nn", "--cert", "c.json").exit_code == 2
    assert nnc("verify", "--cert", "c.json", "--steps", "3").exit_code == 2
    assert nnc("verify", "--cert", "no.json").exit_code == 2
    assert nnc("verify", "trained.nn", "--certificate", "trained.nn").exit_code == 2


def test_the_hash_is_that_of_the_numbers() -> None:
    import numpy as np

    one = {"a": np.arange(3.0), "b": np.ones((2, 2), np.float32)}
    assert hash_of(one) == hash_of(dict(reversed(one.items())))
    assert hash_of(one) != hash_of({**one, "a": np.arange(3.0) + 1})


def test_what_was_not_compared_then_is_no_difference_now(nnc: Nnc, certificate: Path) -> None:
    """Where a certificate is made, a backend may be missing that is here."""

    def absent(found: dict[str, Any]) -> None:
        for row in found["network"] + found["training"]:
            row.update(state="not installed", agrees=False)
        found["network"][0]["checks"] = []
        for row in found["training"]:
            row.update(losses=[], differences=[], weights=0.0, promised=0)

    resealed(certificate, absent)
    result = nnc("verify", "--cert", "c.json")
    assert result.exit_code == 0, result.output
    assert "network on torch              not checked  not installed when it" in result.stdout
    assert "not everything was compared" in result.stderr


def test_no_file_asks_for_more_work_than_a_command_can(nnc: Nnc, certificate: Path) -> None:
    for name, value in (("batch", 4097), ("steps", 10**7), ("ranks", 65)):

        def change(found: dict[str, Any], name: str = name, value: int = value) -> None:
            (found["training"][0] if name == "ranks" else found)[name] = value

        resealed(certificate, change)
        result = nnc("verify", "--cert", "c.json")
        assert (result.exit_code, "error[E722]" in result.stderr) == (1, True)


@pytest.mark.parametrize("place", ["losses", "norms"])
def test_a_number_that_is_none_compares_with_nothing(
    nnc: Nnc, certificate: Path, place: str
) -> None:
    """JSON has no infinity, but numbers that are too large: differences from them are no numbers,
    and the largest of those with others may be any of them."""
    found = json.loads(certificate.read_text("utf-8"))
    key: Any = 1 if place == "losses" else "dense_2.bias"
    found[place][key] = float("inf")
    del found["digest"]
    found["digest"] = sha256(json.dumps(found, sort_keys=True, ensure_ascii=False).encode())
    text = json.dumps(found).replace("Infinity", "1e999")
    certificate.write_text(text, encoding="utf-8")
    result = nnc("verify", "--cert", "c.json")
    assert (result.exit_code, "error[E722]" in result.stderr) == (1, True)


def test_what_is_shown_holds_no_commands_for_terminals(nnc: Nnc, certificate: Path) -> None:
    resealed(certificate, lambda c: c["versions"].__setitem__("torch", "2.0\x1b[2J"))
    result = nnc("verify", "--cert", "c.json")
    assert (result.exit_code, "error[E722]" in result.stderr) == (1, True)
    assert "\x1b[2J" not in result.output


def test_other_weights_are_seen(nnc: Nnc, certificate: Path) -> None:
    nnc("compile", "trained.nn", "--backend", "torch", "-o", "one.py")
    nnc("compile", "trained.nn", "--backend", "torch", "--seed", "9", "-o", "other.py")
    options = ("--backend", "torch", "--weights", "one.safetensors", "--certificate", "w.json")
    assert nnc("verify", "trained.nn", *options).exit_code == 0
    other = nnc("verify", "--cert", "w.json", "--weights", "other.safetensors")
    assert (other.exit_code, "they have another hash" in other.stdout) == (1, True)
    # A certificate of a training from the first weights, checked with others.
    given = nnc("verify", "--cert", "c.json", "--weights", "other.safetensors")
    assert (given.exit_code, "they have another hash" in given.stdout) == (1, True)
