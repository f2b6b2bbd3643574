"""What all tests share: a quiet and repeatable environment, golden files, no silent skips."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path

# Before any framework is imported. Two test processes share a machine of two cores.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail; what fails in `make test` fails again the next time.
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False)
settings.register_profile("fuzz", settings.get_profile("fuzz"), max_examples=20_000)
settings.load_profile("default")

Golden = Callable[[str, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what comes out into the golden files instead of comparing with them",
    )
    parser.addoption(
        "--forbid-skips",
        action="store_true",
        help="a skipped test is a failure: for the full run, where nothing may be missing",
    )


SLOW_FOLDERS = {
    *("backends/keras", "backends/onnx", "backends/reference", "backends/torch", "curriculum"),
    *("deployment", "matrix", "programs", "specs", "training", "verify", "words"),
}
"""Their tests start frameworks or try every word everywhere; `make check` leaves them out."""


def _is_slow(folder: Path) -> bool:
    name = folder.relative_to(Path(__file__).parent).as_posix()
    return any(name == slow or name.startswith(f"{slow}/") for slow in SLOW_FOLDERS)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without slow tests their modules, which import frameworks, aren't even read."""
    fast = config.getoption("markexpr") == "not slow"
    return True if fast and collection_path.is_dir() and _is_slow(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_slow(item.path.parent):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected = hasattr(report, "wasxfail")
    if report.skipped and not expected and item.config.getoption("--forbid-skips"):
        report.outcome = "failed"
        report.longrepr = f"skipped in a run that forbids it: {report.longrepr}"
    return report


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden(name, text)`: text must equal the file `golden/name` beside the test's file.

    With `--update-golden` the file is written instead.
    """
    folder = request.path.parent / "golden"
    update = bool(request.config.getoption("--update-golden"))

    def compare(name: str, text: str) -> None:
        path = folder / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
            return
        assert path.exists(), f"{path} does not exist yet: `make golden` writes it"
        assert text == path.read_bytes().decode("utf-8"), f"{path} differs: see `make golden`"

    return compare


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return Path(__file__).resolve().parent.parent
