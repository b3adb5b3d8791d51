"""The other servers, each as its users are told to write it, around the same pixels and the same model.

Every file but this one runs in an environment of its own, which has nothing of this project:
`python FILE MODEL_ONNX MANIFEST_JSON PORT`.
"""
