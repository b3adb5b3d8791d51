"""A folder of images to a published model package. Uses `inference`, knows nothing of the service."""

import inference  # noqa: F401  # turns telemetry off before any library is imported
