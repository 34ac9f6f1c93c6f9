"""SAM 2's mask decoder, rearranged: the same numbers from less work.

What the authors' decoder does anew for every prompt but depends on the photo alone is done once per photo (`Features`).
The rest is the same algebra in another order, so that results differ by float rounding only:

* attention projections are absorbed: with 8 tokens of 8 heads there are 64 rows of scores, fewer than the 128 channels
  that projecting 4096 image tokens to keys would make;
* the positions of the image tokens enter through their own scores, so they are never added to each prompt's image;
* stride-2 transposed convolutions do not overlap, so they are matrix products over channels-last tokens;
* predicted IoU comes first, and only prompts with a mask above the threshold are upscaled.

Shapes: B prompts, T tokens, N = 64*64 image tokens, C = 256 channels, H = 8 heads of D = 16 in cross-attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, CHANNELS, HEADS, HEAD = 64, 256, 8, 16
TOKENS = SIDE * SIDE
SCALE = HEAD**-0.5


@dataclass(frozen=True, eq=False)
class Features:
    """A photo as the decoder wants it, channels last.

    image: (N, C), the image embedding. stride8: (N, 4*64) and stride4: (N*4, 4*32), the finer maps: for each image
    token the 2x2 cells inside it, for each of those again 2x2, and the upscaling's biases added. plain: what follows
    from `image` when no mask is given.
    """

    image: Tensor
    stride8: Tensor
    stride4: Tensor
    plain: Plain

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        p = self.plain
        return (self.image, self.stride8, self.stride4, p.tokens, p.keys, p.values, p.queries)


@dataclass(frozen=True, eq=False)
class Plain:
    """The first layer's view of a photo without a mask prompt: the same for every prompt.

    tokens: (N, C). keys, values, queries: (H, N, D), the last already scaled.
    """

    tokens: Tensor
    keys: Tensor
    values: Tensor
    queries: Tensor


@dataclass(frozen=True, eq=False)
class Decoded:
    """M masks. logits: (M, 256, 256) float32. predicted_iou: (M,) float32. prompt: (M,) int64, whose they are."""

    logits: Tensor
    predicted_iou: Tensor
    prompt: Tensor


def join(parts: Sequence[Decoded]) -> Decoded:
    """All of them as one."""
    return Decoded(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.predicted_iou for part in parts]),
        torch.cat([part.prompt for part in parts]),
    )


class Decoder:
    """The decoder and prompt encoder of a SAM 2 model. Weights only: any number of threads may call it.

    dtype: of the image tokens. float32 gives the authors' masks; bfloat16 gives nearly the same ones.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype):
        self.dtype = dtype
        self._prompts = model.sam_prompt_encoder
        self._decoder = decoder = model.sam_mask_decoder
        self._transformer = transformer = decoder.transformer
        with torch.inference_mode():
            position = self._prompts.get_dense_pe().flatten(2)[0].t().contiguous()  # (N, C)
            self._position = position
            self._no_mask = self._prompts.no_mask_embed.weight  # (1, C)
            self._output_tokens = torch.cat(
                [decoder.obj_score_token.weight, decoder.iou_token.weight, decoder.mask_tokens.weight]
            )  # (6, C)
            looks = [layer.cross_attn_token_to_image for layer in transformer.layers]
            looks.append(transformer.final_attn_token_to_image)
            self._looks = [_TokensLook(attention, position, dtype) for attention in looks]
            self._writes = [
                _TokensWrite(layer.cross_attn_image_to_token, layer.norm4, position, dtype)
                for layer in transformer.layers
            ]
            up1, norm, _, up2, _ = decoder.output_upscaling
            self._up1, self._up1_bias = _as_product(up1, dtype)
            self._up2, self._up2_bias = _as_product(up2, dtype)
            self._norm = (norm.weight.to(dtype), norm.bias.to(dtype), norm.eps)
            # From image tokens with cells in cells to the rows of a 256x256 map.
            cells = torch.arange(TOKENS * 16, device=position.device).view(SIDE, SIDE, 2, 2, 2, 2)
            self._rows_first = cells.permute(0, 2, 4, 1, 3, 5).reshape(-1)

    @torch.inference_mode()
    def features(self, image: Tensor, stride8: Tensor, stride4: Tensor) -> Features:
        """Features of float32 maps: image (N, C), stride8 (128*128, 64), stride4 (256*256, 32), rows of the maps."""
        cells8 = (stride8 + self._up1_bias).view(SIDE, 2, SIDE, 2, 64)
        cells4 = (stride4 + self._up2_bias).view(SIDE, 2, 2, SIDE, 2, 2, 32)
        return self.restore(
            image,
            cells8.permute(0, 2, 1, 3, 4).reshape(TOKENS, 4 * 64),
            cells4.permute(0, 3, 1, 4, 2, 5, 6).reshape(TOKENS * 4, 4 * 32),
        )

    @torch.inference_mode()
    def restore(self, image: Tensor, stride8: Tensor, stride4: Tensor) -> Features:
        """The Features with these three tensors; what follows from them is computed anew."""
        tokens = image + self._no_mask
        placed = tokens + self._position
        layer = self._transformer.layers[0]
        look, write = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        plain = Plain(
            tokens.to(self.dtype),
            _heads(look.k_proj(placed)),
            _heads(look.v_proj(tokens)),
            (_heads(write.q_proj(placed)) * SCALE).to(self.dtype),
        )
        return Features(image, stride8.to(self.dtype), stride4.to(self.dtype), plain)

    @torch.inference_mode()
    def decode(
        self,
        features: Features,
        coords: Tensor | None,
        labels: Tensor | None,
        masks: Tensor | None = None,
        *,
        multimask: bool,
        above: float | None = None,
    ) -> Decoded:
        """The masks of B prompts: three each with `multimask`, else one.

        coords: (B, P, 2) XY in the 1024x1024 input. labels: (B, P) int: 0 background, 1 foreground, 2 and 3 the corners
        of a box. masks: (B, 1, 256, 256) float32 logits, or None. above: leave out masks with a predicted IoU up to it.
        """
        points = None if coords is None else (coords, labels)
        sparse, dense = self._prompts(points=points, boxes=None, masks=masks)
        prompts = torch.cat([self._output_tokens.expand(len(sparse), -1, -1), sparse], dim=1)  # (B, T, C)
        if masks is None:
            queries, keys = self._attend(features.plain, prompts)
        else:
            image = (features.image + dense.flatten(2).transpose(1, 2)).to(self.dtype)  # (B, N, C)
            queries, keys = self._attend(image, prompts)
        predicted_iou = self._decoder.iou_prediction_head(queries[:, 1])  # (B, 4)
        if not multimask:
            logits = self._upscale(features, keys, queries, first=0)
            logits, predicted_iou = self._decoder._dynamic_multimask_via_stability(logits, predicted_iou)
        else:
            predicted_iou = predicted_iou[:, 1:]
        if above is None:
            keep = torch.ones_like(predicted_iou, dtype=torch.bool)
        else:
            keep = predicted_iou > above
        if multimask:
            rows = keep.any(dim=1).nonzero()[:, 0]
            if len(rows) == 0:
                logits = predicted_iou.new_zeros(0, 256, 256)
            else:
                if len(rows) < len(keys):
                    keys, queries = keys[rows], queries[rows]
                logits = self._upscale(features, keys, queries, first=1)[keep[rows]]
        else:
            logits = logits[keep]
        return Decoded(logits, predicted_iou[keep], keep.nonzero()[:, 0])

    def _attend(self, image: Plain | Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """The two-way transformer: tokens (B, T, C) float32 and image tokens (B, N, C) after it."""
        first, second = self._transformer.layers
        tokens = first.norm1(first.self_attn(q=prompts, k=prompts, v=prompts))
        if isinstance(image, Plain):
            tokens = first.norm2(tokens + self._looks[0].shared(tokens + prompts, image.keys, image.values))
            tokens = first.norm3(tokens + first.mlp(tokens))
            keys = self._writes[0].shared(tokens + prompts, tokens, image.tokens, image.queries)
        else:
            tokens = first.norm2(tokens + self._looks[0](tokens + prompts, image))
            tokens = first.norm3(tokens + first.mlp(tokens))
            keys = self._writes[0](tokens + prompts, tokens, image)
        placed = tokens + prompts
        tokens = second.norm1(tokens + second.self_attn(q=placed, k=placed, v=tokens))
        tokens = second.norm2(tokens + self._looks[1](tokens + prompts, keys))
        tokens = second.norm3(tokens + second.mlp(tokens))
        keys = self._writes[1](tokens + prompts, tokens, keys)
        return self._transformer.norm_final_attn(tokens + self._looks[2](tokens + prompts, keys)), keys

    def _upscale(self, features: Features, keys: Tensor, queries: Tensor, first: int) -> Tensor:
        """(B, 4 - first, 256, 256) float32: the logits of the mask tokens from the `first` on."""
        b = len(keys)
        mlps = self._decoder.output_hypernetworks_mlps
        hyper = torch.stack([mlps[i](queries[:, 2 + i]) for i in range(first, 4)], dim=1)  # (B, M, 32)
        x = (keys.reshape(-1, CHANNELS) @ self._up1).view(b, TOKENS, 4 * 64).add_(features.stride8)
        x = _gelu_(F.layer_norm(x.view(b, TOKENS * 4, 64), (64,), *self._norm))
        y = (x.view(-1, 64) @ self._up2).view(b, TOKENS * 4, 4 * 32).add_(features.stride4)
        logits = hyper.to(y.dtype) @ _gelu_(y).view(b, TOKENS * 16, 32).transpose(1, 2)
        return logits.view(-1, TOKENS * 16).index_select(1, self._rows_first).view(b, -1, 256, 256).float()


class _TokensLook:
    """Attention from tokens to the image; its key and value projections are absorbed into the tokens' side."""

    def __init__(self, attention: nn.Module, position: Tensor, dtype: torch.dtype):
        self._attention = attention
        k, v = attention.k_proj, attention.v_proj
        self._k = k.weight.view(HEADS, HEAD, CHANNELS).to(dtype)
        self._v = v.weight.view(HEADS, HEAD, CHANNELS).to(dtype)
        self._v_bias = v.bias.view(HEADS, 1, HEAD)
        position_keys = _heads(position @ k.weight.t() + k.bias)
        self._position_keys = position_keys.transpose(1, 2).contiguous().to(dtype)  # (H, D, N)

    def shared(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(B, T, C) for queries (B, T, C) and keys and values (H, N, D) that all prompts share."""
        b, t, _ = queries.shape
        q = _heads(self._attention.q_proj(queries).view(b * t, -1))
        out = F.scaled_dot_product_attention(q[None], keys[None], values[None])[0]  # (H, B*T, D)
        return self._attention.out_proj(out.transpose(0, 1).reshape(b, t, -1))

    def __call__(self, queries: Tensor, image: Tensor) -> Tensor:
        """(B, T, C) for queries (B, T, C) and each prompt's own image tokens (B, N, C)."""
        b, t, _ = queries.shape
        q = (_prompt_heads(self._attention.q_proj(queries)) * SCALE).to(image.dtype)  # (B, H, T, D)
        absorbed = (q @ self._k).view(b, HEADS * t, CHANNELS)
        scores = (q @ self._position_keys).view(b, HEADS * t, TOKENS).baddbmm_(absorbed, image.transpose(1, 2))
        seen = (scores.softmax(dim=-1) @ image).view(b, HEADS, t, CHANNELS)
        out = (seen @ self._v.transpose(1, 2)).float() + self._v_bias
        return self._attention.out_proj(out.transpose(1, 2).reshape(b, t, -1))


class _TokensWrite:
    """Attention from the image to the tokens, and the norm after it; query and output projections are absorbed."""

    def __init__(self, attention: nn.Module, norm: nn.LayerNorm, position: Tensor, dtype: torch.dtype):
        self._attention = attention
        q, out = attention.q_proj, attention.out_proj
        self._q = q.weight.view(HEADS, HEAD, CHANNELS).to(dtype)
        position_queries = _heads(position @ q.weight.t() + q.bias)
        self._position_queries = position_queries.transpose(1, 2).contiguous().to(dtype)  # (H, D, N)
        self._out = out.weight.view(CHANNELS, HEADS, HEAD).permute(1, 2, 0).contiguous().to(dtype)  # (H, D, C)
        self._out_bias = (out.bias / HEADS).to(dtype)  # a head's weights add up to 1
        self._norm = (norm.weight.to(dtype), norm.bias.to(dtype), norm.eps)

    def shared(self, keys: Tensor, values: Tensor, image: Tensor, queries: Tensor) -> Tensor:
        """(B, N, C) for token keys and values (B, T, C), image tokens (N, C) and their scaled queries (H, N, D)."""
        k = _prompt_heads(self._attention.k_proj(keys)).to(image.dtype)  # (B, H, T, D)
        attention, messages = self._weigh(k @ queries.transpose(1, 2), values)
        return F.layer_norm((attention @ messages).add_(image), (CHANNELS,), *self._norm)

    def __call__(self, keys: Tensor, values: Tensor, image: Tensor) -> Tensor:
        """The same, for each prompt's own image tokens (B, N, C), whose memory is used again."""
        b, t, _ = keys.shape
        k = (_prompt_heads(self._attention.k_proj(keys)) * SCALE).to(image.dtype)
        absorbed = (k @ self._q).view(b, HEADS * t, CHANNELS)
        scores = (k @ self._position_queries).view(b, HEADS * t, TOKENS).baddbmm_(absorbed, image.transpose(1, 2))
        attention, messages = self._weigh(scores.view(b, HEADS, t, TOKENS), values)
        return F.layer_norm(image.baddbmm_(attention, messages), (CHANNELS,), *self._norm)

    def _weigh(self, scores: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (B, H, T, N) and token values (B, T, C) -> weights (B, N, H*T) of messages (B, H*T, C).

        The image tokens are last in the scores, so that a softmax over T runs along whole vectors.
        """
        b, _, t, n = scores.shape
        v = _prompt_heads(self._attention.v_proj(values)).to(scores.dtype)
        messages = (v @ self._out + self._out_bias).view(b, HEADS * t, CHANNELS)
        return scores.softmax(dim=2).view(b, HEADS * t, n).transpose(1, 2), messages


def _gelu_(x: Tensor) -> Tensor:
    """GELU in place: these are the largest tensors there are, and a new one costs more than the function."""
    return torch.ops.aten.gelu_(x)


def _heads(x: Tensor) -> Tensor:
    """(R, H*D) -> (H, R, D)."""
    return x.view(-1, HEADS, HEAD).transpose(0, 1)


def _prompt_heads(x: Tensor) -> Tensor:
    """(B, T, H*D) -> (B, H, T, D)."""
    return x.view(*x.shape[:2], HEADS, HEAD).transpose(1, 2)


def _as_product(up: nn.ConvTranspose2d, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A 2x2 transposed convolution with stride 2 as a matrix (in, 4*out): each cell makes four. And its bias (out,)."""
    matrix = up.weight.permute(0, 2, 3, 1).reshape(up.in_channels, -1)
    return matrix.contiguous().to(dtype), up.bias.to(dtype)
