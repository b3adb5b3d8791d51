"""Has the sums of answers written every few seconds, beside the requests."""

import asyncio
import logging
from typing import Final

from inference import PackageError
from service.collect.daily_sums import DailySums

logger = logging.getLogger(__name__)

_EVERY_S: Final = 10.0


async def flush_regularly(sums: DailySums) -> None:
    """Write and read the sums, until cancelled; a disk that is full is tried again."""
    was_written = True
    while True:
        is_written = await flush_now(sums, say=was_written)
        was_written = is_written
        await asyncio.sleep(_EVERY_S)


async def flush_now(sums: DailySums, *, say: bool = True) -> bool:
    """Write and read the sums once; return whether that worked, and log where it did not."""
    try:
        await asyncio.to_thread(sums.flush)
    except (OSError, PackageError) as err:
        if say:
            logger.error("sums_not_written reason=%s; they are kept in memory", err)
        return False
    return True
