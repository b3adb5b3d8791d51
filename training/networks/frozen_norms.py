"""BatchNorm whose statistics stand still, as a part of the convolution before it.

Such a layer multiplies and shifts each channel, which the convolution's weights can do in its stead: the
folding that is usual for inference. Here the folded weights are made anew at each step, of parameters
that stay where they are and get the gradients they would have had: the same function with two passes
fewer over each layer's activations.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

import torch
from timm.layers import BatchNormAct2d
from timm.layers.conv2d_same import Conv2dSame, conv2d_same
from torch import Tensor, nn

from training.networks.replaced_forward import replaced_forward

# Of exactly these classes it is known what they compute.
_CONVOLUTIONS: Final = (nn.Conv2d, Conv2dSame)
_NORMS: Final = (nn.BatchNorm2d, BatchNormAct2d)
# Of the largest logit. A folding that is wrong is wrong by far more; a GPU's TF32 rounds by less.
_TOLERANCE: Final = 0.02

Pair = tuple[nn.Conv2d, nn.BatchNorm2d]


@contextmanager
def folded_norms(network: nn.Module, example: Tensor) -> Iterator[int]:
    """Fold a network's BatchNorm layers for a block; yield how many.

    None where what the network says of `example` would change: where it uses a convolution's result
    for something else, too.

    Args:
        network: its BatchNorm layers are in evaluation mode for the whole block.
        example: what it takes, a few images.
    """
    pairs = find_pairs(network, example)
    with ExitStack() as stack:
        expected = _answer(network, example)
        for convolution, norm in pairs:
            stack.enter_context(replaced_forward(convolution, partial(_folded, convolution, norm)))
            stack.enter_context(replaced_forward(norm, partial(_after_norm, norm)))
        if not _alike(_answer(network, example), expected):
            stack.close()
            pairs = []
        yield len(pairs)


def find_pairs(network: nn.Module, example: Tensor) -> list[Pair]:
    """Return the convolutions whose result goes into a BatchNorm layer, with it, by watching one pass.

    Layers that are used several times are left out, and those without statistics of their own.
    """
    results: dict[int, tuple[nn.Conv2d, Tensor, int]] = {}
    pairs: list[Pair] = []
    used: Counter[nn.Module] = Counter()

    def after_convolution(module: nn.Conv2d, inputs: tuple[Tensor, ...], result: Tensor) -> None:
        used[module] += 1
        results[id(result)] = module, result, result._version

    def before_norm(module: nn.BatchNorm2d, inputs: tuple[Tensor, ...]) -> None:
        used[module] += 1
        convolution, result, version = results.get(id(inputs[0]), (None, None, 0))
        # An activation in between may have changed it in place.
        if convolution is not None and result is not None and result._version == version:
            pairs.append((convolution, module))

    with ExitStack() as stack:
        for module in network.modules():
            if type(module) in _CONVOLUTIONS:
                handle = module.register_forward_hook(after_convolution)
                stack.callback(handle.remove)
            elif type(module) in _NORMS and module.running_mean is not None:
                stack.callback(module.register_forward_pre_hook(before_norm).remove)
        _answer(network, example)
    return [pair for pair in pairs if all(used[module] == 1 for module in pair)]


def _answer(network: nn.Module, example: Tensor) -> Tensor:
    """Return what a network says in evaluation mode; each module's mode is as before then."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            answer: Tensor = network(example)
    finally:
        for module, mode in modes:
            module.training = mode
    return answer


def _alike(answer: Tensor, expected: Tensor) -> bool:
    return bool((answer - expected).abs().max() <= _TOLERANCE * expected.abs().max())


def _folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d, images: Tensor) -> Tensor:
    """Return what the BatchNorm layer would make of the convolution's result."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    if norm.affine:
        shift = shift + norm.bias
    if convolution.bias is not None:
        shift = shift + convolution.bias * scale
    weight = convolution.weight * scale.view(-1, 1, 1, 1)
    if isinstance(convolution, Conv2dSame):
        steps = convolution.stride, convolution.padding, convolution.dilation
        result: Tensor = conv2d_same(images, weight, shift, *steps, convolution.groups)
    else:
        result = convolution._conv_forward(images, weight, shift)
    return result


def _after_norm(norm: nn.BatchNorm2d, images: Tensor) -> Tensor:
    """Return what the layer does to what it has normalised: timm's has the activation in it."""
    if isinstance(norm, BatchNormAct2d):
        activated: Tensor = norm.act(norm.drop(images))
        return activated
    return images
