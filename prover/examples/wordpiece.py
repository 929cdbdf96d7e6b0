"""BERT's way from a sentence to tokens: words, then the longest known pieces of each.

After Devlin et al., "BERT" (2019), and Wu et al., "Google's Neural Machine Translation System"
(2016), section 4.1: what an uncased English model was trained with.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_LONGEST = 100
"""Characters of a word beyond which it is unknown."""


class WordPiece:
    """Tokens of a vocabulary file: one token a line, its number the line's, from 0."""

    def __init__(self, vocabulary: Path) -> None:
        lines = vocabulary.read_text(encoding="utf-8").splitlines()
        self._places = {token: place for place, token in enumerate(lines)}

    def tokens(self, sentence: str, most: int) -> list[int]:
        """[CLS], at most `most` - 2 pieces, [SEP]."""
        pieces = [piece for word in _words(sentence) for piece in self._pieces(word)]
        return [self._places["[CLS]"], *pieces[: most - 2], self._places["[SEP]"]]

    def batch(
        self, sentences: Sequence[str], length: int
    ) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Tokens (n, length), filled up with [PAD], and where they are tokens."""
        tokens = np.full((len(sentences), length), self._places["[PAD]"], np.int32)
        present = np.zeros(tokens.shape, np.bool_)
        for row, sentence in enumerate(sentences):
            found = self.tokens(sentence, length)
            tokens[row, : len(found)] = found
            present[row, : len(found)] = True
        return tokens, present

    def _pieces(self, word: str) -> list[int]:
        """Again and again the longest piece that begins what is left of the word."""
        found: list[int] = []
        start = 0
        while start < len(word):
            for stop in range(len(word), start, -1):
                piece = word[start:stop] if start == 0 else "##" + word[start:stop]
                if piece in self._places and len(word) <= _LONGEST:
                    found.append(self._places[piece])
                    start = stop
                    break
            else:
                return [self._places["[UNK]"]]
        return found


def _words(sentence: str) -> Iterator[str]:
    """Lower case, no accents, cut at blanks; signs and CJK characters are words of their own."""
    plain = unicodedata.normalize("NFD", sentence.lower())
    word = ""
    for character in plain:
        kind = unicodedata.category(character)
        if kind == "Mn" or (kind.startswith("C") and not character.isspace()):
            continue
        alone = _is_sign(character, kind) or _is_cjk(character)
        if character.isspace() or alone:
            if word:
                yield word
            word = ""
            if alone:
                yield character
        else:
            word += character
    if word:
        yield word


def _is_sign(character: str, kind: str) -> bool:
    return kind.startswith("P") or (character.isascii() and character in "$+<=>^`|~")


def _is_cjk(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"
