"""Other trainers, each a script of its own that runs in an environment of its own.

They share `trial.py` with each other and nothing with the project.
"""
