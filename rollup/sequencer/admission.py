"""Who may enter: the checks between a request and the store, each with the reason it gives.

What is checked here keeps void receipts out; that nothing is lost or doubled is the store's to say.
L1 checks again whatever matters when a receipt is disputed, so a registry that lags costs a void
receipt at the worst.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rollup.errors import Refused, VoidClaim
from rollup.protocol.actions import Action, ActionKind
from rollup.protocol.claims import ProgramInfo, check_work
from rollup.protocol.eip712 import Domain
from rollup.protocol.entries import Entry, account_of, slot_of
from rollup.protocol.ledger.types import MAX_BUNDLE
from rollup.protocol.presets import Preset
from rollup.protocol.receipts import Statement, StatementKind, Work
from rollup.protocol.types import ZERO_ADDRESS, Address, Hash
from rollup.sequencer.ports import RegistryPort
from rollup.sequencer.recovery import Recovery

_KINDS: Final[dict[type[Statement | Action], tuple[str, frozenset[int]]]] = {
    Statement: ("Statement", frozenset(StatementKind)),
    Action: ("Action", frozenset(ActionKind)),
}


@dataclass(frozen=True, slots=True)
class Admitted:
    """The entry may enter."""

    work: int
    """Work units that its receipts claim."""


class Admission:
    """Judges entries. Its only state is what `RegistryPort` remembers."""

    def __init__(
        self, domain: Domain, preset: Preset, registry: RegistryPort, recovery: Recovery
    ) -> None:
        self._domain = domain
        self._preset = preset
        self._registry = registry
        self._recovery = recovery

    async def check(self, entries: Sequence[Entry]) -> list[Admitted | Refused]:
        """For each entry what it claims, or why it is refused.

        Codes: unknown-kind, too-large, unknown-account, bad-signature, wrong-signer, slot-not-live,
        no-defender, unknown-program, over-cap.

        Raises:
            L1Unavailable: when the registry does not answer; nothing is said of any entry then.
        """
        signers = await self._recovery.recover(
            [(self._domain.digest(entry.id), entry.signature) for entry in entries]
        )
        verdicts: list[Admitted | Refused] = []
        for entry, signer in zip(entries, signers, strict=True):
            try:
                verdicts.append(await self._judge(entry, signer))
            except Refused as refused:
                verdicts.append(refused)
        return verdicts

    async def _judge(self, entry: Entry, signer: Address | Refused) -> Admitted:
        if isinstance(signer, Refused):
            raise signer
        most = min(self._preset.batch_receipts, MAX_BUNDLE)
        if len(entry.receipts) > most:
            raise Refused(
                "too-large",
                f"a bundle holds at most {most} receipts (a batch's worth, and never more than "
                f"{MAX_BUNDLE}), not {len(entry.receipts)}; sign several",
            )
        await self._judge_signer(entry, signer)
        await self._judge_slot(entry)
        programs: dict[Hash, ProgramInfo | None] = {}
        work = 0
        for receipt in entry.receipts:
            if not isinstance(receipt, Work):
                what, kinds = _KINDS[type(receipt)]
                if receipt.kind not in kinds:
                    raise Refused("unknown-kind", f"no {what} is of kind {receipt.kind}")
                continue
            if receipt.program not in programs:
                programs[receipt.program] = await self._registry.program(receipt.program)
            work += self._judge_work(receipt, programs[receipt.program])
        return Admitted(work)

    async def _judge_signer(self, entry: Entry, signer: Address) -> None:
        account = account_of(entry)
        owner = await self._registry.owner(account)
        if owner is None:
            raise Refused("unknown-account", f"L1 knows no account {account}; open it first")
        if signer != owner:
            raise Refused(
                "wrong-signer",
                f"0x{signer.hex()} signed for this chain and rollup, account {account} is "
                f"0x{owner.hex()}'s",
            )

    async def _judge_slot(self, entry: Entry) -> None:
        slot = slot_of(entry)
        if slot is not None and not await self._registry.slot_live(account_of(entry), slot):
            raise Refused(
                "slot-not-live",
                f"slot {slot} of account {account_of(entry)} backs nothing now; deposit a bond and "
                "name its slot",
            )

    def _judge_work(self, work: Work, program: ProgramInfo | None) -> int:
        """The work units that `work` claims."""
        if work.defender == ZERO_ADDRESS:
            raise Refused("no-defender", "Work names an address that may defend it")
        try:
            return work.steps * check_work(work, program, self._preset).work
        except VoidClaim as void:
            raise Refused(void.code, str(void)) from void
