"""Folders and files as people have them, each with the answer that a person would call right."""
