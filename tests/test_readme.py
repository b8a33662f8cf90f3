"""What the README shows can be done."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)


def test_the_readme_has_a_sample() -> None:
    assert SAMPLES


@pytest.mark.integration
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.splitlines()[0])
def test_a_sample_of_the_readme_runs(sample: str, tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(sample, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "sample.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
