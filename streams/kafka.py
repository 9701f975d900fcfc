"""Connecting to Kafka: one place that turns settings into each client's own keyword arguments.

Three clients share the settings: aiokafka (ledger, projector, simulators), kafka-python 3 (admin,
plain readers) and Faust (the host of the agents). `create_topics` and `delete_topics` make and
remove a run's topics with kafka-python's admin client.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from streams import topics
from streams.errors import CityopsError, UsageError
from streams.settings import Settings

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
MAX_MESSAGE_BYTES = 12 * 1024 * 1024  # as `streams.topics` gives the reading topics


def bootstrap_servers(settings: Settings) -> list[str]:
    """Bootstrap servers as `host:port`; raises UsageError where one has no port.

    >>> bootstrap_servers(Settings({"broker": "a:1, b:2"}, env={}))
    ['a:1', 'b:2']
    """
    servers = [part.strip() for part in settings.broker.split(",") if part.strip()]
    for server in servers:
        host, colon, port = server.rpartition(":")
        if not (host and colon and port.isdigit() and 0 < int(port) < 65536):
            raise UsageError(f"broker {server!r}: want host:port, as in --broker 127.0.0.1:9092")
    if not servers:
        raise UsageError("no broker is named; give --broker host:port")
    return servers


def _security(settings: Settings) -> tuple[bool, bool]:
    """(TLS, SASL) of the security protocol; raises UsageError for values no broker knows."""
    protocol = settings.security_protocol.upper()
    if protocol not in PROTOCOLS:
        raise UsageError(
            f"CITYOPS_SECURITY_PROTOCOL={settings.security_protocol!r}: want one of {', '.join(PROTOCOLS)}"
        )
    sasl = protocol.startswith("SASL_")
    if sasl and settings.sasl_mechanism.upper() not in MECHANISMS:
        raise UsageError(f"CITYOPS_SASL_MECHANISM={settings.sasl_mechanism!r}: want one of {', '.join(MECHANISMS)}")
    if sasl and not settings.sasl_username:
        raise UsageError(f"{protocol} needs a user: set CITYOPS_SASL_USERNAME and CITYOPS_SASL_PASSWORD")
    return protocol.endswith("SSL"), sasl


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS context from the ssl_* settings, None without TLS; raises UsageError for an unreadable file."""
    tls, _ = _security(settings)
    if not tls:
        return None
    name = settings.ssl_cafile
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile or None)
        if settings.ssl_certfile:
            name = settings.ssl_certfile
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{name}: cannot be used for TLS ({error}); want PEM files in CITYOPS_SSL_*") from None
    return context


def _common(settings: Settings) -> dict[str, Any]:
    tls, sasl = _security(settings)
    out: dict[str, Any] = {
        "bootstrap_servers": bootstrap_servers(settings),
        "security_protocol": settings.security_protocol.upper(),
    }
    if tls:
        out["ssl_context"] = ssl_context(settings)
    if sasl:
        out["sasl_mechanism"] = settings.sasl_mechanism.upper()
        out["sasl_plain_username"] = settings.sasl_username
        out["sasl_plain_password"] = settings.sasl_password
    return out


def aiokafka_kwargs(settings: Settings) -> dict[str, Any]:
    """Arguments that AIOKafkaProducer, AIOKafkaConsumer and AIOKafkaAdminClient share."""
    return _common(settings)


def kafka_python_kwargs(settings: Settings) -> dict[str, Any]:
    """Arguments that kafka-python 3's KafkaProducer, KafkaConsumer and KafkaAdminClient share.

    The client's own start-up wait is short, so that a wrong address is told in seconds.
    """
    return {**_common(settings), "bootstrap_timeout_ms": 10_000}


def faust_kwargs(settings: Settings) -> dict[str, Any]:
    """Arguments of `faust.App`: `broker` (URLs) and, with TLS or SASL, `broker_credentials`."""
    from faust.auth import SASLCredentials, SSLCredentials

    tls, sasl = _security(settings)
    out: dict[str, Any] = {"broker": [f"aiokafka://{server}" for server in bootstrap_servers(settings)]}
    if sasl:
        out["broker_credentials"] = SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            ssl_context=ssl_context(settings),
            mechanism=settings.sasl_mechanism.upper(),
        )
    elif tls:
        out["broker_credentials"] = SSLCredentials(ssl_context(settings))
    return out


@contextmanager
def admin(settings: Settings) -> Iterator[Any]:
    """A kafka-python admin client; raises CityopsError where the broker cannot be reached."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    kwargs = kafka_python_kwargs(settings)
    noise = logging.getLogger("kafka.net.manager")
    level = noise.level
    noise.setLevel(logging.CRITICAL)  # the trouble is told in one sentence
    try:
        client = KafkaAdminClient(**kwargs)
    except (KafkaError, OSError) as error:
        raise unreachable(settings, error) from None
    finally:
        noise.setLevel(level)
    try:
        yield client
    except KafkaError as error:
        raise CityopsError(f"Kafka at {settings.broker} refused: {error}") from error
    finally:
        client.close()


def unreachable(settings: Settings, error: BaseException) -> CityopsError:
    """The one sentence for a broker that does not answer."""
    if type(error).__name__ == "KafkaTimeoutError":  # it took the connection, and said nothing that Kafka says
        return CityopsError(
            f"what listens at {settings.broker} does not answer as Kafka does; check the port, and "
            f"CITYOPS_SECURITY_PROTOCOL ({settings.security_protocol})"
        )
    return CityopsError(
        f"no Kafka answers at {settings.broker} ({type(error).__name__}); "
        "start one with `cityops broker` or name another with --broker host:port"
    )


@dataclass(frozen=True)
class TopicsReport:
    """What `create_topics` did."""

    created: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def check_partitions(settings: Settings, have: Mapping[str, int]) -> None:
    """Raise UsageError where a topic of `have` (name → partitions) differs from CITYOPS_PARTITIONS.

    A worker that starts with another number would look for partitions that are not there, or leave some unread.
    """
    counts = {name: n for name, n in have.items() if name in topics.follow_setting(settings.prefix)}
    other = sorted(name for name, n in counts.items() if n != settings.partitions)
    if not other:
        return
    has, found = counts[other[0]], set(counts.values())
    more = f" (as {len(other) - 1} more)" if len(other) > 1 else ""
    if len(found) == 1:
        fix = f"set CITYOPS_PARTITIONS={has}, or start with an empty broker (`cityops up --data` with a new folder)"
    else:
        fix = (
            f"the topics there have {' and '.join(map(str, sorted(found)))}, all need the same: delete those that "
            "differ with Kafka's own tools, or start with an empty broker (`cityops up --data` with a new folder)"
        )
    raise UsageError(
        f"topic {other[0]}{more} has {has} partitions at {settings.broker}, "
        f"CITYOPS_PARTITIONS says {settings.partitions}: {fix}"
    )


def create_topics(settings: Settings) -> TopicsReport:
    """Create every topic of `streams.topics.specs` that is not there yet. Safe to call from several processes.

    Raises UsageError, before anything is created, where topics are there with another number of partitions: their
    keys are already spread, so they are never changed.
    """
    from kafka.errors import TopicAlreadyExistsError, for_code

    wanted = {spec.name: spec for spec in topics.specs(settings.partitions, settings.prefix)}
    report = TopicsReport()
    with admin(settings) as client:
        existing = partition_counts(client, list(wanted))
        check_partitions(settings, existing)
        report.kept.extend(existing)
        missing = {
            name: {
                "num_partitions": spec.partitions,
                "replication_factor": settings.replication,
                "configs": dict(spec.config),
            }
            for name, spec in wanted.items()
            if name not in existing
        }
        if missing:
            answer = client.create_topics(missing, timeout_ms=30_000, raise_errors=False)
            for topic in answer["topics"]:
                error = for_code(topic["error_code"])
                if topic["error_code"] == 0:
                    report.created.append(topic["name"])
                elif error is TopicAlreadyExistsError:
                    report.kept.append(topic["name"])
                else:
                    why = topic.get("error_message") or error.__name__
                    raise CityopsError(f"topic {topic['name']} could not be created at {settings.broker}: {why}")
            client.wait_for_topics(list(missing))
            if len(report.created) < len(missing):  # another process was quicker: with the same number?
                check_partitions(settings, partition_counts(client, list(wanted)))
    return report


def partition_counts(client: Any, names: list[str] | None = None) -> dict[str, int]:
    """Topic → number of partitions, of the topics that exist (all, or those named)."""
    present = set(client.list_topics())
    chosen = sorted(present if names is None else present.intersection(names))
    if not chosen:
        return {}
    return {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics(chosen)}


def delete_topics(settings: Settings, prefix: str) -> list[str]:
    """Delete every topic whose name begins with `prefix` (a run's `run.<id>.`); returns their names.

    Raises UsageError for a prefix that is not a run's, so that live topics are never swept away.
    """
    if not (prefix.startswith("run.") and prefix.endswith(".") and len(prefix) > 5):
        raise UsageError(f"prefix {prefix!r}: only a run's topics can be deleted, as in run.2024-storm.")
    with admin(settings) as client:
        names = sorted(name for name in client.list_topics() if name.startswith(prefix))
        if names:
            client.delete_topics(names, timeout_ms=30_000)
            _wait_gone(client, names)
    return names


def _wait_gone(client: Any, names: list[str], seconds: float = 15.0) -> None:
    """Brokers learn of a deletion after it was accepted; wait until a new run may use the names again."""
    deadline = time.monotonic() + seconds
    while left := set(names).intersection(client.list_topics()):
        if time.monotonic() > deadline:
            raise CityopsError(f"topics are still being deleted after {seconds:.0f} s: {', '.join(sorted(left))}")
        time.sleep(0.05)
