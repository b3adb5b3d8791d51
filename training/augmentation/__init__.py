"""Training images and their random augmentation, in batches: on the CPU or on the GPU."""
