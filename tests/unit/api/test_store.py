"""Applying the log: versions, touches, duplicates, offsets, epochs, and errors in one sentence."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from api import queries
from api.records import parse
from api.store import Store, StoreError
from streams.topic_watch import TopicWatch
from tests.postgres import BOTH
from tests.unit.api.conftest import T0, record

DATABASES = BOTH

EVERYTHING = queries.AlertFilter(prefix="5226", state="all")


def apply(store: Store, *values: bytes, offset: int = 1):
    return store.apply([parse(v) for v in values], {("alerts", 0): offset})


def test_a_new_alert_is_listed_with_one_transition(store: Store) -> None:
    done = apply(store, record())
    assert [e.seq for e in done.events] == [1]
    page = queries.list_alerts(store, EVERYTHING, 10, None)
    assert len(page.items) == 1
    assert page.cursor == store.cursor()
    assert len(queries.timeline(store, "a1")) == 1


def test_a_new_version_replaces_and_joins_the_timeline(store: Store) -> None:
    apply(store, record(), record(version=2, at_ms=T0 + 5, severity="II"))
    assert queries.get_alert(store, "a1")["severity"] == "II"
    assert len(queries.timeline(store, "a1")) == 2


def test_a_repeat_moves_count_but_is_no_transition(store: Store) -> None:
    apply(store, record())
    done = apply(store, record(at_ms=T0 + 30_000, trigger="repeat", count=7))
    row = queries.get_alert(store, "a1")
    assert len(done.events) == 1
    assert '"count":7' in row["json"]
    assert row["changed_ms"] == T0
    assert len(queries.timeline(store, "a1")) == 1


def test_the_same_record_twice_is_a_duplicate_and_an_older_one_is_stale(store: Store) -> None:
    apply(store, record(), record(version=2))
    again = apply(store, record(version=2), record(version=1))
    assert (again.events, again.duplicate, again.stale) == ([], 1, 1)
    assert queries.get_alert(store, "a1")["version"] == 2


def test_offsets_and_events_survive_a_restart(store: Store) -> None:
    apply(store, record(), offset=42)
    epoch = store.epoch
    store.close()
    again = Store(store.url)
    assert again.offsets() == {("alerts", 0): 42}
    assert (again.epoch, again.seq) == (epoch, 1)
    again.close()


def test_a_failed_batch_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("api.applying.save_offsets", boom)
    with pytest.raises(StoreError, match=r"/\S+: the disk is full; free some space"):
        apply(store, record(), offset=9)
    monkeypatch.undo()
    assert store.offsets() == {}
    assert queries.get_alert(store, "a1") is None
    assert apply(store, record()).events[0].seq == 1


def test_rebuilding_starts_a_new_epoch_and_keeps_users(store: Store) -> None:
    from api import users

    users.put(store, "anna", "long enough", "viewer", "522600")
    apply(store, record())
    old = store.cursor()
    store.drop({""})
    assert store.cursor().epoch != old.epoch
    assert store.cursor().seq == 0
    assert store.offsets() == {}
    assert queries.list_alerts(store, EVERYTHING, 10, None).items == []
    assert users.get(store, "anna") is not None


def test_old_events_are_dropped_but_the_timeline_stays(database: str) -> None:
    store = Store(database, keep_events=10)
    for version in range(1, 131):
        apply(store, record(version=version, at_ms=T0 + version))
    _, oldest = queries.position(store)
    assert oldest > 100
    assert len(queries.timeline(store, "a1")) == 130
    store.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"this is no database" * 100, "it is no database; move it away"), (b"SQLite format 3\x00" + b"\xff" * 4096, "")],
)
def test_a_file_that_is_no_database_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "cityops.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"cityops\.db: .*" + words):
        Store.in_folder(tmp_path)


def test_pages_hold_each_alert_once_newest_first(store: Store) -> None:
    apply(store, *(record(f"a{i:02}", at_ms=T0 + i // 3) for i in range(25)))
    seen: list[str] = []
    after = None
    while True:
        page = queries.list_alerts(store, EVERYTHING, 10, after)
        seen += page.items
        if page.next is None:
            break
        after = queries.parse_page_token(page.next)
    assert len(seen) == 25 == len(set(seen))


def test_one_run_is_dropped_and_the_others_stay(store: Store) -> None:
    for topic, id_ in (("alerts", "a"), ("run.x.alerts", "b"), ("run.xy.alerts", "c")):
        store.apply([parse(record(id_), topic=topic)], {(topic, 0): 1})
    store.keep_topics({"run.x.alerts": "1", "run.xy.alerts": "2"})
    assert store.topics() == {"alerts": "", "run.x.alerts": "1", "run.xy.alerts": "2"}
    store.drop({"x"})
    assert set(store.offsets()) == {("alerts", 0), ("run.xy.alerts", 0)}
    assert store.topics() == {"alerts": "", "run.xy.alerts": "2"}
    assert [queries.get_alert(store, id_) is not None for id_ in "abc"] == [True, False, True]
    assert [len(queries.timeline(store, id_)) for id_ in "abc"] == [1, 0, 1]


def test_topics_are_told_apart_by_their_ids() -> None:
    watch = TopicWatch({"alerts": "1", "run.old.alerts": "", "run.x.alerts": "2", "run.y.alerts": "3"})
    watch.look({})
    watch.look({})
    assert not watch.stale, "no answer is no deletion"
    here = {"alerts": "1", "run.old.alerts": "9", "run.y.alerts": "4"}
    watch.look(here)
    assert watch.stale == {"y"}, "an id that was not known is taken; one look without x may be a broker that starts"
    assert watch.kept() == {"run.old.alerts": "9", "run.y.alerts": "4"}
    watch.look(here)
    assert watch.stale == {"x", "y"}
    watch.forgotten({"x", "y"})
    assert (watch.stale, watch.known) == (set(), {"alerts": "1", "run.old.alerts": "9"})
    watch.look(here)
    assert not watch.stale
