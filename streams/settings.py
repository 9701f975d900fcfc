"""All settings of cityops in one list: name, default, help.

A setting is read from the environment variable ``CITYOPS_<NAME>``; command-line options of the same
name win. `docs/settings.md` is generated from this list (`cityops config docs`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class SettingError(ValueError):
    """A setting has a value that cannot be used; the text names the variable and the fix."""


@dataclass(frozen=True)
class Setting:
    name: str
    default: str | int | float | bool
    help: str

    @property
    def env(self) -> str:
        return "CITYOPS_" + self.name.upper()

    def parse(self, text: str) -> Any:
        kind = type(self.default)
        try:
            if kind is bool:
                return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
            return kind(text)
        except (ValueError, KeyError):
            want = {bool: "true or false", int: "a whole number", float: "a number"}.get(kind, "text")
            raise SettingError(f"{self.env}={text!r}: want {want} ({self.help})") from None


SETTINGS: tuple[Setting, ...] = (
    Setting("broker", "127.0.0.1:9092", "Kafka bootstrap servers, host:port[,host:port]"),
    Setting("security_protocol", "PLAINTEXT", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
    Setting("sasl_mechanism", "", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 when SASL is used"),
    Setting("sasl_username", "", "SASL user name"),
    Setting("sasl_password", "", "SASL password (prefer the environment to the command line)"),
    Setting("ssl_cafile", "", "PEM file with the certificate authority of the brokers"),
    Setting("ssl_certfile", "", "PEM file with the client certificate"),
    Setting("ssl_keyfile", "", "PEM file with the client key"),
    Setting("prefix", "", "topic prefix of a run, `run.<id>.`; empty for live operation"),
    Setting(
        "clock", "auto", "what time means: wall, event (the newest reading's), auto: wall when live, event in a run"
    ),
    Setting("mode", "auto", "actual, exercise or test; auto: actual when live, test in a run"),
    Setting("partitions", 4, "partitions of readings.<domain>, detections, commands and alerts"),
    Setting("replication", -1, "replication factor of topics that are created, -1: what the broker has as default"),
    Setting("data", "", "data folder; empty: the user's data folder, ~/.local/share/cityops"),
    Setting("cache", "", "cache folder for jars and compiled code; empty: the user's cache folder, ~/.cache/cityops"),
    Setting("host", "127.0.0.1", "address the HTTP server listens on"),
    Setting("port", 8420, "port of the HTTP server, 0 for any free one"),
    Setting("maven_repository", "", "Maven repository to fetch Kafka's jars from; empty: Maven Central"),
    Setting("kafka_home", "", "an existing Kafka folder (with libs/) to use instead of fetching jars"),
    Setting("kafka_heap", "256m", "heap of the embedded broker"),
    Setting("max_future_s", 60.0, "readings stamped further in the future than this are rejected"),
    Setting("max_age_s", 604800.0, "readings older than this are rejected as too old (live runs only)"),
    Setting("tick_s", 2.0, "seconds between the ticks that the packer writes into each partition"),
    Setting("pack_ms", 20, "longest time the packer waits to fill a message"),
    Setting("pack_rows", 2000, "rows at which the packer closes a message"),
    Setting("commit_ms", 50, "longest time a transaction stays open"),
    Setting("commit_messages", 200, "messages at which a transaction is committed"),
    Setting("snapshot_s", 10.0, "seconds between snapshots of detector state"),
    Setting("ingest_mb", 64, "megabytes of readings that the HTTP intake holds at most; more is answered with 429"),
    Setting("mqtt_url", "mqtt://127.0.0.1:1883", "the devices' MQTT broker, mqtt://host:port or mqtts://host:port"),
    Setting("mqtt_mapping", "", "TOML file that says what the MQTT topics and payloads mean"),
    Setting("mqtt_client_id", "", "names the MQTT session, one of its own a bridge; empty: cityops-<host name>"),
    Setting("mqtt_protocol", "5", "5 or 3.1.1"),
    Setting("mqtt_username", "", "MQTT user name"),
    Setting("mqtt_password", "", "MQTT password"),
    Setting("mqtt_password_file", "", "file that holds the MQTT password"),
    Setting("mqtt_cafile", "", "PEM file with the certificate authority of the MQTT broker; empty: the system's"),
    Setting("mqtt_certfile", "", "PEM file with the client certificate for the MQTT broker"),
    Setting("mqtt_keyfile", "", "PEM file with the client key for the MQTT broker"),
    Setting("mqtt_insecure", False, "take any certificate of the MQTT broker (never outside of a test)"),
    Setting("mqtt_keepalive_s", 30, "seconds of silence after which bridge and MQTT broker ask for each other"),
    Setting("mqtt_session_s", 86400, "seconds the MQTT broker keeps messages while the bridge is away (MQTT 5)"),
    Setting("mqtt_window", 4000, "messages the MQTT broker may send ahead of the acknowledgements (MQTT 5)"),
    Setting("ingest_wait_s", 10.0, "seconds the HTTP intake waits for Kafka's acknowledgement before it answers 503"),
    Setting("rebuild_s", 7200.0, "detector state that no snapshot gives is rebuilt from so many seconds; 0: from all"),
    Setting("command_wait_s", 3.0, "seconds the API waits for a command's result before it answers 504"),
    Setting("profiles", "", "folder with own profiles, `<domain>.toml`; each replaces or adds to those that ship"),
    Setting("divisions", "", "own table of units; empty: the imported `geo/divisions.csv` of the data folder, if any"),
    Setting(
        "boundaries", "", "folder with own boundaries; empty: the imported `geo/boundaries` of the data folder, if any"
    ),
    Setting("seats", "", "own seats of townships and villages; empty: `geo/seats.csv` of the data folder, if any"),
    Setting("geo_file_mb", 100, "megabytes of a file of boundaries, units or seats that is imported at most"),
    Setting("access_token_s", 3600, "life of an access token"),
    Setting(
        "requests_per_minute", 6000, "requests a minute with one token, ingest apart; more is answered 429; 0: any"
    ),
    Setting(
        "trusted_proxies",
        "",
        "addresses and networks of reverse proxies whose X-Forwarded-For is believed, a comma list",
    ),
    Setting("secret", "", "key that signs access tokens; empty: made once and kept in the data folder"),
    Setting("oidc_issuer", "", "OpenID provider to sign in at, its issuer URL; empty: none (docs/security.md)"),
    Setting("oidc_client_id", "", "id of cityops at the OpenID provider"),
    Setting("oidc_client_secret", "", "its secret there; empty: a public client, PKCE alone"),
    Setting(
        "oidc_public_url", "", "URL of the console as browsers see it, https://host: where the provider sends back"
    ),
    Setting("oidc_role_claim", "groups", "claim of the ID token whose values are mapped to roles"),
    Setting("oidc_roles", "", "value=role, a comma list, the first that fits: chiefs=commander,duty=officer"),
    Setting("oidc_unit_claim", "unit", "claim that holds the account's division code"),
    Setting("oidc_org_claim", "", "claim that holds organisations as the assets name them; empty: none"),
    Setting(
        "db",
        "",
        "the API's database, sqlite:///file or postgresql://user@host/name; empty: `cityops.db` of the data folder",
    ),
    Setting("notify_db", "", "SQLAlchemy URL of the notification outbox; empty: `outbox.db` of the data folder"),
    Setting("notify_language", "zh", "language of messages, zh or en"),
    Setting("notify_templates", "", "own texts of messages; each replaces one that ships (docs/notify.md)"),
    Setting("notify_sms_url", "", "SMS gateway, https://…; `file` or `console`: only written there; empty: none"),
    Setting("notify_sms_secret", "", "signs what goes to the SMS gateway"),
    Setting("notify_voice_url", "", "voice-call gateway, https://…; `file` or `console`; empty: none"),
    Setting("notify_voice_secret", "", "signs what goes to the voice gateway"),
    Setting("notify_mail_url", "", "mail account as an apprise URL, mailtos://user:…@host; `file` or `console`"),
    Setting("notify_webhook_secret", "", "signs what goes to webhooks"),
    Setting("notify_inbound_secret", "", "with it gateways sign answers (/inbound/voice, /inbound/sms); empty: closed"),
    Setting("notify_file", "", "TOML file with the seven above by name without notify_; the environment wins"),
    Setting("notify_allow", "", "hosts, addresses and networks of our own that messages may go to, a comma list"),
    Setting(
        "notify_rate", "voice=60,sms=300,chat=20,email=60", "messages a minute: voice and sms in all, else each way"
    ),
    Setting(
        "notify_digest_s", 30.0, "severity III and IV wait so long for others to the same person to join; 0: never"
    ),
    Setting("notify_timeout_s", 10.0, "seconds an attempt to send may take"),
    Setting("notify_attempts", 6, "attempts after which a message is given up"),
    Setting("notify_give_up_s", 3600.0, "seconds after which a message that failed is given up"),
    Setting(
        "tile_url", "", "map tiles under the console's map, https://host/{z}/{x}/{y}.png, WGS-84; empty: a sketch map"
    ),
    Setting("tile_attribution", "", "words that the tiles' owner wants on the map"),
    Setting("photo_mb", 8, "megabytes of a photo that is attached to an alert at most"),
    Setting(
        "playbooks", "", "TOML file with own playbooks; each replaces one that ships (docs/console.md); empty: none"
    ),
    Setting("log_level", "WARNING", "DEBUG, INFO, WARNING or ERROR"),
)
_BY_NAME = {s.name: s for s in SETTINGS}


class Settings:
    """Values of all settings, as attributes.

    >>> Settings({"port": 0}, env={"CITYOPS_TICK_S": "5"}).tick_s
    5.0
    """

    def __init__(self, overrides: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None) -> None:
        env = os.environ if env is None else env
        self._values: dict[str, Any] = {s.name: s.parse(env[s.env]) if s.env in env else s.default for s in SETTINGS}
        for name, value in (overrides or {}).items():
            if name not in _BY_NAME:
                raise SettingError(f"no setting is named {name!r}")
            if value is not None:
                self._values[name] = value

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def replace(self, **overrides: Any) -> Settings:
        return Settings({**self._values, **overrides}, env={})

    def environment(self) -> dict[str, str]:
        """The environment that gives a child process these same settings."""
        return {_BY_NAME[k].env: str(v).lower() if isinstance(v, bool) else str(v) for k, v in self._values.items()}

    @property
    def run(self) -> str:
        """Id of the run, "" when live: prefix `run.<id>.` -> `<id>`."""
        return self.prefix[4:-1] if self.prefix.startswith("run.") else ""

    @property
    def event_clock(self) -> bool:
        """True where "now" is the newest reading's time (a replay), not the wall clock."""
        return bool(self.clock == "event" or (self.clock == "auto" and self.run))

    @property
    def run_mode(self) -> str:
        """actual, exercise or test."""
        return str(self.mode) if self.mode != "auto" else ("test" if self.run else "actual")

    def app_id(self, app: str) -> str:
        """Consumer group and transactional id stem of an app of this run."""
        return f"{self.prefix}cityops-{app}"
