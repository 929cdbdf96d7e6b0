"""Everything that can go wrong on purpose, as one tree.

    PlumblineError                    1   any failure that this program names
    ├── ConfigError                   2   a flag, variable or file is missing or wrong
    ├── InvalidInput                  3   bytes or documents that are not what they should be
    │   ├── ReceiptError                  a field is outside its range or has the wrong width
    │   ├── SignatureError                the signature is malformed or recovers no signer
    │   ├── BundleError                   receipts that cannot stand in one bundle
    │   ├── CodecError                    batch data that does not decode
    │   ├── DocumentError                 JSON that is no receipt, entry or header
    │   ├── ProofError                    a portable proof that does not hold
    │   └── VoidClaim                     a receipt that claims nothing which L1 could judge
    ├── Refused                       4   well-formed, and not admitted by the sequencer
    ├── DataMismatch                  5   data is not its header's: the verdict is unknown
    ├── L1Error                       6   L1 refuses; rollup.l1.errors has the finer classes
    │   └── L1Unavailable                 L1 does not answer; trying again may help
    ├── StoreUnavailable              7   the store cannot commit; nothing was acknowledged
    │   └── StoreBusy                     another process holds the store
    ├── PoolFull                      8   the pool is at its limit; trying again later helps
    ├── GatewayUnavailable            9   the sequencer's gateway does not answer
    ├── FalseAssertion               10   an assertion on L1 is not what its batch leads to
    └── LostConsistency              70   store or L1 contradict what was acknowledged

The number is the exit code of a command that ends with the error. `code` is a stable name for
machines, the message one line for people that says what to do.
"""

from typing import ClassVar


class PlumblineError(Exception):
    """Base of every error that Plumbline raises itself."""

    exit_code: ClassVar[int] = 1
    code: str = "error"


class ConfigError(PlumblineError):
    """A flag, an environment variable or a file is missing or wrong."""

    exit_code = 2
    code = "config"


class InvalidInput(PlumblineError):
    """Bytes or documents that are not what they should be."""

    exit_code = 3
    code = "invalid-input"


class ReceiptError(InvalidInput):
    """A receipt's field is outside its range or has the wrong width."""

    code = "bad-receipt"


class SignatureError(InvalidInput):
    """A signature that is malformed or recovers no signer."""

    code = "bad-signature"


class BundleError(InvalidInput):
    """Receipts that cannot stand in one bundle, or a bundle that is not their bundle."""

    code = "bad-bundle"


class CodecError(InvalidInput):
    """Batch data that does not decode, or entries that the format cannot hold."""

    code = "bad-data"


class DocumentError(InvalidInput):
    """JSON that is not the receipt, entry, header or proof it should be."""

    code = "bad-document"


class ProofError(InvalidInput):
    """A portable proof whose parts do not fit together."""

    code = "bad-proof"


class VoidClaim(InvalidInput):
    """A receipt whose claim does not count: no challenge is needed and none can be opened.

    `code` names the reason.
    """

    code = "void-claim"

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Refused(PlumblineError):
    """A well-formed entry that the sequencer does not admit; `code` names the reason."""

    exit_code = 4

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class DataMismatch(PlumblineError):
    """The data of a batch is not the data of its header.

    Whoever meets it answers *unknown* and disputes nothing.
    """

    exit_code = 5
    code = "data-mismatch"


class L1Error(PlumblineError):
    """L1, or a contract on it, refuses."""

    exit_code = 6
    code = "l1"


class L1Unavailable(L1Error):
    """L1 does not answer or does not take the transaction now; nothing is known to be wrong."""

    code = "l1-unavailable"


class StoreUnavailable(PlumblineError):
    """The store cannot commit now. What was waiting for the commit is not acknowledged."""

    exit_code = 7
    code = "store-unavailable"


class StoreBusy(StoreUnavailable):
    """Another process holds the store."""

    code = "store-busy"


class PoolFull(PlumblineError):
    """The pool is at its limit: L1 takes batches more slowly than receipts come in."""

    exit_code = 8
    code = "pool-full"


class GatewayUnavailable(PlumblineError):
    """The sequencer's gateway does not answer, or takes nothing now. Sending again is safe."""

    exit_code = 9
    code = "gateway-unavailable"


class FalseAssertion(PlumblineError):
    """An assertion that stands on L1 is not what its batch leads to: validators dispute it."""

    exit_code = 10
    code = "false-assertion"


class LostConsistency(PlumblineError):
    """The store or L1 contradicts what was acknowledged.

    The process stops; guessing on would lose or double receipts.
    """

    exit_code = 70
    code = "lost-consistency"
