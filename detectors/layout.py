"""The state of one sensor, as fixed records: what every detector reads and writes.

Size per sensor: STATE 128 B + 6 SLOT of 32 B + ring of 24 readings of 8 B = 512 B. Detectors that few sensors need keep
their memory in a block that only those have: BLOCK and 2 SLOT, 328 B, and a season of 192 float32 where the seasonal
one is asked for.

Ring times are the low 32 bits of epoch ms: the newest time is known in full, so older ones follow by differences
(correct while two neighbours in the ring are less than 49 days apart).
"""

from __future__ import annotations

import numpy as np

RING = 24  # readings kept for evidence and rate of change
INIT = 16  # readings from which the first level and scale are taken; at most RING
LOW, HIGH, RANGE, FLAT, DROP, CLOCK = 0, 1, 2, 3, 4, 5  # slots: one condition each, at most one open episode each
SLOTS = 6
DRIFT, NOISE = 6, 7  # slots of a block
BLOCK_SLOTS = 2
IDLE, PENDING, ACTIVE = 0, 1, 2  # phase of a slot
NONE, RAISE, UPDATE, CLEAR = 0, 1, 2, 3  # what a slot says after a reading
NORMAL, BETWEEN, ABNORMAL = 0, 1, 2  # a reading against a condition with hysteresis
DEVIATION, LIMIT, RATE, OUTSIDE, STUCK, SILENT, SKEWED = 1, 2, 3, 4, 5, 6, 7  # why a condition holds
SEASON, SHIFT, MEAN, QUANTILE, DRIFTS, NOISIER, CALMER = 8, 9, 10, 11, 12, 13, 14  # ... by a detector with a block
BIT_SEASON, BIT_SHIFT, BIT_MEAN, BIT_QUANTILE, BIT_DRIFT, BIT_MOVE, BIT_STILL = 1, 2, 4, 8, 16, 32, 64
OFF_SCALE = 4  # hard level of a reading at full scale, see limits.py
BINS, HOURS = 168, 24  # of a season: levels, spreads

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
        ("block", "i4"),  # row of BLOCK; 0: none
        ("shape", "u4"),  # detectors with a block that have learned, as bits
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
BLOCK = np.dtype(
    [
        ("base", "f8"),  # seasonal.py: level less the season
        ("bin_sum", "f8"),  # ... of the readings in the bin that is being filled
        ("expected", "f8"),  # ... of the newest reading, and its scale
        ("sigma", "f8"),
        ("shift_level", "f8"),  # cusum.py: reference and its scale
        ("shift_scale", "f8"),
        ("up", "f8"),
        ("down", "f8"),
        ("up_since", "i8"),
        ("down_since", "i8"),
        ("mean_level", "f8"),  # page_hinkley.py
        ("mean_scale", "f8"),
        ("mean_up", "f8"),
        ("mean_down", "f8"),
        ("median", "f8"),  # quantile.py
        ("mad", "f8"),
        ("drift_now", "f8"),  # drift.py: short and long memory
        ("drift_ref", "f8"),
        ("drift_scale", "f8"),
        ("before", "f8"),  # variance.py: the reading before
        ("move_now", "f8"),  # ... mean square of differences, short and long memory
        ("move_ref", "f8"),
        ("still_now", "f8"),  # stuck.py: mean size of differences, and the least that was normal
        ("still_least", "f8"),
        ("season", "i4"),  # row of the seasons; 0: none
        ("bin", "i4"),  # bin that is being filled, + 1
        ("bin_n", "i4"),
        ("bins_seen", "i4"),
        ("shift_n", "i4"),
        ("mean_n", "i4"),
        ("median_n", "i4"),
        ("drift_n", "i4"),
        ("move_n", "i4"),
        ("still_n", "i4"),
        ("still_run", "i4"),
        ("season_s", "i4"),  # length of the season that was learned
        ("season_tail", "f4"),  # high quantile of the seasonal |z|, as `tail` of STATE
        ("shift_tail", "f4"),  # largest sums that were normal
        ("mean_tail", "f4"),
        ("move_tail", "f4"),
        ("shift_peak", "f4"),  # of the sums that run now
        ("mean_peak", "f4"),
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
BYTES_PER_BLOCK = BLOCK.itemsize + BLOCK_SLOTS * SLOT.itemsize
BYTES_PER_SEASON = 4 * (BINS + HOURS)
