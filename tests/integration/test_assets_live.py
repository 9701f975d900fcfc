"""`cityops assets` against a real Kafka: import all or nothing, show by any code, retire, export and back, labels."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path

import msgspec
import pytest

from api.registry import LiveRegistry
from geo.assets import Asset
from geo.codes import code_of
from streams import cli
from streams.errors import CityopsError
from streams.kafka import create_topics
from streams.registry import Registry, publish, read_all
from streams.settings import Settings

pytestmark = pytest.mark.integration
V = "522601-W-VLV-000001"


def test_the_whole_way(broker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    create_topics(settings)
    options = ["--broker", broker, "--prefix", settings.prefix]

    def run(*args: str) -> tuple[int, str, str]:
        code = cli.run(["assets", *args, *options])
        out, err = capsys.readouterr()
        return code, out, err

    file = tmp_path / "a.csv"
    good = f"id,lon,lat,codes,downstream\n{V},107.98,26.58,scada=V1,522601-W-VLV-000002 5\n"
    file.write_text(good, "utf-8")
    code, _, err = run("import", str(file))
    assert code == 2
    assert "a.csv, line 2: downstream: '522601-W-VLV-000002' is no object of the registry or of the file" in err
    assert len(read_all(settings)) == 0
    file.write_text(good + "522601-W-VLV-000002,107.981,26.58,,\n", "utf-8")
    assert run("import", str(file), "--dry-run")[1] == "2 assets would be added, 0 changed, 0 unchanged\n"
    assert len(read_all(settings)) == 0
    assert run("import", str(file))[0] == 0
    assert set(read_all(settings).assets) == {V, "522601-W-VLV-000002"}
    assert json.loads(run("import", str(file), "--json")[1])["unchanged"] == 2

    assert json.loads(run("show", V.replace("-", " ").lower(), "--json")[1])["id"] == V
    assert json.loads(run("show", "522601-W-VLV-000002", "--json")[1])["upstream"] == [V]
    assert run("show", f"{V}-0")[0] == 2
    code, _, err = run("show", "V99")
    assert (code, "is of no asset or sensor" in err) == (2, True)
    assert run("retire", "V1")[1] == "1 assets retired, 0 unchanged\n"
    there = read_all(settings).assets[V]
    assert (there.retired, there.version, there.by[:3]) == (True, 2, "cli")
    assert "retire --undo" in run("import", str(file))[2]
    assert run("retire", "V1", "--undo")[0] == 0
    assert len(run("list", "--kind", "valve", "--unit", "522601")[1].splitlines()) == 2
    assert run("list", "--kind", "valves")[0] == 2

    out = tmp_path / "out.geojson"
    assert run("export", "--out", str(out))[0] == 0
    assert json.loads(run("import", str(out), "--json")[1])["unchanged"] == 2
    assert run("qr", "V1", "522601-W-VLV-000002", "--out", str(tmp_path / "labels"))[0] == 0
    assert len(list((tmp_path / "labels").glob("522601-W-VLV-*.svg"))) == 2


async def test_the_api_changes_one_at_a_time_and_reads_back(broker: str) -> None:
    settings = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    await asyncio.to_thread(create_topics, settings)
    registry = LiveRegistry(settings)
    valve = Asset(id=V, domain="water", kind="valve", unit_code="522601", lon=107.98, lat=26.58)
    with pytest.raises(CityopsError, match="cannot be changed now: the registry has not been read yet"):
        await registry.change(lambda table: valve)
    following = asyncio.create_task(registry.run())
    try:
        async with asyncio.timeout(20):
            while registry.trouble:  # noqa: ASYNC110 - what is waited for is in Kafka
                await asyncio.sleep(0.05)
        assert await registry.change(lambda table: valve) == valve
        assert registry.table.find(f"{V}-{code_of(V)[-1]}") == valve

        def next_version(table: Registry) -> Asset:
            old = table.assets[V]
            return msgspec.structs.replace(old, version=old.version + 1, people=old.people + 1)

        await asyncio.gather(*(registry.change(next_version) for _ in range(5)))
        assert (registry.table.assets[V].version, registry.table.assets[V].people) == (6, 5)
    finally:
        following.cancel()
        await asyncio.wait([following])
    assert (await asyncio.to_thread(read_all, settings)).assets[V].version == 6


def test_the_demo_is_written_once_and_leaves_changes_alone(broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings({"broker": broker, "prefix": f"run.{uuid.uuid4().hex[:8]}."}, env={})
    create_topics(settings)
    command = ["assets", "demo", "--size", "small", "--json", "--broker", broker, "--prefix", settings.prefix]
    assert cli.run(command) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["records"] == first["written"] > 1_900
    known = read_all(settings)
    assert len(known) == first["records"]
    sensor = next(iter(known.sensors.values()))
    mine = msgspec.structs.replace(sensor, name_zh="改名", version=2)
    older = msgspec.structs.replace(known.assets[sensor.asset], name_zh="旧")
    publish(settings, [mine, older], known=known)
    assert cli.run(command) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 1
    again = read_all(settings)
    assert again.sensors[sensor.id].name_zh == "改名"
    assert again.assets[older.id] == known.assets[older.id]
