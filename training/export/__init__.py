"""The trained network as an ONNX file, and whether that file computes the same as the network."""
