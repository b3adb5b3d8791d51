"""Points at which a trunk can be cut in two, so that the activations of its frozen front can be kept.

Found by watching one forward pass, so that no list of architectures has to be kept: where each module
takes exactly what the one before it gave, the network may be cut between them.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPoint:
    """A point of a trunk: `trunk(x)` is `back(front(x))`. All three share their weights.

    Attributes:
        name: the trunk's module that the back begins with.
        front: what comes before it.
        back: the trunk itself with its front taken out: its parameters keep the names that they have
            in the trunk, and what trains them trains the trunk.
        shape: the activations of one image between the two, mostly (D, h, w).
    """

    name: str
    front: nn.Sequential
    back: nn.Module
    shape: tuple[int, ...]


@torch.no_grad()
def split_trunk(trunk: nn.Module, example: Tensor) -> list[SplitPoint]:
    """Return the cuts of a trunk from input to output, each of them verified on `example`.

    Empty, or short of the network's end, where modules take more than one tensor (NASNet) or something
    is computed between them (the position embedding of vision transformers).

    Args:
        trunk: images to embeddings; it is left as it is, and in its mode.
        example: images (N, 3, H, W) float32.
    """
    with _evaluating(trunk):
        expected: Tensor = trunk(example)
        steps = _steps(_watch(trunk, example))
        cuts = []
        activations = example
        for i, step in enumerate(steps):
            if _begins_layer(step.module) and any(s.has_weights for s in steps[:i]):
                cut = _cut(trunk, steps[:i], step, activations)
                if _agree(cut.back(activations.clone()), expected):
                    cuts.append(cut)
            activations = step.module(activations)
    return cuts


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor as it was at one time: what is computed in place makes another value of it."""

    tensor: Tensor
    version: int

    def is_same(self, other: "_Value | None") -> bool:
        return other is not None and self.tensor is other.tensor and self.version == other.version


def _value(given: object) -> _Value | None:
    return _Value(given, given._version) if isinstance(given, Tensor) else None


@dataclass(slots=True, kw_only=True)
class _Call:
    """A module's part in a forward pass, and what it called itself; None for what is no tensor."""

    name: str
    module: nn.Module
    taken: _Value | None
    given: _Value | None = None
    inner: list["_Call"] = field(default_factory=list)

    @property
    def has_weights(self) -> bool:
        return next(self.module.parameters(), None) is not None


def _watch(trunk: nn.Module, example: Tensor) -> _Call:
    """Return the tree of calls of one forward pass."""
    root = _Call(name="", module=trunk, taken=_value(example))
    running = [root]

    def enter(name: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            alone = args[0] if len(args) == 1 and not kwargs else None
            call = _Call(name=name, module=module, taken=_value(alone))
            running[-1].inner.append(call)
            running.append(call)

        return hook

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        running.pop().given = _value(output)

    handles = []
    for name, module in trunk.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(enter(name), with_kwargs=True))
            handles.append(module.register_forward_hook(leave))
    try:
        root.given = _value(trunk(example))
    finally:
        for handle in handles:
            handle.remove()
    return root


def _steps(root: _Call) -> list[_Call]:
    """Return the modules that take exactly what the one before gave, as far as there are such."""
    return [step for call in _chain(root) for step in _opened(call)]


def _chain(call: _Call) -> list[_Call]:
    """Return the first calls of a module, as long as each takes what the one before gave."""
    chain: list[_Call] = []
    flowing = call.taken
    for inner in call.inner:
        if flowing is None or not flowing.is_same(inner.taken):
            break
        chain.append(inner)
        flowing = inner.given
    return chain


def _opened(call: _Call) -> list[_Call]:
    """Return the parts of a sequence, and of a stage that has one, and anything else as it is."""
    is_sequence = isinstance(call.module, nn.Sequential)
    has_sequence = any(isinstance(child, nn.Sequential) for child in call.module.children())
    chain = _chain(call)
    ends = chain[-1].given if chain and len(chain) == len(call.inner) else None
    if ends is None or not ends.is_same(call.given) or not (is_sequence or has_sequence):
        return [call]
    return [step for inner in chain for step in _opened(inner)]


def _begins_layer(module: nn.Module) -> bool:
    """Whether a module has a matrix: norms, activations and pooling stay with what is before them."""
    return any(parameter.ndim >= 2 for parameter in module.parameters())


def _cut(trunk: nn.Module, before: list[_Call], step: _Call, activations: Tensor) -> SplitPoint:
    return SplitPoint(
        name=step.name,
        front=nn.Sequential(*(call.module for call in before)),
        back=_without(trunk, {call.name for call in before}),
        shape=tuple(activations.shape[1:]),
    )


def _without(module: nn.Module, names: set[str]) -> nn.Module:
    """Return a copy in which the named modules do nothing; all others are shared."""
    bypassed = copy.copy(module)
    bypassed._modules = dict(module._modules)
    for child in {name.split(".")[0] for name in names}:
        below = {n.removeprefix(f"{child}.") for n in names if n.startswith(f"{child}.")}
        whole = nn.Identity() if child in names else _without(module.get_submodule(child), below)
        bypassed._modules[child] = whole
    return bypassed


def _agree(got: Tensor, expected: Tensor) -> bool:
    return torch.allclose(got, expected, rtol=1e-4, atol=1e-5)


@contextmanager
def _evaluating(trunk: nn.Module) -> Iterator[None]:
    """Let dropout and batch statistics rest for a block."""
    training = {module for module in trunk.modules() if module.training}
    trunk.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
