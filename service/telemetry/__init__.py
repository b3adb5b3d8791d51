"""What is told to operators: metrics, the log of requests, traces."""
