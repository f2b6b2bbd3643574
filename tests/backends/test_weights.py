"""The weight file: what is written comes back bit for bit, and whatever else a file holds is
refused."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nnc.backends import initial, weights
from nnc.backends.files import write_whole
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.explain import explanation
from nnc.compiler.ir import Graph, single
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.recurrent import LSTM

Arrays = dict[str, NDArray[Any]]


def dense() -> Graph:
    return single(Dense(units=3), (parse_type("f32[4]"),))


def lstm() -> Graph:
    return single(LSTM(units=3), (parse_type("f32[5, 4]"),))


def arrays(graph: Graph) -> Arrays:
    return dict(initial.weights(graph, 0))


def refusal(path: Path, graph: Graph) -> Diagnostic:
    with pytest.raises(Failed) as failed:
        weights.read(path, graph)
    diagnostic = failed.value.diagnostics[0]
    assert path.name in diagnostic.message
    assert explanation(diagnostic.code)
    return diagnostic


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    graph, path = lstm(), tmp_path / "w.safetensors"
    before = arrays(graph)
    weights.write(path, before)
    after = weights.read(path, graph)
    assert list(after) == list(graph.weights)
    for name, array in before.items():
        assert after[name].dtype == np.float32
        assert after[name].tobytes() == array.tobytes()


def test_other_tools_read_it_and_it_reads_theirs(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    graph, path = dense(), tmp_path / "w.safetensors"
    before = arrays(graph)
    weights.write(path, before)
    assert all((load_file(path)[n] == a).all() for n, a in before.items())
    save_file(before, path)
    assert all((a == before[n]).all() for n, a in weights.read(path, graph).items())


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        weights.write(tmp_path / name, arrays(dense()))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_read_arrays_can_be_written_to_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, arrays(dense()))
    before = path.read_bytes()
    weights.read(path, dense())["dense.weight"][:] = 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_taken_when_no_bit_is_lost(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "w.safetensors"
    before = {n: np.round(a * 8).astype(dtype) for n, a in arrays(dense()).items()}
    weights.write(path, before)
    after = weights.read(path, dense())
    assert after["dense.weight"].dtype == np.float32
    assert (after["dense.weight"] == before["dense.weight"]).all()


def test_bfloat16_is_taken(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    path = tmp_path / "w.safetensors"
    tensors = {n: torch.from_numpy(a).bfloat16() for n, a in arrays(dense()).items()}
    save_file(tensors, path)
    after = weights.read(path, dense())
    assert (after["dense.weight"] == tensors["dense.weight"].float().numpy()).all()


def test_float64_that_would_be_rounded_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, {n: a.astype(np.float64) + 1e-12 for n, a in arrays(dense()).items()})
    assert refusal(path, dense()).code == "E605"


def test_torch_counters_are_passed_over_and_fixed_weights_may_be_missing(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "w.safetensors"
    given = arrays(lstm())
    del given["lstm.bias_hh_l0"]
    save_file({**given, "bn.num_batches_tracked": np.array(3)}, path)
    assert not weights.read(path, lstm())["lstm.bias_hh_l0"].any()


def test_a_fixed_weight_that_is_not_zero_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, {**arrays(lstm()), "lstm.bias_hh_l0": np.ones(12, np.float32)})
    diagnostic = refusal(path, lstm())
    assert diagnostic.code == "E608"
    assert "`lstm.bias_ih_l0`" in (diagnostic.help or "")


def _renamed(old: str, new: str) -> Callable[[Arrays], Arrays]:
    return lambda given: {(new if n == old else n): a for n, a in given.items()}


def _changed(name: str, array: NDArray[Any]) -> Callable[[Arrays], Arrays]:
    return lambda given: {**given, name: array}


NAN = np.zeros((3, 4), np.float32)
NAN[1, 2] = np.nan


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_renamed("dense.bias", "dense.bais"), "E602", "is `dense.bais` of the file meant"),
        (lambda given: {f"module.{n}": a for n, a in given.items()}, "E602", "`module.`"),
        (lambda given: {"dense.bias": given["dense.bias"]}, "E602", "`dense.weight`"),
        (_changed("dense.other", np.zeros(2, np.float32)), "E603", "`dense.other`"),
        (_changed("dense.weight", np.zeros((4, 3), np.float32)), "E604", "transposed?"),
        (_changed("dense.weight", np.zeros((3, 5), np.float32)), "E604", "[3, 5]"),
        (_changed("dense.weight", np.zeros((12,), np.float32)), "E604", "[12]"),
        (_changed("dense.weight", NAN), "E606", "nan in `w.safetensors`"),
        (_changed("dense.weight", np.full((3, 4), np.inf, np.float32)), "E606", "inf"),
    ],
)
def test_weights_of_another_model_are_refused(
    tmp_path: Path, change: Callable[[Arrays], Arrays], code: str, words: str
) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, change(arrays(dense())))
    diagnostic = refusal(path, dense())
    assert diagnostic.code == code
    if code == "E606":
        assert "at [" in diagnostic.message
    else:
        assert words in f"{diagnostic.message} {diagnostic.help}"


def test_whole_numbers_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "w.safetensors"
    save_file({**arrays(dense()), "dense.bias": np.zeros(3, np.int64)}, path)
    assert refusal(path, dense()).code == "E605"


def _file(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def _entry(start: int, stop: int, shape: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


HOSTILE = {
    "nothing": b"",
    "short": b"abc",
    "huge header": b"\xff" * 8,
    "header beyond the file": (1000).to_bytes(8, "little") + b"{}",
    "a zip": b"PK\x03\x04" + b"\0" * 100,
    "a pickle": b"\x80\x02cos\nsystem\n(S'true'\ntR." + b"\0" * 100,
    "no JSON": _file(b"hello"),
    "no UTF-8": _file(b'{"\xff": 1}'),
    "a list": _file([1, 2]),
    "deep": _file(b"[" * 100_000),
    "a name twice": _file(b'{"a": 1, "a": 2}'),
    "a huge number": _file(b'{"a": ' + b"9" * 10_000 + b"}"),
    "no shape": _file({"a": {"dtype": "F32"}}),
    "a text for an entry": _file({"a": "b"}),
    "negative": _file({"a": _entry(0, 4, [-1])}, b"1234"),
    "fractions": _file({"a": _entry(0, 4, [1.0])}, b"1234"),
    "true": _file({"a": _entry(0, 4, [True])}, b"1234"),
    "an unknown type": _file({"a": _entry(0, 4, [1], "F31")}, b"1234"),
    "a list for a type": _file({"a": _entry(0, 4, [1], ["F32"])}, b"1234"),
    "more elements than bytes": _file({"a": _entry(0, 4, [2**62, 2**62])}, b"1234"),
    "overlap": _file({"a": _entry(0, 4, [1]), "b": _entry(0, 4, [1])}, b"1234"),
    "gap": _file({"a": _entry(4, 8, [1])}, b"12345678"),
    "cut short": _file({"a": _entry(0, 8, [2])}, b"1234"),
    "too long": _file({"a": _entry(0, 4, [1])}, b"12345678"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_damaged_and_hostile_files_are_refused_at_once(tmp_path: Path, what: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(HOSTILE[what])
    began = time.perf_counter()
    assert refusal(path, dense()).code == "E601"
    assert time.perf_counter() - began < 1


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, arrays(dense()))
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert refusal(path, dense()).code == "E601"


def test_a_file_with_thousands_of_foreign_names_gives_one_short_message(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    weights.write(path, {f"layer{i}" * 20: np.zeros(1, np.float32) for i in range(5000)})
    began = time.perf_counter()
    diagnostic = refusal(path, dense())
    assert time.perf_counter() - began < 2
    assert len(diagnostic.message) < 1000


def test_a_missing_file_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        weights.read(tmp_path / "w.safetensors", dense())


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def chunks() -> Any:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, chunks())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("roomy", [True, False])
def test_a_large_file_is_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roomy: bool
) -> None:
    """Whether or not the system can give room for it beforehand."""

    def none_to_give(*_: object) -> None:
        raise OSError(95, "not supported")

    if not roomy:
        monkeypatch.setattr(os, "posix_fallocate", none_to_give, raising=False)
    path = tmp_path / "model"
    path.write_bytes(b"old")
    parts: list[bytes | memoryview] = [
        b"first",
        np.arange(600_000, dtype=np.float32).data.cast("B"),
        b"last",
    ]
    write_whole(path, parts)
    assert path.read_bytes() == b"".join(parts)
    assert os.listdir(tmp_path) == ["model"]


def test_writing_follows_links_and_keeps_the_mode(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, [b"new", memoryview(b"er")])
    assert link.is_symlink()
    assert target.read_bytes() == b"newer"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_device_is_written_and_not_replaced() -> None:
    write_whole("/dev/null", [b"text"])
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, [b"text"])
