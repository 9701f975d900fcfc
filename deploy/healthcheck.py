"""Is the process of this container healthy? Exit 0 yes, 1 no, with the reason in one line.

`healthcheck.py api` asks its `/healthz`. `healthcheck.py packer|detect|alerts` asks Kafka whether the worker's
consumer group has a member on this host: a worker whose loop hangs sends no heartbeats and is put out of the group,
which a look at the process table would not show. `healthcheck.py mqtt` looks at what the MQTT bridge says of itself in
the data folder each 5 s, `healthcheck.py notify` at the file that the notifier touches there.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterable

from streams.settings import Settings

WORKERS = ("packer", "detect", "alerts")
_GONE = ("Dead", "Empty")


def api(settings: Settings) -> str:
    """Why the API is not up, "" when it is."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=4)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except OSError as error:
        return f"/healthz on port {settings.port}: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"/healthz answered {status}"


def own_addresses() -> set[str]:
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    return {a.address.split("%")[0] for nic in psutil.net_if_addrs().values() for a in nic if a.family in families}


def worker(settings: Settings, name: str, addresses: Iterable[str]) -> str:
    """Why the worker does not take part in its group, "" when it does."""
    from streams.errors import CityopsError
    from streams.kafka import admin

    group_id = settings.app_id(name)
    try:
        with admin(settings) as client:
            group = client.describe_groups([group_id])[group_id]
    except (CityopsError, OSError) as error:
        return str(error)
    if group["group_state"] in _GONE:
        return f"group {group_id} is {group['group_state'].lower()}"
    hosts = {member["client_host"].lstrip("/") for member in group["members"]}
    return "" if hosts & set(addresses) else f"group {group_id} has no member on this host"


def mqtt(settings: Settings, old_s: float = 30.0) -> str:
    """Why the bridge is not at work, "" when it is."""
    from streams.folders import data_folder

    newest: dict[str, float] = {}
    for path in (data_folder(settings) / "mqtt").glob("*.json"):
        try:
            seen = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        newest = max(newest, seen, key=lambda s: s.get("at", 0.0))
    if time.time() - newest.get("at", 0.0) > old_s:
        return f"the MQTT bridge gave no sign of life in {old_s:.0f} s"
    return "" if newest.get("connected") else "the MQTT bridge has no connection to its broker"


def notify(settings: Settings, old_s: float = 30.0) -> str:
    """Why the notifier is not at work, "" when it is: it touches a file each 5 s."""
    from streams.folders import data_folder

    try:
        at = (data_folder(settings) / "notify.alive").stat().st_mtime
    except OSError:
        at = 0.0
    return "" if time.time() - at <= old_s else f"the notifier gave no sign of life in {old_s:.0f} s"


def main(arguments: list[str]) -> int:
    name = arguments[0] if len(arguments) == 1 else ""
    if name == "api":
        trouble = api(Settings())
    elif name in WORKERS:
        trouble = worker(Settings(), name, own_addresses())
    elif name == "mqtt":
        trouble = mqtt(Settings())
    elif name == "notify":
        trouble = notify(Settings())
    else:
        trouble = f"usage: healthcheck.py api|mqtt|notify|{'|'.join(WORKERS)}"
    if trouble:
        print(trouble, file=sys.stderr)
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
