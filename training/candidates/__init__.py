"""The models that compete: the linear probe and the fine-tuned network, and which of them wins."""
