"""Standard datasets, written as the folders of images that training reads."""
