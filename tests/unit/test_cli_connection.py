"""Connection settings become each Kafka client's own arguments."""

from __future__ import annotations

import inspect
import ssl

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from streams.errors import UsageError
from streams.kafka import aiokafka_kwargs, bootstrap_servers, faust_kwargs, kafka_python_kwargs, ssl_context
from streams.settings import Settings

SASL = {"sasl_mechanism": "scram-sha-512", "sasl_username": "u", "sasl_password": "p"}
CASES = [
    {},
    {"security_protocol": "SSL"},
    {"security_protocol": "sasl_plaintext", **SASL},
    {"security_protocol": "SASL_SSL", **SASL},
]


def made(**values: str) -> Settings:
    return Settings({"broker": "a:1,b:2", **values}, env={})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.get("security_protocol", "plain"))
def test_every_client_knows_its_arguments(case: dict[str, str]) -> None:
    settings = made(**case)
    for client in (KafkaAdminClient, KafkaConsumer, KafkaProducer):
        assert set(kafka_python_kwargs(settings)) <= set(client.DEFAULT_CONFIG)
    for client in (AIOKafkaProducer, AIOKafkaConsumer):
        assert set(aiokafka_kwargs(settings)) <= set(inspect.signature(client.__init__).parameters)
    assert faust_kwargs(settings)["broker"] == ["aiokafka://a:1", "aiokafka://b:2"]


def test_sasl_over_tls_reaches_faust_and_aiokafka_alike() -> None:
    settings = made(security_protocol="SASL_SSL", **SASL)
    kwargs = aiokafka_kwargs(settings)
    credentials = faust_kwargs(settings)["broker_credentials"]
    assert kwargs["security_protocol"] == credentials.protocol.value == "SASL_SSL"
    assert kwargs["sasl_mechanism"] == credentials.mechanism.value == "SCRAM-SHA-512"
    assert (kwargs["sasl_plain_username"], kwargs["sasl_plain_password"]) == ("u", "p")
    assert isinstance(kwargs["ssl_context"], ssl.SSLContext)
    assert kwargs["ssl_context"].check_hostname
    assert ssl_context(made(**SASL)) is None


@pytest.mark.parametrize("broker", ["", "host", "host:", "host:0", "host:70000", ":9092", "a:1,b"])
def test_an_address_without_a_port_is_refused(broker: str) -> None:
    with pytest.raises(UsageError, match="host:port"):
        bootstrap_servers(made(broker=broker))
