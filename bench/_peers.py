"""The examples as people write them in torch: what their step times are compared with.

Each is a loss of (weights, inputs, step), or an inference's outputs, over torch's tensors, the
weights and inputs those of the example.
"""

from collections.abc import Callable
from typing import Any, Final

from prover.examples import gpt, lora

Function = Callable[[Any, Any, int], Any]


def _digits(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        hidden = functional.relu(inputs["images"][turn] @ weights["w1"] + weights["b1"])
        scores = hidden @ weights["w2"] + weights["b2"]
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


def _lenet(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        x = inputs["images"][turn].view(-1, 1, 8, 8)
        for name, padding in (("conv1", 2), ("conv2", 1)):
            x = functional.conv2d(x, weights[f"{name}.w"], weights[f"{name}.b"], padding=padding)
            x = functional.max_pool2d(functional.relu(x), 2)
        x = functional.relu(x.flatten(1) @ weights["dense1.w"] + weights["dense1.b"])
        scores = x @ weights["dense2.w"] + weights["dense2.b"]
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


def _lora(torch: Any) -> Function:
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        turn = step % len(inputs["images"])
        x = inputs["images"][turn]
        learned = (x @ weights["a"]) @ weights["b"]
        scale = lora.ALPHA / weights["a"].shape[1]
        scores = x @ inputs["weight"] + inputs["bias"] + learned * scale
        return functional.cross_entropy(scores, inputs["labels"][turn].long())

    return loss


def gpt_loss(torch: Any, size: gpt.Size = gpt.SIZE) -> Function:
    """The GPT of a size."""
    functional = torch.nn.functional

    def loss(weights: Any, inputs: Any, step: int) -> Any:
        def linear(x: Any, name: str) -> Any:
            return functional.linear(x, weights[f"{name}.w"].T, weights[f"{name}.b"])

        def norm(x: Any, name: str) -> Any:
            return functional.layer_norm(
                x, x.shape[-1:], weights[f"{name}.w"], weights[f"{name}.b"]
            )

        starts = inputs["order"][step % len(inputs["order"])].long()
        context = len(weights["place"])
        window = inputs["text"][starts[:, None] + torch.arange(context + 1)].long()
        x = functional.embedding(window[:, :-1], weights["token"]) + weights["place"]
        batch, _, width = x.shape
        for layer in range(size.layers):
            y = norm(x, f"{layer}.norm1")
            query, key, value = (
                (y @ weights[f"{layer}.{name}"])
                .view(batch, context, size.heads, width // size.heads)
                .transpose(1, 2)
                for name in ("query", "key", "value")
            )
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + linear(mixed.transpose(1, 2).reshape(x.shape), f"{layer}.mixed")
            y = functional.gelu(linear(norm(x, f"{layer}.norm2"), f"{layer}.wide"))
            x = x + linear(y, f"{layer}.narrow")
        scores = norm(x, "last") @ weights["head"]
        return functional.cross_entropy(scores.flatten(0, 1), window[:, 1:].flatten())

    return loss


def _encoder(torch: Any) -> Function:
    functional = torch.nn.functional

    def outputs(weights: Any, inputs: Any, step: int) -> Any:
        def linear(x: Any, name: str) -> Any:
            return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

        def norm(x: Any, name: str) -> Any:
            weight, bias = (weights[f"{name}.LayerNorm.{which}"] for which in ("weight", "bias"))
            return functional.layer_norm(x, weight.shape, weight, bias, 1e-12)

        words, places, kinds = (
            weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        tokens, present = inputs["tokens"].long(), inputs["present"]
        count, length = tokens.shape
        x = norm(functional.embedding(tokens, words) + (places[:length] + kinds[0]), "embeddings")
        for number in range(6):
            layer = f"encoder.layer.{number}"
            query, key, value = (
                linear(x, f"{layer}.attention.self.{name}")
                .view(count, length, 12, -1)
                .transpose(1, 2)
                for name in ("query", "key", "value")
            )
            mixed = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=present[:, None, None, :]
            )
            out = f"{layer}.attention.output"
            x = norm(x + linear(mixed.transpose(1, 2).reshape(x.shape), f"{out}.dense"), out)
            wide = functional.gelu(linear(x, f"{layer}.intermediate.dense"))
            x = norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output")
        shares = present.unsqueeze(-1).float()
        mean = (x * shares).sum(1) / shares.sum(1)
        return {"sentence": functional.normalize(mean, dim=-1)}

    return outputs


PEERS: Final[dict[str, Callable[[Any], Function]]] = {
    "digits": _digits,
    "lenet": _lenet,
    "lora": _lora,
    "gpt": gpt_loss,
    "encoder": _encoder,
}
