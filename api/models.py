"""Every file that declares tables of the API's database. A new one is named here: what makes, compares and copies
tables knows them from here."""

from __future__ import annotations

from api import account_tables, alert_orgs, audit_table, schema, webhook_table

FILES = (schema, account_tables, alert_orgs, audit_table, webhook_table)
metadata = schema.metadata
