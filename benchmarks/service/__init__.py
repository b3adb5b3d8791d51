"""Our service beside others, over HTTP: throughput, latency, overload, faults, and the ceilings."""
