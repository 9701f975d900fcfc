"""The supervisor with real child processes: readiness, crashes, stopping, logs, a parent that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from streams import process
from streams.errors import CityopsError
from streams.supervisor import Child, Supervisor

ROOT = Path(__file__).resolve().parents[2]
READY = 'print(\'{"ready": true, "url": "x"}\', flush=True)\n'
WAIT = "import time\ntime.sleep(60)\n"


def script(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    with Supervisor(said.append) as made:
        yield made


def test_readiness_line_is_read_and_the_rest_is_logged(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import sys; print('hello', file=sys.stderr); print('{broken'); print('{\"ready\": false}')\n" + READY + WAIT
    child = Child("api", script(code), tmp_path)
    supervisor.add(child)
    supervisor.wait_ready([child], 10)
    assert child.ready == {"ready": True, "url": "x"}
    until(lambda: "hello" in (tmp_path / "api.log").read_text())
    assert psutil.Process(child.process.pid).ppid() == os.getpid()
    assert os.getpgid(child.process.pid) != os.getpgid(0), "Ctrl-C in a terminal must reach the parent only"


def test_a_child_that_cannot_start_is_one_sentence(supervisor: Supervisor, tmp_path: Path) -> None:
    code = "import sys; print('noise', file=sys.stderr); sys.exit('cityops api: port 80 needs more rights')"
    supervisor.add(Child("api", script(code), tmp_path))
    waiting = Child("packer", script(WAIT), tmp_path)
    supervisor.add(waiting)
    with pytest.raises(CityopsError) as caught:
        supervisor.wait_ready([waiting], 10)
    assert str(caught.value).startswith("api could not start: port 80 needs more rights (exit code 1; log: ")
    assert caught.value.exit_code == 1


def test_a_child_that_refuses_its_input_gives_exit_code_2(supervisor: Supervisor, tmp_path: Path) -> None:
    child = Child("api", script("import sys; print('cityops api: bad', file=sys.stderr); sys.exit(2)"), tmp_path)
    supervisor.add(child)
    with pytest.raises(CityopsError) as caught:
        supervisor.wait_ready([child], 10)
    assert caught.value.exit_code == 2


def test_last_words_of_a_traceback_are_its_last_line(tmp_path: Path) -> None:
    child = Child("detect", script("raise KeyError('zone')"), tmp_path)
    until(lambda: not child.alive())
    assert child.last_words().startswith("KeyError: 'zone' (exit code 1")


def test_never_ready_is_told_with_the_log(supervisor: Supervisor, tmp_path: Path) -> None:
    child = Child("packer", script(WAIT), tmp_path)
    supervisor.add(child)
    with pytest.raises(CityopsError, match="packer not ready after 0 s; log: "):
        supervisor.wait_ready([child], 0.2)


def test_a_crashed_child_is_started_again_with_growing_pauses(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    child = Child("alerts", script(WAIT), tmp_path)
    supervisor.add(child)
    now = time.monotonic()
    for wait in (1, 2, 4):
        child.process.kill()
        until(lambda: not child.alive())
        supervisor.check(now)
        assert said[-1].startswith("alerts ended: ")
        assert said[-1].endswith(f"starting it again in {wait} s")
        assert "signal SIGKILL" in said[-1]
        supervisor.check(now + wait - 0.1)
        assert not child.alive()
        now += wait
        supervisor.check(now)
        assert child.alive()
    supervisor.check(now)
    assert len(said) == 3
    child.process.kill()
    until(lambda: not child.alive())
    supervisor.check(now + 61)  # it ran for long: short pause again
    assert said[-1].endswith("in 1 s")


def test_stop_goes_from_the_highest_stage_down(said: list[str], tmp_path: Path) -> None:
    code = """
        import signal, sys, time
        def end(*_):
            print(time.monotonic(), file=sys.stderr, flush=True); sys.exit(0)
        signal.signal(signal.SIGTERM, end)
        print('{"ready": true}', flush=True)
        time.sleep(60)
    """
    with Supervisor(said.append) as supervisor:
        children = [Child(name, script(code), tmp_path, stage=stage) for name, stage in (("a", 0), ("b", 2), ("c", 1))]
        for child in children:
            supervisor.add(child)
        supervisor.wait_ready(children, 10)
    ended = {name: float((tmp_path / f"{name}.log").read_text().split()[-1]) for name in "abc"}
    assert ended["b"] < ended["c"] < ended["a"]
    assert [child.process.returncode for child in children] == [0, 0, 0]
    assert not said


def test_what_does_not_end_is_killed_within_the_budget(said: list[str], tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + WAIT
    with Supervisor(said.append) as supervisor:
        child = Child("stubborn", script(code), tmp_path)
        supervisor.add(child)
        supervisor.wait_ready([child], 10)
        begun = time.monotonic()
        supervisor.stop(budget_s=0.5)
        assert time.monotonic() - begun < 3
    assert child.process.returncode == -signal.SIGKILL
    assert said == ["stubborn did not end in time and was killed"]


def test_go_reaches_the_child_and_a_dead_one_does_not_hurt(supervisor: Supervisor, tmp_path: Path) -> None:
    child = Child("simulate", script("print(input(), flush=True)"), tmp_path)
    supervisor.add(child)
    child.send("go")
    until(lambda: not child.alive())
    child.send("go")
    until(lambda: "go" in (tmp_path / "simulate.log").read_text())


def test_logs_are_bounded(tmp_path: Path) -> None:
    log = process.BoundedLog(tmp_path / "x.log", max_bytes=1000)
    for i in range(500):
        log.write(b"line %d\n" % i)
    log.close()
    kept = (tmp_path / "x.log.1").read_text() + (tmp_path / "x.log").read_text()
    assert len(kept) <= 2000
    assert kept.endswith("line 499\n")
    log.write(b"after close is no error")


PARENT = """
    import sys
    sys.path.insert(0, {root!r})
    from streams import process
    child = process.spawn({command!r}, guard={guard}, kernel={kernel})
    print(child.pid, flush=True)
    import time; time.sleep(60)
"""
WATCHING = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from streams.process import watch_parent\nwatch_parent()\n"


@pytest.mark.parametrize(
    ("kernel", "guard", "code"),
    [
        pytest.param(True, False, WAIT, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")),
        (False, False, WATCHING + WAIT),
        (False, True, WAIT),
    ],
    ids=["kernel", "watch", "guard"],
)
def test_children_end_when_the_parent_is_killed(kernel: bool, guard: bool, code: str) -> None:
    text = PARENT.format(root=str(ROOT), command=script(code), guard=guard, kernel=kernel)
    with subprocess.Popen(script(text), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        if guard:
            until(child.children)
        family = [child, *child.children(recursive=True)]
        time.sleep(0.3)
        assert all(member.is_running() for member in family)
        parent.kill()
    until(lambda: not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family))
