"""Alarm figures after EEMUA 191, ISA-18.2 and IEC 62682: facts in, numbers out. Pure: time is an argument."""
