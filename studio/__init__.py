"""One local page around training, service and inference: look, correct, train, try, collect."""
