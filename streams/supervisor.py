"""Starts the processes of one installation, keeps them running, and ends them in order.

A service is anything with the members of `Service`: a child process (`Child`) or the embedded broker
(`BrokerService`). All forks happen in the caller's thread, which has to be the main thread: it owns the
signals, and on Linux children are bound to the thread that made them.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from streams import process
from streams.broker import EmbeddedBroker, port_free
from streams.errors import CityopsError

Say = Callable[[str], None]
STOP_BUDGET_S = 17.0  # the contract gives 20 s
_FIRST_BACKOFF_S = 1.0
_LAST_BACKOFF_S = 30.0
_STEADY_S = 60.0  # a service that ran this long begins again with the short back-off


class Stopped(BaseException):
    """A signal asked to end while something was still starting."""


class Service(Protocol):
    name: str
    stage: int  # higher stages are stopped first; one stage is stopped together

    def alive(self) -> bool: ...
    def restart(self) -> None: ...
    def signal_stop(self) -> None: ...
    def finish(self, grace_s: float) -> bool: ...
    def last_words(self) -> str: ...


class Child:
    """A child process that says `{"ready": true, …}` on stdout; all else it says goes to its log."""

    def __init__(
        self, name: str, command: Sequence[str], log_dir: Path, env: Mapping[str, str] | None = None, stage: int = 2
    ) -> None:
        self.name, self.command, self.stage = name, list(command), stage
        self._env = env
        self.log = process.BoundedLog(log_dir / f"{name}.log")
        self.ready: dict[str, Any] | None = None
        self.process: subprocess.Popen[bytes] = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.ready = None
        self.log.last.clear()
        pipe = subprocess.PIPE
        child = process.spawn(self.command, env=self._env, stdin=pipe, stdout=pipe, stderr=pipe)
        assert child.stdout is not None
        assert child.stderr is not None
        self._pumps = [process.pump(child.stdout, self.log, self._look), process.pump(child.stderr, self.log)]
        return child

    def _look(self, line: bytes) -> None:
        if self.ready is None and line.lstrip().startswith(b"{"):
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if said.get("ready") is True:
                    self.ready = said

    def send(self, text: str) -> None:
        """Write one line to the child's stdin; a child that is gone hears nothing."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self.process.stdin.write(text.encode() + b"\n")
            self.process.stdin.flush()

    def alive(self) -> bool:
        return self.process.poll() is None

    def restart(self) -> None:
        self._close()
        self.process = self._spawn()

    def signal_stop(self) -> None:
        if self.alive():
            self.process.terminate()

    def finish(self, grace_s: float) -> bool:
        clean = process.stop(self.process, grace_s)
        self._close()
        return clean

    def _close(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        for pump in self._pumps:
            pump.join(1.0)

    def last_words(self) -> str:
        """Why it ended, in one clause: the sentence it said itself, else the last line of its traceback."""
        for pump in self._pumps:
            pump.join(1.0)
        lines = [line.strip() for line in self.log.last if line.strip() and not line.lstrip().startswith("{")]
        own = [line for line in lines if line.startswith("cityops")]
        code = self.process.poll()
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        why = own[-1].split(": ", 1)[-1] if own else lines[-1][:300] if lines else "it said nothing"
        return f"{why} ({how}; log: {self.log.path})"


class BrokerService:
    """The embedded broker as a service: stopped last, restarted on the same port."""

    name = "broker"
    stage = 0

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.broker = broker

    def alive(self) -> bool:
        return self.broker.alive()

    def restart(self) -> None:
        port = self.broker.port
        self.broker.kill()
        if not port_free(port):  # the other processes know this one only
            raise CityopsError(f"its port {port} was taken by another program; start cityops again")
        self.broker.launch()

    def signal_stop(self) -> None:
        if self.broker.process is not None and self.broker.alive():
            self.broker.process.terminate()

    def finish(self, grace_s: float) -> bool:
        return self.broker.stop(grace_s)

    def last_words(self) -> str:
        return self.broker.last_words()


class Supervisor:
    """Use as a context manager in the main thread: inside, signals ask to end; at its end all is stopped."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self.services: list[Service] = []
        self._stopping = False
        self._urgent = False
        self._starting = True
        self._old: dict[int, Any] = {}
        self._due: dict[str, float] = {}  # when a crashed service is started again
        self._backoff: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping, self._starting = True, False
        try:
            self.stop()
        finally:
            for number, handler in self._old.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._urgent = self._stopping  # asked a second time: at once
        self._stopping = True
        if self._starting:
            self._starting = False
            raise Stopped

    @property
    def stopping(self) -> bool:
        """Has a signal asked to end?"""
        return self._stopping

    def hold(self) -> None:
        """From here on a signal raises nothing: what follows is cleaning up, and has to be done whole."""
        self._stopping, self._starting = True, False

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """What is inside is done to its end; a signal that came meanwhile stops right after it (`Stopped`).

        For requests that another process carries out: to leave them half way would mean not to know what they did.
        """
        starting, self._starting = self._starting, False
        yield
        self._starting = starting and not self._stopping
        if starting and self._stopping:
            raise Stopped

    def add(self, service: Service) -> None:
        self.services.append(service)
        self._since[service.name] = time.monotonic()

    def wait_done(self, child: Child) -> None:
        """Wait until a child has done its one job; raises CityopsError when it failed."""
        while child.alive():
            time.sleep(0.02)
        self.services.remove(child)
        if child.process.returncode:
            raise self._could_not_start(child)
        child.finish(0)

    def wait_ready(self, children: Sequence[Child], timeout_s: float) -> None:
        """Wait for the readiness lines; raises CityopsError with the last words of one that ended."""
        deadline = time.monotonic() + timeout_s
        while waiting := [child for child in children if child.ready is None]:
            for service in self.services:
                if not service.alive():
                    raise self._could_not_start(service)
            if time.monotonic() > deadline:
                names = ", ".join(child.name for child in waiting)
                raise CityopsError(f"{names} not ready after {timeout_s:.0f} s; log: {waiting[0].log.path}")
            time.sleep(0.02)

    @staticmethod
    def _could_not_start(service: Service) -> CityopsError:
        error = CityopsError(f"{service.name} could not start: {service.last_words()}")
        if isinstance(service, Child) and service.process.returncode == 2:
            error.exit_code = 2  # the child refused its input
        return error

    def run(self) -> None:
        """Keep all services running until a signal asks to end."""
        self._starting = False
        while not self._stopping:
            self.check(time.monotonic())
            time.sleep(0.1)

    def check(self, now: float) -> None:
        """Start crashed services again, each after its back-off. `now` is monotonic seconds."""
        for service in self.services:
            name = service.name
            if name in self._due:
                if now >= self._due[name]:
                    del self._due[name]
                    self._since[name] = now
                    self._restart(service)
            elif not service.alive():
                steady = now - self._since[name] > _STEADY_S
                wait = _FIRST_BACKOFF_S if steady else self._backoff.get(name, _FIRST_BACKOFF_S)
                self._backoff[name] = min(wait * 2, _LAST_BACKOFF_S)
                self._due[name] = now + wait
                self._say(f"{name} ended: {service.last_words()}; starting it again in {wait:.0f} s")

    def _restart(self, service: Service) -> None:
        try:
            service.restart()
        except CityopsError as error:
            self._say(f"{service.name} could not be started again: {error}")
        except OSError as error:
            self._say(f"{service.name} could not be started again: {error.strerror or error}")

    def stop(self, budget_s: float = STOP_BUDGET_S) -> None:
        """Stop stage by stage, highest first; what does not end within the budget is killed."""
        deadline = time.monotonic() + budget_s
        stages = sorted({service.stage for service in self.services}, reverse=True)
        for i, stage in enumerate(stages):
            group = [service for service in reversed(self.services) if service.stage == stage]
            for service in group:
                service.signal_stop()
            reserve = 3.0 * (len(stages) - 1 - i)  # seconds kept for the stages below
            for service in group:
                if not self._finish(service, deadline - reserve):
                    self._say(f"{service.name} did not end in time and was killed")
        self.services.clear()

    def _finish(self, service: Service, deadline: float) -> bool:
        """Wait for the end in short steps, so that a second signal is heard."""
        while service.alive() and not self._urgent and time.monotonic() < deadline:
            time.sleep(0.02)
        return service.finish(0.0)
