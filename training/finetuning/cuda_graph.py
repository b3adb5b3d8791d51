"""A step's loss and gradients on a GPU, captured once as a CUDA graph and replayed.

A small network's step is a thousand kernels of some microseconds each: launching them one by one takes a
CPU longer than computing them takes the GPU. A graph launches them all at once (Nguyen et al. 2021,
"Accelerating PyTorch with CUDA Graphs"). It is the same computation in the same memory each time, so that a
batch is copied into the place of the first one, and gradients are always found in the same tensors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn

# Loss of images (B, 3, H, W) with targets (B,), of which each image's part is multiplied by a scale.
ScaledLoss = Callable[[Tensor, Tensor, Tensor | float], Tensor]
# So many steps of a form are taken as usual first: they choose kernels, and fail where memory is short.
WARMUP_STEPS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedStep:
    """A graph with the tensors that it reads and writes.

    Attributes:
        images, targets, scale: what is computed of; overwritten before each replay.
        loss: () float32.
        parameters, gradients: the gradients of the parameters that have any.
    """

    graph: torch.cuda.CUDAGraph
    images: Tensor
    targets: Tensor
    scale: Tensor
    loss: Tensor
    parameters: tuple[nn.Parameter, ...]
    gradients: tuple[Tensor, ...]

    @classmethod
    def of(
        cls,
        loss_of: ScaledLoss,
        parameters: Sequence[nn.Parameter],
        images: Tensor,
        targets: Tensor,
        device: torch.device,
    ) -> "CapturedStep":
        """Capture what one step computes, without computing it.

        Raises:
            RuntimeError: it does something that cannot be captured, such as asking for a value.
        """
        images, targets = images.to(device, copy=True), targets.to(device, copy=True)
        scale = torch.ones((), device=device)
        for parameter in parameters:
            parameter.grad = None  # the graph is to have its own
        graph = torch.cuda.CUDAGraph()
        # Other threads prepare images on the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            loss = loss_of(images, targets, scale)
            loss.backward()  # type: ignore[no-untyped-call]
        found = [parameter for parameter in parameters if parameter.grad is not None]
        return cls(
            graph=graph,
            images=images,
            targets=targets,
            scale=scale,
            loss=loss.detach(),
            parameters=tuple(found),
            gradients=tuple(p.grad for p in found if p.grad is not None),
        )

    def replay(self, images: Tensor, targets: Tensor, scale: float) -> float:
        """Set the gradients to those of a batch and return its loss."""
        self.images.copy_(images, non_blocking=True)
        self.targets.copy_(targets, non_blocking=True)
        self.scale.fill_(scale)
        self.graph.replay()
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter.grad = gradient
        return float(self.loss)


@dataclass(slots=True, kw_only=True)
class GraphCapture:
    """Decides when a step is captured, and keeps the graph for the present shape of batch.

    Attributes:
        on_note: called when capturing turns out to be impossible.
        problem: why it is impossible, once that is known.
    """

    device: torch.device
    parameters: tuple[nn.Parameter, ...]
    on_note: Callable[[str], None]
    captured_step: CapturedStep | None = None
    problem: str | None = None
    _form: torch.Size = field(default_factory=torch.Size)
    _seen: int = 0

    @classmethod
    def of(
        cls, network: nn.Module, device: torch.device, on_note: Callable[[str], None]
    ) -> "GraphCapture":
        """Return a capture of a network's steps that has not seen any."""
        return cls(device=device, parameters=tuple(network.parameters()), on_note=on_note)

    def captured(self, loss_of: ScaledLoss, images: Tensor, targets: Tensor) -> CapturedStep | None:
        """Return what replays such a batch; None where the step is to be taken as usual."""
        if self.problem is not None:
            return None
        if images.shape != self._form:
            # The run has come to larger images: the memory of the old graph goes first.
            self.forget()
            self._form = images.shape
        if self.captured_step is None and self._seen >= WARMUP_STEPS:
            self._record(loss_of, images, targets)
        self._seen += 1
        return self.captured_step

    def forget(self) -> None:
        """Free the graph's memory."""
        self._form, self._seen, self.captured_step = torch.Size(), 0, None

    def _record(self, loss_of: ScaledLoss, images: Tensor, targets: Tensor) -> None:
        try:
            self.captured_step = CapturedStep.of(
                loss_of, self.parameters, images, targets, self.device
            )
        except RuntimeError as err:
            self.problem = f"{type(err).__name__}: {str(err).splitlines()[0]}"
            self.on_note(f"steps stay slower than they could be, no CUDA graph: {self.problem}")
