"""The fuzzer itself: what it notices, how it shrinks; see tests/fuzz."""

from __future__ import annotations

import random

from fuzz import judge, session
from fuzz.programs import KINDS, Programs
from fuzz.shrink import shrink


def test_judge_notices():
    assert judge.run("r = ops.add(np.ones(3, 'f4'), 1.0)") is None
    assert judge.run("r = ops.add(np.ones(3, 'f4'), np.ones(4, 'f4'))") is None  # refused by name
    assert judge.run("a0 = np.zeros(3)\na0[0] = 1").kind == "argument changed"
    assert judge.run("lamina.config.set_floatx('float64')").kind == "state changed"
    assert judge.run("assert lamina.config.floatx() == 'float32'") is None  # put back
    assert judge.run("r = check.agrees('argsort', np.array([1.0, 1.0]), axis=5)") is None
    assert judge.run("check.drawn(lambda x: Tensor(x) if type(x) is np.ndarray else x[0], np.ones((2, 3)))").kind == (
        "wrong result"
    )


def test_session_notices_crashes_and_hangs(monkeypatch):
    monkeypatch.setattr(session, "PATIENCE", 1)
    with session.Session() as s:
        assert s.signature("r = ops.relu(np.ones(3, 'f4'))") is None
        assert "SIGABRT" in s.signature("import os\nos.abort()")
        assert s.signature("while True: pass").startswith("hang")
        assert s.signature("r = 1") is None


def test_programs_are_those_of_their_seed():
    for kind in KINDS:
        one, two = (Programs(random.Random(7)).make(kind) for _ in range(2))
        assert one == two
        compile(one, kind, "exec")


def test_shrink_keeps_what_matters():
    program = "a0 = np.ones((2, 3), 'f4')\na1 = [1, 2]\nr = ops.sum(ops.relu(a0), axis=2**63, keepdims=True)"
    small = shrink(program, lambda p: "ops.sum(" in p and "63" in p)
    assert len(small) < 40
    assert small.startswith("r = ops.sum(")


def test_what_once_was_a_fault_is_none():
    with session.Session() as s:
        s.replay(session.corpus())
        assert not s.findings, "\n".join(map(str, s.findings.values()))


def test_a_short_run_finds_nothing():
    with session.Session(seed=1) as s:
        for _ in range(4):
            s.batch(150)
        assert not s.findings, "\n".join(map(str, s.findings.values()))
