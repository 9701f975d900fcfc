"""The alert engine, pure: severity, lifecycle table, and the step functions that make transitions."""
