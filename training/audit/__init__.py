"""What is wrong with an image folder: copies, leaks, wrong labels, poor images. Changes nothing."""
