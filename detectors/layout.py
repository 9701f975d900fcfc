"""The state of one sensor, as fixed records: what every detector reads and writes.

Size per sensor: STATE 120 B + 6 SLOT of 32 B + ring of 24 readings of 8 B = 504 B.

Ring times are the low 32 bits of epoch ms: the newest time is known in full, so older ones follow by differences
(correct while two neighbours in the ring are less than 49 days apart).
"""

from __future__ import annotations

import numpy as np

RING = 24  # readings kept for evidence and rate of change
INIT = 16  # readings from which the first level and scale are taken; at most RING
LOW, HIGH, RANGE, FLAT, DROP, CLOCK = 0, 1, 2, 3, 4, 5  # slots: one condition each, at most one open episode each
SLOTS = 6
IDLE, PENDING, ACTIVE = 0, 1, 2  # phase of a slot
NONE, RAISE, UPDATE, CLEAR = 0, 1, 2, 3  # what a slot says after a reading
NORMAL, BETWEEN, ABNORMAL = 0, 1, 2  # a reading against a condition with hysteresis
DEVIATION, LIMIT, RATE, OUTSIDE, STUCK, SILENT, SKEWED = 1, 2, 3, 4, 5, 6, 7  # why a condition holds

STATE = np.dtype(
    [
        ("last_ts", "i8"),  # epoch ms of the newest reading; 0 before the first
        ("heard", "i8"),  # tick time at which anything last came from it, see dropout.py
        ("last", "f8"),
        ("level", "f8"),  # expected value
        ("scale", "f8"),  # mean absolute deviation around it
        ("tail", "f8"),  # high quantile of |z|: how wild this sensor is when nothing is wrong
        ("new_level", "f8"),  # the same while an episode is open, see adaptive.learn
        ("new_scale", "f8"),
        ("held_since", "i8"),
        ("flat_value", "f8"),
        ("flat_since", "i8"),
        ("n", "i4"),  # readings learned from
        ("held_n", "i4"),
        ("flat_n", "i4"),
        ("flat_longest", "f4"),  # longest run of equal values that was normal for this sensor
        ("profile", "i4"),  # row of the parameter table
        ("seen", "u4"),  # readings pushed into the ring, ever
        ("busy", "u1"),  # bit k: slot k is not idle
        ("relearned", "u1"),  # the open episode ended because the new level became the expected one
        ("pad", "u1", (2,)),  # explicit: copies of records leave hidden padding undefined
        ("lag", "f4"),  # least ms between a reading's time and its arrival, see clock.py
    ],
    align=True,
)
SLOT = np.dtype(
    [
        ("onset", "i8"),  # epoch ms at which the condition began
        ("since", "i8"),  # begin of the pending run, or of the normal run that may end the episode
        ("emit", "i8"),  # epoch ms of the newest detection
        ("peak", "f4"),  # largest magnitude told so far
        ("n", "u1"),  # readings in the run, at most 255
        ("phase", "u1"),
        ("level", "u1"),  # hard limit last told
        ("cause", "u1"),
    ],
    align=True,
)
EVENT = np.dtype(
    [
        ("ts", "i8"),
        ("onset", "i8"),
        ("value", "f8"),
        ("expected", "f8"),
        ("low", "f8"),
        ("high", "f8"),
        ("score", "f8"),
        ("threshold", "f8"),
        ("magnitude", "f8"),
        ("row", "i4"),
        ("series_n", "i4"),
        ("slot", "u1"),
        ("action", "u1"),
        ("level", "u1"),
        ("cause", "u1"),
        ("relearned", "u1"),
        ("pad", "u1", (3,)),
        ("series_ts", "i8", (RING,)),
        ("series", "f4", (RING,)),
    ],
    align=True,
)
BYTES_PER_SENSOR = STATE.itemsize + SLOTS * SLOT.itemsize + RING * 8
