"""Trunk and head as they are trained, exported to ONNX, and checked against each other."""
