"""Alerts as CAP 1.2 messages (OASIS Common Alerting Protocol, 1 July 2010)."""
