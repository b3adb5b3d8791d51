"""A folder of images to a published model package. Uses `inference`, knows nothing of the service.

from training import train

package = train("photos/", name="garments", time_budget="10m")
"""

from training.interrupts import end_at_once_while_importing

end_at_once_while_importing()

from training.installed import check_installed

check_installed()

import inference  # noqa: F401  # turns telemetry off before any library is imported
from training.python_api import train

__all__ = ["train"]
