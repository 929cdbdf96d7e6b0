"""Sentences as tokens, with a vocabulary small enough to read."""

from pathlib import Path

import numpy as np
import pytest

from prover.examples.wordpiece import WordPiece

TOKENS = "[PAD] [UNK] [CLS] [SEP] un ##aff ##able cafe , ! $ 你 好 token ##s ##ize a".split()


@pytest.fixture
def pieces(tmp_path: Path) -> WordPiece:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(TOKENS), encoding="utf-8")
    return WordPiece(path)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("unaffable", "un ##aff ##able"),
        ("Café, CAFE\u0301!", "cafe , cafe !"),
        ("tokens tokenize\ta", "token ##s token ##ize a"),
        ("你好a", "你 好 a"),
        ("a$a\u200ba", "a $ [UNK]"),  # a blank of no width is nothing at all
        ("unknown " + "a" * 101, "[UNK] [UNK]"),
        ("", ""),
    ],
)
def test_the_longest_pieces_first(pieces: WordPiece, sentence: str, expected: str) -> None:
    found = [TOKENS[token] for token in pieces.tokens(sentence, 99)]
    assert found == ["[CLS]", *expected.split(), "[SEP]"]


def test_a_batch_is_cut_and_filled_up(pieces: WordPiece) -> None:
    tokens, present = pieces.batch(["a a a a", "a"], 4)
    a = TOKENS.index("a")
    assert np.array_equal(tokens, [[2, a, a, 3], [2, a, 3, 0]])
    assert np.array_equal(present, [[1, 1, 1, 1], [1, 1, 1, 0]])
