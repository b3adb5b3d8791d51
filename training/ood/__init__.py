"""Out-of-distribution detection: the score of an image, and the threshold below which it is rejected."""
