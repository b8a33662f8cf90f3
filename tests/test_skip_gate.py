"""The skip gate itself: what it lets through, what it stops, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
from pathlib import Path
from tests.skip_gate import SkipGate

def pytest_configure(config):
    config.pluginmanager.register(SkipGate(Path(__file__).with_name("allowed.toml")))
"""

ALLOW_ONE = """
[[skip]]
test = "test_it.py::test_listed"
reason = "no engine"
"""

PASSES = "def test_passes(): pass"


@pytest.fixture(autouse=True)
def _nothing_but_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def run(pytester: pytest.Pytester, test: str, allowed: str = "") -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.path.joinpath("allowed.toml").write_text(allowed, encoding="utf-8")
    pytester.makepyfile(test_it=f"import pytest, unittest\n{test}\n", test_other=PASSES)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider")


@pytest.mark.parametrize(
    ("test", "nodeid", "reason"),
    [
        pytest.param(
            "def test_it(): pytest.skip('some reason')",
            "test_it.py::test_it",
            "some reason",
            id="in-the-test",
        ),
        pytest.param(
            "@pytest.mark.skip(reason='some reason')\ndef test_it(): pass",
            "test_it.py::test_it",
            "some reason",
            id="mark",
        ),
        pytest.param(
            "@pytest.mark.skipif(True, reason='some reason')\ndef test_it(): pass",
            "test_it.py::test_it",
            "some reason",
            id="condition",
        ),
        pytest.param(
            "@pytest.fixture\ndef f(): pytest.skip('some reason')\ndef test_it(f): pass",
            "test_it.py::test_it",
            "some reason",
            id="fixture",
        ),
        pytest.param(
            "class TestIt(unittest.TestCase):\n    @unittest.skip('some reason')\n"
            "    def test_it(self): pass",
            "test_it.py::TestIt::test_it",
            "some reason",
            id="unittest",
        ),
        pytest.param(
            "@pytest.mark.xfail(reason='some reason')\ndef test_it(): assert False",
            "test_it.py::test_it",
            "some reason",
            id="xfail",
        ),
        pytest.param(
            "def test_it(): pytest.xfail('some reason')",
            "test_it.py::test_it",
            "some reason",
            id="xfail-in-the-test",
        ),
        pytest.param(
            "@pytest.mark.xfail(reason='some reason', strict=False)\ndef test_it(): pass",
            "test_it.py::test_it",
            "some reason",
            id="xpass",
        ),
        pytest.param(
            "pytest.importorskip('no_such_module', reason='some reason')",
            "test_it.py",
            "some reason",
            id="whole-module",
        ),
        pytest.param(
            "@pytest.mark.parametrize('x', [])\ndef test_it(x): pass",
            "test_it.py::test_it[[]NOTSET[]]",
            "got empty parameter set*",
            id="no-parameters",
        ),
        pytest.param(
            "def test_it(subtests):\n    with subtests.test(): pytest.skip('some reason')",
            "test_it.py::test_it",
            "some reason",
            id="subtest",
        ),
    ],
)
def test_what_is_not_listed_fails_the_run_and_is_named(
    pytester: pytest.Pytester, test: str, nodeid: str, reason: str
) -> None:
    result = run(pytester, test, ALLOW_ONE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*skipped without leave*", f"{nodeid}: {reason}"])


def test_what_is_listed_passes(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_listed(): pytest.skip('no engine here')", ALLOW_ONE)
    assert result.ret == pytest.ExitCode.OK
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.no_fnmatch_line("*skipped without leave*")


def test_a_listed_test_with_another_reason_fails(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_listed(): pytest.skip('too slow')", ALLOW_ONE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_it.py::test_listed: too slow"])


def test_a_glob_covers_parameters(pytester: pytest.Pytester) -> None:
    test = "@pytest.mark.parametrize('x', 'ab')\ndef test_it(x): pytest.skip('no engine')"
    result = run(pytester, test, '[[skip]]\ntest = "*::test_it?a?"\nreason = "no engine"\n')
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["test_it.py::test_it[[]b[]]: no engine"])
    result.stdout.no_fnmatch_line("test_it.py::test_it[[]a[]]: no engine")


def test_a_failure_stays_a_failure(pytester: pytest.Pytester) -> None:
    result = run(pytester, "def test_fails(): assert False")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    "allowed",
    [
        pytest.param("[[skip]", id="no-toml"),
        pytest.param('[[skip]]\ntest = "test_it.py"\n', id="without-reason"),
        pytest.param('[[skip]]\nreason = "no engine"\n', id="without-test"),
        pytest.param('[[skip]]\ntest = ""\nreason = "no engine"\n', id="empty-test"),
        pytest.param('[[skip]]\ntest = "test_it.py"\nreason = " "\n', id="blank-reason"),
        pytest.param('[[skip]]\ntest = "test_it.py"\nreason = 1\n', id="reason-no-text"),
        pytest.param(ALLOW_ONE + 'until = "2027"\n', id="unknown-key"),
        pytest.param(ALLOW_ONE + ALLOW_ONE, id="twice"),
        pytest.param('skip = "all"\n', id="no-tables"),
        pytest.param('[[skips]]\ntest = "test_it.py"\nreason = "no engine"\n', id="wrong-name"),
    ],
)
def test_a_malformed_list_ends_the_run(pytester: pytest.Pytester, allowed: str) -> None:
    result = run(pytester, "", allowed)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*allowed.toml*"])


def test_a_missing_list_ends_the_run(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=PASSES)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*allowed.toml cannot be read*"])


def test_a_module_skipped_in_a_worker_is_not_lost(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeconftest(CONFTEST)
    pytester.path.joinpath("allowed.toml").write_text("", encoding="utf-8")
    pytester.makepyfile(
        test_it="import pytest\npytest.importorskip('no_such_module', reason='some reason')\n",
        test_other=PASSES,
    )
    arguments = ("-p", "no:cacheprovider", "-p", "xdist", "-n", "1")
    result = pytester.runpytest_subprocess(*arguments, timeout=120)
    assert result.ret != pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*some reason*"])
