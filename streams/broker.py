"""The embedded broker: a real single-node Kafka (KRaft) on loopback, without Docker or a system Java.

Data, ports and the pid live in `<data>/kafka`; a second start continues there. Readiness is asked of
the broker by an admin client, not guessed by waiting.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import IO

from streams import process
from streams.broker_config import LOG4J2, java_options, server_properties
from streams.broker_jars import Say, class_path, java
from streams.errors import CityopsError, UsageError
from streams.folders import writable
from streams.settings import Settings

HOST = "127.0.0.1"


def port_free(port: int, host: str = HOST) -> bool:
    """True when a server could listen on (host, port) now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = HOST) -> int:
    """A port nobody listens on; where it can be had, one the system never gives to outgoing connections.

    Else a client that calls a broker which is away could be given the broker's own port and keep it from coming back.
    """
    with contextlib.suppress(OSError, ValueError):
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        for port in random.sample(range(10_000, max(first, 10_000)), 20):
            if port_free(port, host):
                return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def new_cluster_id() -> str:
    """A random id in Kafka's form."""
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return "A" + cluster[1:] if cluster.startswith("-") else cluster  # Kafka would take it for an option


class EmbeddedBroker:
    """One Kafka node on loopback with its data in `data_dir`/kafka.

    `port` 0 takes the port of the last start when it is free, else any free one; a given port that is busy
    raises UsageError. Several nodes are one `broker_cluster.EmbeddedCluster`.
    """

    def __init__(
        self, data_dir: str | Path, port: int = 0, settings: Settings | None = None, say: Say = lambda text: None
    ) -> None:
        self.settings = settings or Settings()
        self.node_id = 1
        self.folder = Path(data_dir).absolute() / "kafka"
        self.log_path = Path(data_dir).absolute() / "logs" / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = port
        self._asked_port = port
        self._say = say
        self._controller_port = 0
        self._lock: IO[str] | None = None
        self._log: process.BoundedLog | None = None

    _name = "broker"

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self, timeout_s: float = 120.0) -> str:
        """Start and wait until the broker answers; returns its bootstrap address.

        Raises UsageError (busy port, folder in use, jars that cannot be had) or CityopsError.
        """
        try:
            self.launch()
            self.wait_ready(timeout_s)
        except BaseException:
            self.kill()
            raise
        return self.bootstrap

    def launch(self) -> None:
        """Start the Java process and return at once. Call it from a thread that lives on (see `process.spawn`)."""
        self._prepare()
        jars = os.pathsep.join(map(str, class_path(self.settings, self._say)))
        program = str(java(self._say))
        config = self._write_config()
        self._log = process.BoundedLog(self.log_path)
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        if not (self.folder / "logs" / "meta.properties").exists():
            self._format([program, *java_options("96m"), logging, "-cp", jars], config)
        self._say(f"starting the Kafka {self._name}…")
        self.process = process.spawn(
            [program, *java_options(self.settings.kafka_heap), logging, "-cp", jars, "kafka.Kafka", str(config)],
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            guard=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        (self.folder / "pid").write_text(str(self.process.pid))
        assert self.process.stdout is not None
        process.pump(self.process.stdout, self._log)

    def _prepare(self) -> None:
        """Take the data folder and the ports, before anything is started."""
        if self._asked_port and not port_free(self._asked_port):
            raise UsageError(
                f"port {self._asked_port} on {HOST} is busy: stop the program that listens there, "
                "or give another port (0 takes any free one)"
            )
        writable(self.folder, "the data folder (--data)")
        self._take_lock()
        self._choose_ports()

    def wait_ready(self, timeout_s: float = 120.0) -> None:
        """Wait until an admin client gets the cluster's description; raises CityopsError with the log's reason.

        A port that was chosen here and that another program took before Java could listen is chosen anew.
        """
        assert self.process is not None, "launch() first"
        deadline = time.monotonic() + timeout_s
        retries = 0 if self._asked_port else 2
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                if retries and self._port_was_taken():
                    retries -= 1
                    self.launch()
                    continue
                raise CityopsError(
                    f"the Kafka {self._name} ended while starting: {self.last_words()}; log: {self.log_path}"
                )
            if self._answers():
                return
            time.sleep(0.05)
        raise CityopsError(f"the Kafka {self._name} gave no answer within {timeout_s:.0f} s; log: {self.log_path}")

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, grace_s: float = 10.0) -> bool:
        """Clean stop (SIGTERM), killed after `grace_s`; False when it had to be killed."""
        clean = self.process is None or process.stop(self.process, grace_s)
        self._release()
        return clean

    def kill(self) -> None:
        """End at once as a crash would (SIGKILL)."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._release()

    def __enter__(self) -> EmbeddedBroker:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _release(self) -> None:
        if self._lock is not None:
            (self.folder / "pid").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
        if self._log is not None:
            self._log.close()

    def _take_lock(self) -> None:
        """One broker a data folder; a broker left over by a parent that was killed is ended first."""
        if self._lock is None:
            file = (self.folder / "lock").open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                raise UsageError(
                    f"the data folder {self.folder.parent} is in use by another cityops broker: "
                    "stop that one, or name another folder with --data"
                ) from None
            self._lock = file
        self._end_left_over()

    def _end_left_over(self) -> None:
        import psutil

        with contextlib.suppress(OSError, ValueError, psutil.Error):
            old = psutil.Process(int((self.folder / "pid").read_text()))
            if str(self.folder / "server.properties") in old.cmdline():
                self._say(f"ending a Kafka broker that an earlier run left (process {old.pid})…")
                old.terminate()
                try:
                    old.wait(10)
                except psutil.TimeoutExpired:
                    old.kill()
                    old.wait(5)

    def _choose_ports(self) -> None:
        remembered: dict[str, int] = {}
        with contextlib.suppress(OSError, ValueError, AttributeError):
            remembered = dict(json.loads((self.folder / "ports.json").read_text("utf-8")))

        def choose(name: str) -> int:
            port = remembered.get(name, 0)
            return port if isinstance(port, int) and port and port_free(port) else free_port()

        self.port = self._asked_port or choose("broker")
        self._controller_port = choose("controller")
        while self._controller_port == self.port:
            self._controller_port = free_port()
        self._remember_ports()

    def _remember_ports(self) -> None:
        ports = {"broker": self.port, "controller": self._controller_port}
        (self.folder / "ports.json").write_text(json.dumps(ports), "utf-8")

    def _write_config(self) -> Path:
        (self.folder / "log4j2.xml").write_text(LOG4J2, "utf-8")
        path = self.folder / "server.properties"
        text = server_properties(
            self.node_id, HOST, self.port, self._controller_port, self.folder / "logs", self._voters()
        )
        path.write_text(text, "utf-8")
        return path

    def _voters(self) -> list[str]:
        """Controllers as `id@host:port`."""
        return [f"{self.node_id}@{HOST}:{self._controller_port}"]

    def _cluster_id(self) -> str:
        return new_cluster_id()

    _format_options: tuple[str, ...] = ("--standalone",)

    def _format(self, java_command: list[str], config: Path) -> None:
        """Lay out a new data folder, once; a folder half laid out by a crash is laid out again."""
        command = [*java_command, "kafka.tools.StorageTool", "format", *self._format_options, "--ignore-formatted"]
        done = subprocess.run(
            [*command, "--cluster-id", self._cluster_id(), "--config", str(config)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False,
        )  # fmt: skip
        assert self._log is not None
        for line in done.stdout.splitlines():
            self._log.write(line)
        if done.returncode:
            raise CityopsError(f"Kafka's data folder {self.folder} could not be laid out: {self.last_words()}")

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 0.2):
            from kafka import KafkaAdminClient
            from kafka.errors import KafkaError

            with contextlib.suppress(KafkaError, OSError):
                client = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=2000)
                try:
                    brokers = client.describe_cluster()["brokers"]
                    return any(b["broker_id"] == self.node_id and not b.get("is_fenced") for b in brokers)
                finally:
                    client.close()
        return False

    def _port_was_taken(self) -> bool:
        return self._log is not None and any("BindException" in line for line in self._log.last)

    def last_words(self) -> str:
        """Why it ended, in one clause: the telling line of its log, and how the process ended."""
        lines = [line.strip() for line in (self._log.last if self._log is not None else ())]
        told = [line for line in lines if line and not line.startswith(("at ", "WARNING: ", "["))]
        marks = ("Caused by:", "Exception", "Error", "ERROR", "FATAL")
        telling = next((hits[-1] for mark in marks if (hits := [line for line in told if mark in line])), "")
        code = None if self.process is None else self.process.poll()
        how = "" if code is None else f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return ", ".join(part for part in (telling[:200] or (told[-1][:200] if told and not how else ""), how) if part)
