"""A convolution strategy of one's own: by the convolution theorem, products of spectra (Mathieu et al. 2014).

make report STRATEGY=examples/fft_convolution.py:fft
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from impl.convolution.functional import Geometry


def fft(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Y(f) = Σ_c X_c(f) · conj(W_c(f)): a cross-correlation is a product of spectra, one of them conjugate.

    Of the padded image's size, which the windows that fit never wrap around; stride takes every s-th of them.
    input: (N, C, H, W); weight: (O, C/G, kh, kw); returns (N, O, Ho, Wo). float32 and float64 only.
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
    found = torch.fft.irfft2(products, s=(height, width))
    (down, right), (high, wide) = geometry.stride, size
    return found[..., : (high - 1) * down + 1 : down, : (wide - 1) * right + 1 : right]
