"""The registry's records as they are kept: a sensor, a zone, an asset, and their JSON."""

from __future__ import annotations

import msgspec

from geo.ids import AssetError


class Code(msgspec.Struct, frozen=True):
    """What another system calls the same object."""

    system: str
    value: str


class Pipe(msgspec.Struct, frozen=True):
    """A link of a network to the next object downstream."""

    to: str  # id of the asset downstream
    length_m: float = 0.0
    diameter_mm: float = 0.0


class Contact(msgspec.Struct, frozen=True):
    role: str
    name: str
    phone: str = ""


class Sensor(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="sensor"):
    """One measuring point with one kind of reading. `asset` is the object it watches ("" = itself)."""

    id: str
    domain: str
    kind: str
    profile: str = ""  # key in the detectors catalog; "" = `domain.kind`
    zone: str
    unit_code: str  # deepest administrative code known
    lon: float | None = None  # WGS-84 degrees
    lat: float | None = None
    approximate: bool = False
    asset: str = ""
    name_zh: str = ""
    name_en: str = ""
    unit: str = ""  # unit of measure
    interval_s: float = 60.0
    owner_org: str = ""
    operator_org: str = ""
    regulator: str = ""
    params: dict[str, float] = {}
    report: str = "continuous"  # or "batched": samples each interval_s, uploads each upload_s
    upload_s: float = 0.0
    flow_sign: int = 0  # part of its zone's flow balance: +1 into the zone, -1 out of it
    chainage_m: float | None = None  # metres along its zone's line or road, from the upstream end
    moving: bool = False  # sends its place with each reading
    valid: dict[str, tuple[float, float]] = {}  # metric -> least and greatest value the instrument can give
    codes: tuple[Code, ...] = ()
    contacts: tuple[Contact, ...] = ()
    installed: str = ""  # ISO dates
    calibrated: str = ""
    battery: str = ""  # last changed
    retired: bool = False  # readings are refused, open episodes end
    demo: bool = False
    version: int = 1


class Zone(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="zone"):
    """The unit of partitioning: sensors of one zone are read by one worker. `partition` is stored, never computed."""

    id: str
    domain: str
    county: str
    partition: int
    name_zh: str = ""
    name_en: str = ""
    version: int = 1


class Asset(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="asset"):
    """A thing of the city: a valve, a pipe, a well, a station, a school. Sensors name theirs in `Sensor.asset`."""

    id: str  # unified code without its check character, 522601-W-VLV-000123
    domain: str
    kind: str  # valve, pipe, well, …, of `geo.ids`
    name_zh: str = ""
    name_en: str = ""
    lon: float | None = None  # WGS-84 degrees; of a line its middle
    lat: float | None = None
    line: tuple[tuple[float, float], ...] = ()  # lon, lat of a pipe or road
    unit_code: str
    approximate: bool = False
    zone: str = ""
    parent: str = ""  # id of the asset it is a part of
    owner_org: str = ""
    operator_org: str = ""
    regulator: str = ""
    codes: tuple[Code, ...] = ()
    downstream: tuple[Pipe, ...] = ()
    length_m: float = 0.0
    diameter_mm: float = 0.0
    people: int = 0  # who are usually there
    customers: int = 0  # households and firms that it serves directly
    contacts: tuple[Contact, ...] = ()
    installed: str = ""  # ISO dates
    calibrated: str = ""
    battery: str = ""
    retired: bool = False  # out of service; its code is never given again
    demo: bool = False
    version: int = 1
    by: str = ""  # who made this version, and when
    at_ms: int = 0


Record = Sensor | Zone | Asset
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Sensor | Zone | Asset)


def encode(record: Record) -> bytes:
    """JSON of one record, with `"type"`: "sensor", "zone" or "asset"."""
    return _encoder.encode(record)


def decode(value: bytes | str) -> Record:
    """The record of one JSON value.

    >>> decode(encode(Zone(id="522601-W-DMA03", domain="water", county="522601", partition=2))).partition
    2

    Raises:
        AssetError: not JSON, no known type, a field is missing or has the wrong type.
    """
    try:
        record: Record = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise AssetError(f"registry record is not usable: {error}") from None
    return record
