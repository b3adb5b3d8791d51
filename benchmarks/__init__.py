"""Measurements: each module is a command that prints a table and, last, one line of JSON."""
