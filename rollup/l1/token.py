"""The token that rewards are paid in, as a Python object (see ``contracts``)."""

from typing import Final, NewType

from rollup.l1.accounts import Signer
from rollup.l1.bound import Bound
from rollup.l1.chain import At, Mined
from rollup.protocol.ledger.types import Amount
from rollup.protocol.types import Address, address_text

TokenUnits = NewType("TokenUnits", int)
"""Base units of the token, 10^18 to one."""

UNIT: Final = 10**9
"""Base units in a billionth, in which the ledger counts."""


def token_units(amount: Amount) -> TokenUnits:
    """So many billionths."""
    return TokenUnits(amount * UNIT)


class TokenContract(Bound):
    """An ERC-20 of 18 decimals. ``mint`` is there on the development token alone."""

    artifact_name = "DevToken"

    def balance(self, owner: Address, block: At | None = None) -> TokenUnits:
        """What an address has."""
        return TokenUnits(self.read("balanceOf", address_text(owner), block=block))

    def allowance(self, owner: Address, spender: Address) -> TokenUnits:
        """What ``spender`` may still take of ``owner``."""
        return TokenUnits(self.read("allowance", address_text(owner), address_text(spender)))

    def approve(self, signer: Signer, spender: Address, value: TokenUnits) -> Mined:
        """Lets ``spender`` take so much of the signer."""
        return self.send(signer, "approve", address_text(spender), value)

    def mint(self, signer: Signer, to: Address, value: TokenUnits) -> Mined:
        """Makes tokens: the development token's, which is worth nothing."""
        return self.send(signer, "mint", address_text(to), value)
