"""Folders of this machine: which may be chosen, and what is in them."""
