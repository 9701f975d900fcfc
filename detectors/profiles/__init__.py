"""Detector profiles as data: one TOML file a domain, read and checked by `detectors.catalog`."""
