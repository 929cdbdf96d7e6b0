"""Arrays that came with a program, as a segment of the folder of content."""

from dataclasses import dataclass

from prover.commit.keccak import Hash
from prover.commit.tensor import Words
from prover.content import ContentStore
from prover.files.dataset import Dataset
from prover.tracer.fields import Layout
from rollup.cli.program.source import Given


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """The registers' words, and the dataset that has them in this order, if one does."""

    words: list[Words]
    depth: int
    dataset: Dataset | None

    @classmethod
    def of(cls, given: Given, layout: Layout) -> "Segment":
        """Arrays in the order of a layout.

        Raises:
            TraceError: when they are not the layout's.
        """
        if not isinstance(given, Dataset):
            return cls(layout.words(given), layout.depth, None)
        words = layout.words(given.arrays)
        in_order = list(given.arrays) == [one.name for one in layout.fields]
        return cls(words, layout.depth, given if in_order else None)

    def put(self, store: ContentStore) -> Hash:
        """Keep it; its root. A dataset stays one, with its chunks."""
        if self.dataset is not None:
            return store.put_dataset(self.dataset)
        return store.put_segment(self.words, self.depth)
