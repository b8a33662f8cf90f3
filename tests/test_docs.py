"""What the pages for people name is there: paths, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conformance.cli.main import cli
from generators.cli import main as generators

ROOT = Path(__file__).parents[1]
#: Where a short path on a page may begin: within a walk, paths are those of the room it is in.
ROOMS = [
    ROOT / room
    for room in ("", "reference_impl", "reference_impl/store", "reference_impl/contract")
]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md", "docs/write-a-backend.md", "README.md")
TREE_LINE = re.compile(r"( *)([\w.]+(?:/|\.py)(?:  [\w.]+(?:/|\.py))*)(?:  |$)")


def page(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def tree() -> set[str]:
    """The paths of the tree in docs/architecture.md."""
    block = re.findall(r"```\n(.*?)```", page("docs/architecture.md"), re.DOTALL)[0]
    found: set[str] = set()
    top = ""
    for line in block.splitlines():
        match = TREE_LINE.match(line)
        if match is None or len(match[1]) > 2:
            continue  # a sentence that goes on
        names = match[2].split("  ")
        top = "" if not match[1] else top
        found |= {f"{top}{name}" for name in names}
        top = top or names[0]
    return found


def test_every_path_of_the_tree_is_there() -> None:
    assert {path for path in tree() if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("package", ["reference_impl", "conformance", "generators", "dev"])
def test_every_room_is_in_the_tree(package: str) -> None:
    rooms = {
        f"{package}/{each.name}/"
        for each in (ROOT / package).iterdir()
        if (each / "__init__.py").is_file()
    }
    assert rooms - tree() - {"dev/attacks/", "dev/bench/", "dev/mutants/"} == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_path_on_a_page_is_there(name: str) -> None:
    prose = re.sub(r"```.*?```", "", page(name), flags=re.DOTALL)
    spans = [span for span in re.findall(r"`([\w./-]+)`", prose) if not span.startswith("build/")]
    paths = [span for span in spans if re.search(r"/|\.(?:py|md|json)$", span)]
    paths = [path for path in paths if "NAME" not in path and path not in LATER]
    assert paths
    assert [path for path in paths if not any((room / path).exists() for room in ROOMS)] == []


#: Files of the reader's own.
LATER = ("my_store.py", "test_x.py")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_on_a_page_leads_somewhere(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page(name))
    here = (ROOT / name).parent
    assert {
        link for link in links if not link.startswith("http") and not (here / link).exists()
    } == set()


@pytest.mark.parametrize("name", PAGES)
def test_every_command_on_a_page_has_its_options(name: str) -> None:
    calls = re.findall(r"(?:\$ |`)(conformance|python -m generators)(| [^`\n]*)[`\n]", page(name))
    unknown = []
    for program, arguments in calls:
        words = arguments.split()
        group: click.Command = cli if program == "conformance" else generators
        if words and isinstance(group, click.Group) and words[0] in group.commands:
            group = group.commands[words.pop(0)]
        elif program == "conformance" and words:
            unknown.append(arguments)
            continue
        told = CliRunner().invoke(group, ["--help"]).output
        unknown += [word for word in words if word.startswith("-") and word not in told]
    assert unknown == []


def test_the_liar_that_is_shown_is_one() -> None:
    sample = re.findall(r"```python\n(.*?)```", page("CONTRIBUTING.md"), re.DOTALL)
    assert [each for each in sample if each not in page("conformance/liars/reads.py")] == []
    assert len(sample) == 1
