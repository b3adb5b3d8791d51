"""The Open Inference Protocol v2 over HTTP, with its binary tensor extension.

Specification: kserve/open-inference-protocol, `specification/protocol/inference_rest.md`; the binary
extension, the classification and timeout parameters, configuration and statistics are Triton's.

The one input `image` has two forms. UINT8 goes straight to the model: (N, H, W, 3) RGB of the model's
own size. BYTES is (N) encoded images of any size, decoded as in `/predict`; in JSON each is base64.
"""
