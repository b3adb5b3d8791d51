"""The GPU path, checked and timed where there is a GPU; see docs/gpu.md."""
