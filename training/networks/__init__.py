"""The network as it is trained: a trunk and a linear head, and faster forms of its layers."""
