"""Tests of the standard datasets."""
