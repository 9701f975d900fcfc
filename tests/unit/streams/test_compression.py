"""gzip and zstd bodies: several members, damage with a reason, never more than the limit."""

from __future__ import annotations

import contextlib
import gzip
import os
import tracemalloc
from collections.abc import Callable

import cramjam
import pytest
from hypothesis import given, strategies as st

from streams.intake.compression import BadStreamError, TooLargeError, opened

LIMIT = 8 * 1024 * 1024


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


PACKERS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd}
DATA = [b"", b"x", b"a" * 3_000_000, os.urandom(300_000), b"ab" * 200_000]


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("data", DATA, ids=["empty", "one", "same", "random", "pairs"])
def test_round_trips_damage_and_limits(encoding: str, data: bytes) -> None:
    packed = PACKERS[encoding](data)
    assert opened(packed, encoding, LIMIT) == data
    assert opened(packed + packed, encoding, LIMIT) == data + data
    assert opened(packed, encoding, len(data)) == data
    for bad in (packed[:-1], packed[:-5], packed[:3], packed + b"xx", b"junk" + packed):
        with pytest.raises(BadStreamError):
            opened(bad, encoding, LIMIT)
    if data:
        with pytest.raises(TooLargeError):
            opened(packed, encoding, len(data) - 1)


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_does_not_fill_the_memory(encoding: str) -> None:
    bomb = PACKERS[encoding](bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        opened(bomb, encoding, LIMIT)
    assert tracemalloc.get_traced_memory()[1] < 3 * LIMIT
    tracemalloc.stop()


def test_what_a_header_may_ask_for() -> None:
    with pytest.raises(BadStreamError, match="1000 members"):
        opened(gzip.compress(b"x") * 1001, "gzip", LIMIT)
    with pytest.raises(BadStreamError, match="1000 frames"):
        opened(zstd(b"x") * 1001, "zstd", LIMIT)
    with pytest.raises(BadStreamError, match="window of 128 MiB"):
        opened(b"\x28\xb5\x2f\xfd\x00" + bytes([17 << 3]) + b"\x01\x00\x00", "zstd", LIMIT)
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00meta"
    assert opened(skippable + zstd(b"x"), "zstd", LIMIT) == b"x"
    assert opened(gzip.compress(b"x") + bytes(20), "gzip", LIMIT) == b"x"


@given(st.binary(max_size=200), st.sampled_from(list(PACKERS)), st.data())
def test_any_damage_is_an_error_or_the_same_bytes(data: bytes, encoding: str, draw: st.DataObject) -> None:
    packed = bytearray(PACKERS[encoding](data))
    packed[draw.draw(st.integers(0, len(packed) - 1))] ^= draw.draw(st.integers(1, 255))
    with contextlib.suppress(BadStreamError, TooLargeError):
        assert len(opened(bytes(packed), encoding, 1000)) <= 1000
