"""Prometheus metrics of the workers, in one list.

A worker keeps its values in files of `<data>/metrics` (prometheus_client's multiprocess mode, chosen by
`streams.cli.common.keep_metrics` before this module is imported); the API of the same data folder serves them beside
its own. A worker elsewhere serves its own with `cityops worker … --metrics-port`.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram

LEDGER_COMMITS = Counter("cityops_ledger_commits_total", "transactions committed", ["app"])
LEDGER_BATCH = Histogram(
    "cityops_ledger_batch_records", "records in a transaction", ["app"], buckets=(0, 1, 5, 20, 50, 100, 200)
)
LEDGER_REFETCHED = Counter(
    "cityops_ledger_refetched_total", "holes in a sender's sequence that were read again", ["app"]
)
LEDGER_POISON = Counter("cityops_ledger_poison_total", "records that could not be processed", ["app"])
LEDGER_RESTORE = Histogram(
    "cityops_ledger_restore_seconds", "time to open a ledger", ["app"], buckets=(0.1, 0.3, 1, 3, 8, 15)
)
SNAPSHOTS_REFUSED = Counter("cityops_snapshots_refused_total", "snapshots of another version, state rebuilt")
SNAPSHOTS_MIGRATED = Counter("cityops_snapshots_migrated_total", "snapshots of an older version that were taken over")
READINGS = Counter("cityops_readings_total", "readings taken in", ["domain"])
REJECTS = Counter("cityops_rejected_rows_total", "rows rejected", ["reason"])
DROPPED = Counter("cityops_dropped_rows_total", "rows that reached no detector", ["domain", "reason"])
DETECTIONS = Counter("cityops_detections_total", "detections", ["domain", "kind", "state"])
TRANSITIONS = Counter("cityops_alert_transitions_total", "alert transitions", ["trigger"])
SUPPRESSED = Counter("cityops_suppressed_total", "transitions of alerts that a fence suppresses", ["kind"])
MQTT_MESSAGES = Counter("cityops_mqtt_messages_total", "MQTT messages by what became of them", ["outcome"])
MQTT_CONNECTS = Counter("cityops_mqtt_connects_total", "connections to the MQTT broker", ["outcome"])
NOTICES = Counter("cityops_notify_messages_total", "messages that came into the outbox", ["channel", "state"])
ATTEMPTS = Counter("cityops_notify_attempts_total", "attempts to send", ["channel", "outcome"])
NOTIFY_SECONDS = Histogram(
    "cityops_notify_seconds", "from the alert's transition to a message taken", ["channel", "severity"],
    buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 600),
)  # fmt: skip
BREAKERS = Counter("cityops_notify_opened_total", "breakers of destinations that opened", ["channel"])
OVERDUE = Counter("cityops_audit_overdue_total", "alerts found more than 30 s past their deadline")
TICKS = Counter("cityops_audit_ticks_total", "ticks that the auditor sent")
NOTIFY_POISON = Counter("cityops_notify_poison_total", "records of the alerts log that could not be read")
