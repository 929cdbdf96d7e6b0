"""The contract tests' driver on py-evm with Prague's rules: slow, with true gas figures.

Every call is a signed transaction in a block of its own, so that slots are cold at its start and
calldata has its floor; a view is tried and not mined. The base fee is real: `gas_price` sets it.
"""

from prover.commit.keccak import keccak
from rollup.l1.accounts import LocalSigner, Transaction
from rollup.l1.embedded import Call, EmbeddedChain, MinedTransaction
from rollup.protocol.types import Address, Wei
from tests.contracts.evm import ETHER, START, Chain, Contract, Revert, address_of

_GAS = 16_000_000


class _Editable(EmbeddedChain):
    """Whose contracts' storage can be written by hand."""

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Writes one word, in a block of its own."""
        header = self._next_header(self.head.header)
        vm = self._chain.get_vm(header)
        vm.state.set_storage(address, slot, value)
        vm.state.persist()
        filled = vm.get_block().copy(header=header.copy(state_root=vm.state.state_root))
        self._remember(self._seal(vm, filled), [])


class MeteredEvm(Chain):
    """One embedded chain whose clock only moves when told to."""

    def __init__(self, chain_id: int = 31_337) -> None:
        super().__init__()
        self._time = START
        self._embedded = _Editable(chain_id, {}, clock=lambda: self._time)
        self._signers: dict[str, LocalSigner] = {}

    def account(self, name: str, balance: int = 1_000_000 * ETHER) -> str:
        """See `Chain.account`; calls that are mined need a sender from here."""
        signer = LocalSigner(keccak(name.encode()))
        address = "0x" + signer.address.hex()
        self._signers[address] = signer
        self._embedded.set_balance(signer.address, balance)
        return address

    def warp(self, seconds: int) -> None:
        """See `Chain.warp`."""
        self._time += seconds

    def balance(self, address: Contract | str) -> int:
        """See `Chain.balance`."""
        state = self._embedded.state_at(self._embedded.head.header.block_number)
        balance: int = state.get_balance(_raw(address))
        return balance

    def storage(self, contract: Contract, slot: int) -> int:
        """One storage word."""
        state = self._embedded.state_at(self._embedded.head.header.block_number)
        word: int = state.get_storage(_raw(contract), slot)
        return word

    def set_storage(self, contract: Contract, slot: int, value: int) -> None:
        """Writes one storage word."""
        self._embedded.set_storage(_raw(contract), slot, value)

    def nonce(self, address: str) -> int:
        """See `Chain.nonce`."""
        state = self._embedded.state_at(self._embedded.head.header.block_number)
        nonce: int = state.get_nonce(_raw(address))
        return nonce

    def create(self, code: bytes, *, sender: str, value: int = 0) -> str:
        """See `Chain.create`."""
        self._try(Call(_raw(sender), None, code, value))
        created = self._mine(sender, None, code, value, 0).created
        if created is None:
            raise Revert("Halt", ("nothing was created",))
        return "0x" + created.hex()

    def transact(
        self,
        to: Contract | str,
        calldata: bytes,
        *,
        sender: str,
        value: int = 0,
        gas_price: int = 0,
        view: bool = False,
    ) -> bytes:
        """See `Chain.transact`."""
        self._embedded.set_next_base_fee(gas_price)
        output = self._try(Call(_raw(sender), _raw(to), calldata, value))
        if not view:
            self._mine(sender, _raw(to), calldata, value, gas_price)
        return output

    def _try(self, call: Call) -> bytes:
        outcome = self._embedded.call(call, self._embedded.head.header.block_number)
        if outcome.succeeded:
            return outcome.output
        raise (
            self.decode_revert(outcome.output)
            if outcome.output
            else Revert("Halt", (outcome.error,))
        )

    def _mine(
        self, sender: str, to: bytes | None, data: bytes, value: int, base_fee: int
    ) -> MinedTransaction:
        transaction = Transaction(
            self._embedded.chain_id,
            self.nonce(sender),
            Wei(0),
            Wei(base_fee),
            _GAS,
            None if to is None else Address(to),
            Wei(value),
            data,
        )
        self._embedded.set_next_base_fee(base_fee)
        digest = self._embedded.submit(self._signers[sender].sign(transaction))
        mined = self._embedded.mined[digest]
        if not mined.succeeded:
            raise Revert("Halt", ("tried with success, mined without",))
        self.gas_used = mined.gas_used
        decoded = [
            self.decode_event(
                "0x" + log.address.hex(), [t.to_bytes(32, "big") for t in log.topics], log.data
            )
            for log in mined.logs
        ]
        self.events = [event for event in decoded if event is not None]
        return mined


def _raw(address: Contract | str) -> bytes:
    return bytes.fromhex(address_of(address)[2:])
