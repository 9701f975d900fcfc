"""Registry records in the order of the alerts' own log: the packer writes them into `detections`, with a key of their
own."""

from __future__ import annotations

import msgspec

from geo.assets import Asset
from streams.alerts.policy import Policy
from streams.duty.records import DutyRecord

KEY = b"config"  # detections have their county


class Config(msgspec.Struct, frozen=True):
    assets: list[Asset] = []
    policies: list[Policy] = []  # checked by those who write them and by the registry reader
    duty: list[DutyRecord] = []  # without addresses: see `streams.duty.records.without_addresses`


encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Config)


def decode(value: bytes) -> Config:
    """Raises msgspec.MsgspecError for what is no Config."""
    return _decoder.decode(value)
