"""The models folder in service: versions that come, answer and go."""
