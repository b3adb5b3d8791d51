"""When the model should not be relied on: the OOD detector, its evaluation, and prediction sets."""
