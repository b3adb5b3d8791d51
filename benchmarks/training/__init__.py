"""How good training is for the time it takes: our own table, and other trainers beside it."""
