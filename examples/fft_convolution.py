"""A custom convolution strategy: products of spectra, by the convolution theorem (Mathieu et al. 2014).

make report STRATEGY=examples/fft_convolution.py:fft
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from impl.convolution.functional import Geometry


def fft(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Return the cross-correlation Y(f) = Σ_c X_c(f) · conj(W_c(f)), a product of spectra.

    Spectra have the size of the padded image, so that no valid window wraps around;
    stride keeps every s-th window.

    Args:
        input: (N, C, H, W), float32 or float64.
        weight: (O, C/G, kh, kw), of the same dtype.
        geometry: stride, padding, dilation and groups.

    Returns:
        (N, O, Ho, Wo).
    """
    rows, columns = geometry.padding
    image = pad(input, (columns, columns, rows, rows))
    (height, width), groups = image.shape[-2:], geometry.groups
    dilated = weight.new_zeros(
        *weight.shape[:2],
        *((k - 1) * d + 1 for k, d in zip(weight.shape[2:], geometry.dilation, strict=True)),
    )
    dilated[..., :: geometry.dilation[0], :: geometry.dilation[1]] = weight
    spectrum = torch.fft.rfft2(image).unflatten(1, (groups, -1))  # (N, G, C/G, H, W/2 + 1)
    filters = (
        torch.fft.rfft2(dilated, s=(height, width)).conj().unflatten(0, (groups, -1))
    )  # (G, O/G, C/G, …)
    products = torch.einsum("ngchw,gochw->ngohw", spectrum, filters).flatten(1, 2)
    size = geometry.output_size(tuple(input.shape[-2:]), tuple(weight.shape[-2:]))
    image = torch.fft.irfft2(products, s=(height, width))
    (down, right), (high, wide) = geometry.stride, size
    return image[..., : (high - 1) * down + 1 : down, : (wide - 1) * right + 1 : right]
