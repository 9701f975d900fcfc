"""A domain's own profiles as they travel to the workers: the text of a `<domain>.toml`, whole."""

from __future__ import annotations

import msgspec


class ProfileFile(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="profiles"):
    """Profiles over those that ship; an empty text takes them back."""

    domain: str
    toml: str
    version: int = 1
    by: str = ""
    at_ms: int = 0

    @property
    def id(self) -> str:
        return self.domain


_decoder = msgspec.json.Decoder(ProfileFile)
encode = msgspec.json.Encoder().encode


def decode(value: bytes) -> ProfileFile:
    """The record of one JSON value.

    Raises:
        ValueError: not JSON, a field is missing or has the wrong type.
    """
    try:
        return _decoder.decode(value)
    except msgspec.MsgspecError as error:
        raise ValueError(f"profiles record is not usable: {error}") from None
