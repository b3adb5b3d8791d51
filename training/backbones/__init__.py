"""Pretrained networks: find them, load their weights, take their old head off."""
