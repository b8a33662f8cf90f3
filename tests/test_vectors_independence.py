"""One wrong line in the generator is seen twice: by the second opinion and by the reference."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import load_vectors
from generators.second_opinion.verify import verify
from tests import test_vectors_envelopes as by_the_reference

ROOT = Path(__file__).parent.parent
RIGHT = 'return sha256(canonical_address.encode("utf-8"))'
CODE = """
import sys
from pathlib import Path
from generators.build import writer
from generators.families import envelope
writer.write(writer.contents([envelope.FAMILY]), Path(sys.argv[1]))
"""


def made_with(line: str, folder: Path) -> Path:
    """The envelope vectors of generators whose associated data is that line's."""
    root, vectors = folder / "root", folder / "vectors"
    shutil.copytree(
        ROOT / "generators", root / "generators", ignore=shutil.ignore_patterns("__pycache__")
    )
    tables = root / "reference_impl/contract"
    tables.mkdir(parents=True)
    for path in (ROOT / "reference_impl/contract").glob("*.json"):
        shutil.copy(path, tables)
    crypto = root / "generators/kit/crypto.py"
    text = crypto.read_text()
    assert text.count(RIGHT) == 1
    crypto.write_text(text.replace(RIGHT, line))
    subprocess.run([sys.executable, "-c", CODE, str(vectors)], cwd=root, check=True, timeout=120)
    return vectors


def red_by_the_reference(vectors: Path) -> int:
    red = 0
    for document in load_vectors("envelope", root=vectors):
        for group in document["test_groups"]:
            for test in group["tests"] if group["type"] == "seal" else []:
                try:
                    by_the_reference.test_seal(test)
                except AssertionError:
                    red += 1
    return red


@pytest.mark.parametrize(
    ("line", "is_seen"),
    [
        (RIGHT, False),
        ('return sha256(canonical_address.encode("utf-16"))', True),
        ('return sha256(canonical_address.encode("utf-8").upper())', True),
    ],
)
def test_a_wrong_line_of_the_generators_is_seen_by_both(
    line: str, is_seen: bool, tmp_path: Path
) -> None:
    vectors = made_with(line, tmp_path)
    outcome = verify(vectors)
    sealed = sum(count for (_, kind), count in outcome.counts.items() if kind == "seal")
    assert sealed >= 14
    red = {found.tc_id for found in outcome.disagreements if "-seal-" in found.tc_id}
    wanted = sealed if is_seen else 0
    assert len(red) == wanted
    assert red_by_the_reference(vectors) == wanted
