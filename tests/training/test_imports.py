"""What a first training run does without: each import is time that a newcomer waits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from nnc.training.train import train
train(sys.argv[1], backend="onnx", epochs=1, output=sys.argv[2])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_training_digits_imports_no_framework_and_no_scikit_learn(tmp_path: Path) -> None:
    spec = ROOT / "specs" / "curriculum" / "digits_mlp.nn"
    command = [sys.executable, "-c", PROGRAM, str(spec), str(tmp_path / "run")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    heavy = {"sklearn", "scipy", "pandas", "pyarrow", "torch", "tensorflow", "keras", "rich"}
    assert not heavy & set(ran.stdout.split())
    assert "onnxruntime" in ran.stdout.split()
