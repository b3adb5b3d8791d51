"""How much an image is like the training images, and from where on it is rejected."""
