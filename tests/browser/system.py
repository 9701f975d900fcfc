"""The real system under the console: API and alerts worker as processes on a real Kafka, in a run of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaProducer

from geo.assets import Sensor, Zone
from geo.fences import Fence, Mark, encode
from streams import codec, tables, topics, versions
from streams.events import Detection, Evidence, Text
from streams.kafka import create_topics, kafka_python_kwargs
from streams.registry import publish
from streams.settings import Settings

KAILI, HUANGPING, LEISHAN = "522601001001", "522622100", "522634100"
PLACES = {KAILI: (107.982, 26.585), HUANGPING: (107.916, 26.896), LEISHAN: (108.08, 26.38)}
NAMES = {"water": "压力监测点", "gas": "燃气阀井", "traffic": "线圈检测站", "pipeline": "管线站"}


class Process:
    """A `cityops` command that prints one JSON line on stdout when it is ready."""

    def __init__(self, arguments: list[str], settings: Settings, log: Path) -> None:
        self._log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli", *arguments],
                env={**os.environ, **settings.environment()}, stdout=subprocess.PIPE, stderr=stderr,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, log.read_text("utf-8")
        self.ready: dict[str, Any] = json.loads(line)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class System:
    """`raise_`, `clear` and `readings` put records into Kafka as the detect worker and the packer would."""

    def __init__(self, broker: str, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(
            {"broker": broker, "prefix": f"run.b{uuid.uuid4().hex[:8]}.", "data": str(folder / "data"), "port": 0}
        )
        create_topics(self.settings)
        self.sensors: dict[str, Sensor] = {}
        self.producer = KafkaProducer(**kafka_python_kwargs(self.settings))
        self.worker = Process(["worker", "alerts"], self.settings, folder / "alerts.log")
        self.api = Process(["api", "--demo"], self.settings, folder / "api.log")
        self.url: str = self.api.ready["url"]

    def account(self, role: str, unit: str = "522600") -> dict[str, str]:
        return next(a for a in self.api.ready["accounts"] if (a["role"], a["unit"]) == (role, unit))

    def stop_api(self) -> None:
        self.api.stop()

    def start_api(self) -> None:
        """Again on the same port, as after an update."""
        port = int(self.url.rstrip("/").rpartition(":")[2])
        self.api = Process(["api", "--demo"], self.settings.replace(port=port), self.folder / "api.log")

    def close(self) -> None:
        self.producer.close()
        self.api.stop()
        self.worker.stop()

    def sensor(self, unit: str = KAILI, domain: str = "water") -> Sensor:
        """A new sensor in the registry."""
        number = len(self.sensors) + 1
        letter = topics.DOMAIN_LETTER[domain]
        zone = Zone(id=f"{unit[:6]}-{letter}-DMA01", domain=domain, county=unit[:6], partition=0)
        lon, lat = PLACES[unit]
        made = Sensor(
            id=f"{unit[:6]}-{letter}-GEN-{number:06d}", domain=domain, kind="generic", zone=zone.id, unit_code=unit,
            lon=lon + 0.02 * number, lat=lat, unit="m", name_zh=f"{NAMES[domain]} {number:02d}",
            name_en=f"{domain} point {number:02d}",
        )  # fmt: skip
        publish(self.settings, [zone, made])
        self.sensors[made.id] = made
        return made

    def fence(self, fence: Fence) -> None:
        """A fence in the registry."""
        tables.write(self.settings, topics.FENCES, versions.rows([(fence.id, fence.version, encode(fence))]))

    def raise_(
        self,
        sensor: Sensor,
        *,
        severity: str = "III",
        ago_s: float = 5.0,
        marks: tuple[Mark, ...] = (),
        soft: bool = False,
    ) -> str:
        """A detection that the severity matrix makes into an alert of this severity; returns its title.

        The tests raise more in a county than an operator bears: III is a hard limit and IV an equipment fault, which a
        storm does not put into groups. `soft`: a III that fences may suppress and people shelve.
        """
        title = f"{sensor.name_zh}读数异常"
        shape: dict[str, dict[str, Any]] = {
            "I": {"kind": "gas_concentration", "hard": True, "level": 3},
            "II": {"kind": "over_range", "hard": True},
            "III": {"kind": "drift", "magnitude": 2.0}
            if soft
            else {"kind": "gas_concentration", "hard": True, "level": 1},
            "IV": {"kind": "flatline", "cls": "equipment"},
        }
        self._detect(sensor, "raise", ago_s, title, {**shape[severity], "fences": marks})
        return title

    def clear(self, sensor: Sensor, kind: str = "gas_concentration") -> None:
        self._detect(sensor, "clear", 0.0, "", {"kind": kind})

    def _detect(self, sensor: Sensor, state: str, ago_s: float, title: str, shape: dict[str, Any]) -> None:
        now = int(time.time() * 1000)
        onset = now - int(ago_s * 1000)
        evidence = Evidence(
            detector="test", limit=38.0, score=0.91, threshold=0.5, expected=41.0, low=39.0, high=43.0, value=30.5,
            unit="m",
            series=tuple((onset - 10_000 + k * 1000, 41.0 if k < 10 else 30.5) for k in range(12)),
        )  # fmt: skip
        detection = Detection(
            id=uuid.uuid4().hex[:20], run=self.settings.run, mode="test", state=state, domain=sensor.domain,
            sensor=sensor.id, asset=sensor.id, zone=sensor.zone, county=sensor.zone[:6], unit=sensor.unit_code,
            lon=sensor.lon, lat=sensor.lat, ts_ms=now, onset_ms=onset, interval_s=1.0,
            name=Text(sensor.name_zh, sensor.name_en), title=Text(title, f"{sensor.name_en} is unusual"),
            reason=Text("读数 30.5 m，低于下限 39 m。", "30.5 m is below the lower limit of 39 m."),
            evidence=evidence, **shape,
        )  # fmt: skip
        self._send(topics.DETECTIONS, msgspec.json.encode(detection), sensor.zone[:6])

    def readings(self, sensor: Sensor, minutes: int = 10) -> None:
        """A reading a second until now."""
        now = int(time.time() * 1000)
        rows = [(sensor.id, now - k * 1000, 41.0 if k > 20 else 30.5) for k in range(minutes * 60, 0, -1)]
        self._send(topics.packed(sensor.domain), codec.pack(codec.from_rows(rows), "test", 1), sensor.zone[:6])

    def _send(self, topic: str, value: bytes, county: str) -> None:
        partition = topics.county_partition(county, self.settings.partitions)
        sent = self.producer.send(self.settings.prefix + topic, value, key=county.encode(), partition=partition)
        sent.get(timeout=10)
