"""The images, built and run by a real Docker Engine: `python -m tests.image` (`make image`)."""
