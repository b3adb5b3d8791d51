"""`training.finetune` on a CPU that is taken for one without AMX: it computes in float32 everywhere.

In bfloat16 what is zero but for rounding, such as the gradient of an attention's key bias, differs with the
number of processes, and AdamW makes whole steps of it.
"""

import sys

import torch

from training.finetune import main

if __name__ == "__main__":
    torch.cpu._is_amx_tile_supported = lambda: False
    sys.exit(main())
