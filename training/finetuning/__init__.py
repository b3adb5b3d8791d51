"""Training all weights, from the probe's head or from random weights."""
