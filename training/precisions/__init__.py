"""Smaller, faster files beside the float32 model, published only where they keep its answers."""
