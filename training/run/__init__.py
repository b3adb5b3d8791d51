"""The stages of one training run: prepare, fit, measure, publish."""
