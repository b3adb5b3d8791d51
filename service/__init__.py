"""HTTP around `inference`: batching, the models in service, operations, one web page."""

__version__ = "0.1.0"
