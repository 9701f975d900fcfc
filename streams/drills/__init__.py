"""Drills: scenes that are played through the alerts app in exercise mode, and what is made of their records. Pure."""
