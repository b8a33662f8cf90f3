"""Forks: what is told to whom, and that nobody is cut in two by one. Each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

BEGIN = """
import ctypes, gc, os, threading, time, warnings
from reference_impl import forks
warnings.simplefilter("ignore", DeprecationWarning)  # what the tests do on purpose: threads and forks

def child(work):
    "Fork; do work there; its exit code here."
    pid = os.fork()
    if not pid:
        code = 99
        try:
            code = work() or 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

class Part:
    def __init__(self, name, said):
        self.name, self.said, self.gate = name, said, forks.Gate()
        forks.register(self, before=Part.before, after_in_parent=Part.after, after_in_child=Part.begin)
    def before(self, until):
        self.said.append((self.name, "before", self.gate.shut(until)))
    def after(self):
        self.gate.open()
        self.said.append((self.name, "after"))
    def begin(self):
        self.said.append((self.name, "child", self.gate.renew()))
said = []
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_latest_is_told_first_before_and_the_first_is_told_first_after() -> None:
    run("""
inner, outer, gone = Part("inner", said), Part("outer", said), Part("gone", said)
del gone
gc.collect()
def work():
    assert said == [("outer", "before", True), ("inner", "before", True),
                    ("inner", "child", False), ("outer", "child", False)], said
assert child(work) == 0
assert said == [("outer", "before", True), ("inner", "before", True),
                ("inner", "after"), ("outer", "after")], said
""")


def test_nobody_who_is_inside_is_cut_in_two() -> None:
    """Four threads are nearly always inside, one call in another; fifty forks between them."""
    run("""
part = Part("p", said)
begun, ended, stop = [0] * 4, [0] * 4, threading.Event()
def work(number):
    while not stop.is_set():
        with part.gate:
            begun[number] += 1
            time.sleep(0.001)
            with part.gate:
                ended[number] += 1
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
def look():
    assert begun == ended, (begun, ended)
    with part.gate:
        return 0
try:
    for _ in range(50):
        del said[:]
        assert child(look) == 0
        assert said == [("p", "before", True), ("p", "after")], said
    before = sum(ended)
    until = time.monotonic() + 10
    while sum(ended) < before + 40:  # they go on
        assert time.monotonic() < until
finally:
    stop.set()
    for thread in threads:
        thread.join()
""")


def test_who_forks_from_within_does_not_wait_for_himself_and_the_child_is_told() -> None:
    run("""
part = Part("p", said)
def work():
    assert said[-1] == ("p", "child", True), said
began = time.monotonic()
with part.gate:
    assert child(work) == 0
    assert time.monotonic() - began < 3
assert said == [("p", "before", False), ("p", "after")], said
with part.gate:
    pass
""")


def test_a_fork_does_not_wait_for_ever() -> None:
    run("""
part, inside, leave = Part("p", said), threading.Event(), threading.Event()
second = Part("q", said)
def stay():
    with part.gate, second.gate:
        inside.set()
        leave.wait()
thread = threading.Thread(target=stay)
thread.start()
inside.wait()
began = time.monotonic()
assert child(lambda: {entry for entry in said if entry[1] == "child"}
             != {("p", "child", True), ("q", "child", True)}) == 0
assert 4.9 < time.monotonic() - began < 9  # five for both together
leave.set()
thread.join()
""")


def test_a_hook_that_fails_keeps_no_other_from_being_called() -> None:
    said = run("""
class Bad:
    def before(self, until):
        raise RuntimeError("a bad hook")
first, bad, last = Part("first", said), Bad(), Part("last", said)
forks.register(bad, before=Bad.before)
assert child(lambda: ("first", "child", False) not in said) == 0
assert [e[:2] for e in said] == [("last", "before"), ("first", "before"),
                                 ("first", "after"), ("last", "after")], said
""")
    assert "a bad hook" in said


def test_a_fork_that_python_was_not_told_of_is_noticed_at_the_gate() -> None:
    run("""
part = Part("p", said)
fork = ctypes.PyDLL(None).fork
pid = fork()
if not pid:
    code = 99
    try:
        with part.gate:
            code = said != [("p", "child", False)]
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
with part.gate:
    assert said == []
""")


def test_a_grandchild_is_a_child() -> None:
    run("""
part = Part("p", said)
def work():
    return child(lambda: said[-1] != ("p", "child", False) or len(said) != 4)
assert child(work) == 0
""")
