"""The encoder that the network starts from: its own way back through depthwise convolutions. Needs torch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from training.encoder import EARLY, FIRST_LATE, TAPS, Encoder, Same  # noqa: E402 - where there is a torch


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_gradient_through_fixed_kernels_is_the_true_one(kernel: int, stride: int) -> None:
    """As torch's own: of the input; the kernels themselves learn nothing."""
    torch.manual_seed(0)
    layer = Same(8, 8, kernel, stride, groups=8)
    x = torch.randn(2, 8, 24, 32, requires_grad=True)
    output = layer(x)
    upstream = torch.randn_like(output)
    (found,) = torch.autograd.grad(output, x, upstream)
    padded = x if layer.lopsided is None else torch.nn.functional.pad(x, layer.lopsided)
    plain = torch.nn.functional.conv2d(padded, layer.weight, layer.bias, stride, layer.padding, groups=8)
    (true,) = torch.autograd.grad(plain, x, upstream)
    assert torch.allclose(output, plain, atol=1e-5)
    assert torch.allclose(found, true, atol=1e-5)
    layer(x).sum().backward()
    assert layer.weight.grad is None


def test_early_and_late_features_are_those_of_the_blocks_in_turn() -> None:
    """`late(early(x))` goes through every block once, at strides 4, 8, 16 and 32."""
    torch.manual_seed(0)
    encoder = Encoder().eval()
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        taps = [encoder.early(x), *encoder.late(encoder.early(x))]
        one, found = torch.nn.functional.relu6(encoder.stem(x)), []
        for k, block in enumerate(encoder.blocks):
            one = block(one)
            if k in TAPS:
                found.append(one)
    assert [tap.shape[1] for tap in taps] == list(TAPS.values())
    assert [64 // tap.shape[2] for tap in taps] == [4, 8, 16, 32]
    assert taps[0].shape[1] == EARLY
    assert FIRST_LATE <= min(k for k in TAPS if k > 2)
    assert all(torch.equal(tap, other) for tap, other in zip(taps, found, strict=True))
