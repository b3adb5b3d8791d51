"""Looks for inputs that cost more than they may: see `__main__.py`."""
