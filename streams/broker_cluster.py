"""Several embedded Kafka nodes as one cluster on this machine: each record on up to three, one may be lost.

Every node is broker and controller, a Java process of its own, all children of this process; its data are in
`<data>/kafka/node-<n>`. The nodes know each other by a fixed list of controllers, so ports are chosen for all of them
before the first is started; a node that is started again keeps its ports.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from types import TracebackType

from streams.broker import HOST, EmbeddedBroker, free_port, new_cluster_id, port_free
from streams.broker_jars import Say
from streams.errors import CityopsError, UsageError
from streams.folders import writable
from streams.settings import Settings

MAX_NODES = 9


class ClusterNode(EmbeddedBroker):
    """One node of an `EmbeddedCluster`; `launch`, `wait_ready`, `stop` and `kill` are those of a single broker."""

    _format_options = ()

    def __init__(self, cluster: EmbeddedCluster, node_id: int, port: int) -> None:
        super().__init__(cluster.data_dir, port, cluster.settings, cluster.say)
        self.cluster = cluster
        self.node_id = node_id
        self.folder = cluster.folder / f"node-{node_id}"
        self.log_path = cluster.data_dir / "logs" / f"broker-{node_id}.log"
        self._name = f"broker {node_id}"
        self._prepared = False

    def prepare(self, taken: set[int]) -> None:
        """Take the folder and choose ports that no other node has; once, before any node is launched."""
        super()._prepare()
        while self.port in taken or self._controller_port in taken:
            if self._asked_port in taken:
                raise UsageError(f"port {self._asked_port} is wanted twice")
            self.port = self._asked_port or free_port()
            self._controller_port = free_port()
        self._remember_ports()
        taken |= {self.port, self._controller_port}
        self._asked_port = self.port  # kept as long as the cluster lives
        self._prepared = True

    def _prepare(self) -> None:
        if self._prepared:  # the first launch: `prepare` has just been called
            self._prepared = False
            return
        self._take_lock()  # ends what an earlier process left on these ports
        for port in (self.port, self._controller_port):
            if not port_free(port):
                raise UsageError(f"port {port} on {HOST} of Kafka node {self.node_id} is taken: stop the other program")

    @property
    def voter(self) -> str:
        return f"{self.node_id}@{HOST}:{self._controller_port}"

    def _voters(self) -> list[str]:
        return [node.voter for node in self.cluster.nodes]

    def _cluster_id(self) -> str:
        return self.cluster.cluster_id()


class EmbeddedCluster:
    """`nodes` Kafka nodes on loopback. `port` is the first node's, the next ones follow; 0 takes any free ones.

    With three nodes every topic is on all three and a write is acknowledged by two (min.insync.replicas), so one may be
    lost at any moment.
    """

    def __init__(
        self,
        data_dir: str | Path,
        nodes: int = 3,
        port: int = 0,
        settings: Settings | None = None,
        say: Say = lambda text: None,
    ) -> None:
        if not 1 <= nodes <= MAX_NODES:
            raise UsageError(f"{nodes} nodes: want 1 to {MAX_NODES}")
        self.settings = settings or Settings()
        self.data_dir = Path(data_dir).absolute()
        self.folder = self.data_dir / "kafka"
        self.say = say
        self.nodes = [ClusterNode(self, i + 1, port + i if port else 0) for i in range(nodes)]

    @property
    def bootstrap(self) -> str:
        """Addresses of all nodes, with commas."""
        return ",".join(node.bootstrap for node in self.nodes)

    def cluster_id(self) -> str:
        """The id all nodes share, made once and kept in the data folder."""
        path = self.folder / "cluster-id"
        with contextlib.suppress(OSError):
            if kept := path.read_text("utf-8").strip():
                return kept
        made = new_cluster_id()
        path.write_text(made + "\n", "utf-8")
        return made

    def start(self, timeout_s: float = 180.0) -> str:
        """Start all nodes and wait until the cluster is whole; returns its bootstrap addresses.

        Raises UsageError (busy port, folder in use or laid out for another number of nodes) or CityopsError.
        """
        try:
            self.launch()
            self.wait_ready(timeout_s)
        except BaseException:
            self.kill()
            raise
        return self.bootstrap

    def launch(self) -> None:
        """Start the Java processes and return. Call it from a thread that lives on (see `process.spawn`)."""
        writable(self.folder, "the data folder (--data)")
        self._check_folder()
        taken: set[int] = set()
        for node in self.nodes:
            node.prepare(taken)
        for node in self.nodes:
            node.launch()

    def _check_folder(self) -> None:
        if (self.folder / "logs" / "meta.properties").exists():
            raise UsageError(f"{self.folder} holds the data of a single broker: name another folder with --data")
        there = {path.name for path in self.folder.glob("node-*")}
        if there and there != {node.folder.name for node in self.nodes}:
            raise UsageError(f"{self.folder} holds a cluster of {len(there)} nodes: give --nodes {len(there)}")

    def wait_ready(self, timeout_s: float = 180.0) -> None:
        """Wait until all nodes are members and serve; raises CityopsError with the log's reason."""
        deadline = time.monotonic() + timeout_s
        for node in self.nodes:
            node.wait_ready(max(1.0, deadline - time.monotonic()))
        while (have := self.serving()) < len(self.nodes):
            if time.monotonic() > deadline:
                raise CityopsError(f"only {have} of {len(self.nodes)} Kafka nodes serve after {timeout_s:.0f} s")
            time.sleep(0.1)

    def serving(self) -> int:
        """Nodes that the cluster itself counts as serving; 0 where none answers."""
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        with contextlib.suppress(KafkaError, OSError):
            servers = self.bootstrap.split(",")
            client = KafkaAdminClient(bootstrap_servers=servers, bootstrap_timeout_ms=5000)
            try:
                return sum(not broker.get("is_fenced") for broker in client.describe_cluster()["brokers"])
            finally:
                client.close()
        return 0

    def alive(self) -> bool:
        """More than half of the nodes run: the cluster can decide."""
        return 2 * sum(node.alive() for node in self.nodes) > len(self.nodes)

    def stop(self, grace_s: float = 10.0) -> bool:
        """Clean stop of all together; False when one had to be killed."""
        for node in self.nodes:
            if node.process is not None and node.alive():
                node.process.terminate()
        deadline = time.monotonic() + grace_s
        clean = [node.stop(max(0.1, deadline - time.monotonic())) for node in self.nodes]
        return all(clean)

    def kill(self) -> None:
        """End all at once as a power cut would (SIGKILL)."""
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> EmbeddedCluster:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
