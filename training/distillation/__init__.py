"""Distillation: a published model's soft answers on labelled and unlabelled images, for a smaller one."""
