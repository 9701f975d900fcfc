"""Parts of an alert: acks, suppressions, who was told, deadlines, what was done. Import them from `streams.events`."""

from __future__ import annotations

from msgspec import Struct


class Text(Struct, frozen=True):
    """One sentence for the officer in both languages."""

    zh: str
    en: str


class Ack(Struct, frozen=True):
    """A level has seen it. `level`: of LEVELS, or `organisation`. `on_behalf`: who said so by what number, 代签收."""

    level: str
    by: str
    at_ms: int
    expires_ms: int
    on_behalf: str = ""


class Suppression(Struct, frozen=True, kw_only=True):
    """Why nobody is told of an alert for now. `by`: who or what said so, a fence's id for BY_FENCE."""

    kind: str  # BY_FENCE | SHELVED | BY_RULE | OUT_OF_SERVICE
    by: str
    why: Text
    until_ms: int | None = None


class Link(Struct, frozen=True):
    """Another alert that belongs to this one, and why."""

    alert: str
    why: Text
    distance_m: float


class Escalation(Struct, frozen=True):
    """Where the chain of an alert stands. `deadline_ms` 0: no clock runs upward."""

    level: str = ""  # whose ack stops the clock
    step: int = 0
    deadline_ms: int = 0
    exhausted: bool = False  # all steps are done and nobody acked
    policy: str = ""  # id@version, the frozen one; "" before the chain started
    chain: int = 0  # which of its chains
    started_ms: int = 0
    repeats: int = 0


class Told(Struct, frozen=True, kw_only=True):
    """Somebody who was told. `place`: a unit code or `org:<id>`; `person`: "" where only the place is known."""

    place: str
    role: str
    person: str = ""
    at_ms: int
    channel: str
    step: int = 0
    acked: bool = False
    failed: bool = False  # all ways to this person failed
    key: str = ""  # of the notice that asked last, see Notice


class Notice(Struct, frozen=True, kw_only=True):
    """Whom a transition tells: the notifier makes messages of it. `key` is its own within the alert."""

    key: str  # version.n
    why: str  # raise | severity | escalate | remind | urge | supervise | clear | task | inform | delegate | close …
    place: str  # a unit code or org:<id>
    role: str
    people: tuple[str, ...] = ()  # ids; none: the place's duty room, or only the feed
    channels: tuple[str, ...] = ("feed",)  # each person by the first that works
    step: int = 0
    due_ms: int | None = None  # ack (or act) until then


class Deadline(Struct, frozen=True, kw_only=True):
    """By when a step is to be done. `state`: running | urged | supervised | escalated, as it was missed."""

    step: str
    due_ms: int
    next_ms: int  # when something happens next: due_ms, or the next reminder
    state: str = "running"
    allowed_s: int = 0
    extended: int = 0  # how often it was put off


class Disposal(Struct, frozen=True, kw_only=True):
    """What was found and done. `cause` and `action` are the officer's words."""

    cause: str
    action: str
    at_ms: int
    by: str
    level: str  # of who said so


class Attachment(Struct, frozen=True, kw_only=True):
    by: str
    at_ms: int
    name: str
    ref: str = ""  # of a file that is kept elsewhere
    note: str = ""
    taken_ms: int | None = None  # of a photo, as the telephone tells: when, and where (degrees WGS-84)
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None


class PublicWarning(Struct, frozen=True, kw_only=True):
    """预警发布: who approved which text, when. Only people make one."""

    text: str
    level: str
    by: str
    approved_by: str
    at_ms: int


class Report(Struct, frozen=True, kw_only=True):
    """An information report 信息报送 that went out. `kind`: first | follow_up | final; `form`: verbal | written."""

    kind: str
    form: str
    to: str
    by: str
    at_ms: int
    receipt: str = ""
