"""The Open Inference Protocol v2 over HTTP, with its binary tensor extension.

Specification: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`; the binary
extension and the classification parameter are those of Triton. Here a tensor goes straight to the
model: (N, H, W, 3) uint8 RGB of the model's own size, no decoding, no resizing.
"""
