"""Every operation of our OpenAPI document, asked with made-up requests: no 5xx, and answers are as the document says.

Requests are drawn from the document (schemathesis), the same ones in every run, few for each operation so that all fit
in half a minute; to look for more: `CITYOPS_FUZZ_EXAMPLES=200 pytest tests/unit/api/test_schemathesis.py`.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from api.app import create_app
from api.context import Context
from api.routes import sensor_health
from api.webhook_sender import WebhookSender
from tests.unit.api.conftest import FakeBus, FakePoster, FakeProjection, alert_json, bearer, keep, record

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed; make env")
# Not that what fits the document is accepted: what times, codes and lists have to be is said there in words.
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
EXAMPLES = int(os.environ.get("CITYOPS_FUZZ_EXAMPLES", "6"))


@pytest.fixture
def schema(context: Context, projection: FakeProjection, bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sensor_health, "read", lambda *_, **__: [])  # refused messages: no Kafka is there
    projection.feed(record("w", severity="III"), record("g", domain="gas", unit="522622001"))
    bus.projection = projection
    bus.answer = {"accepted": True, "alert": alert_json("w", 2)}
    context.webhooks = WebhookSender(context.store, FakePoster, str)  # type: ignore[arg-type]
    keep(context, state="dead", unit="522601001", id="m1")
    context.hub.close()  # a feed that is opened ends at once
    context.settings = context.settings.replace(requests_per_minute=0, notify_inbound_secret="s" * 32)
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(context))


def attempt(operation: Any, headers: dict[str, str]) -> None:
    """Ask one operation `EXAMPLES` times; raises what schemathesis finds."""
    checks = [getattr(schemathesis.checks, name) for name in CHECKS]

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        case.call_and_validate(headers=headers, checks=checks)

    asked()


def test_all_operations(schema: Any, context: Context) -> None:
    headers = bearer(context, "admin")
    wrong: list[str] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        try:
            attempt(operation, headers)
        except BaseException as error:
            wrong.append(f"{operation.label}: {error} {getattr(error, 'exceptions', '')}")
    assert len(operations) > 60
    assert not wrong, f"{len(wrong)} operations:\n\n" + "\n\n".join(wrong)
