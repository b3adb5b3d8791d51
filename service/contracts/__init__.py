"""How managed platforms call a container: their addresses beside ours, their variables read as settings.

`GRAFT_CONTRACT` chooses one; each is a file.
"""

from collections.abc import Mapping
from typing import Final

from service.contracts import azureml, sagemaker, vertex
from service.contracts.contract import Contract

CONTRACTS: Final[Mapping[str, Contract]] = {
    found.name: found for found in (sagemaker.CONTRACT, vertex.CONTRACT, azureml.CONTRACT)
}
