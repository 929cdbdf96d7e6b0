"""What the prover refuses.

ProverError
|-- ProgramError        rows or depths that no program has
|-- WordsError          an array that is not a tensor's words
|-- WitnessError        a step witness that does not open its commitments
|-- PositionError       a position outside a claim, or positions out of order
|-- ContentError        bytes that are not what their name commits to, or are cut short
|   |-- ContentMissing  nothing is stored under a name
|   |-- WrongChunk      a part of a tensor has another hash than it should
|   |-- WeightsError    a safetensors file that is broken, or not what is wanted
|   `-- ManifestError   a manifest that is broken, or of another version
|-- NotFiniteError      an honest worker met NaN or Inf
`-- ArithmeticModeError a thread flushes subnormals or rounds otherwise than to nearest
"""


class ProverError(Exception):
    """Base of all errors of this package."""


class ProgramError(ProverError):
    """Rows or depths that no program has."""


class WordsError(ProverError):
    """An array that is not a tensor's words: of another type or shape."""


class WitnessError(ProverError):
    """A step witness that does not open its commitments."""


class PositionError(ProverError):
    """A position outside a claim, or positions out of order."""


class ContentError(ProverError):
    """Bytes that are not what their name commits to, or are cut short."""


class ContentMissing(ContentError):
    """Nothing is stored under a name."""


class WrongChunk(ContentError):
    """A part of a tensor has another hash than it should."""


class WeightsError(ContentError):
    """A safetensors file that is broken, or whose arrays are not the wanted ones."""


class ManifestError(ContentError):
    """A manifest that is broken, of another version, or not the one that its name commits to."""


class NotFiniteError(ProverError):
    """An honest worker met NaN or Inf and stops rather than claim it."""


class ArithmeticModeError(ProverError):
    """A thread's arithmetic flushes subnormals or rounds otherwise than to nearest."""
