"""A phone on the local network asks the model: a listener of its own, where the person has allowed it."""
