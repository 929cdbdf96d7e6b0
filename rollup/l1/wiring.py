"""How the contracts of a deployment are made and what they then say: one line a fact.

Contracts go by their field of ``Deployment``.
"""

from typing import Any, Final

from rollup.l1.deployment import CONTRACTS, Deployment
from rollup.protocol.claims import TENSOR_KIND
from rollup.protocol.presets import Preset
from rollup.protocol.types import address_text

KINDS: Final = {TENSOR_KIND: ("rollup", "machine")}
"""Kinds of claims: host and machine of each, numbered from 0 without a gap."""
WRITERS: Final = ("vault",)
"""Who appends to the inbox, beside the rollup itself."""


def addresses(deployment: Deployment) -> dict[str, str]:
    """Every contract's address, as eth_abi gives it back."""
    return {name: address_text(getattr(deployment, name)).lower() for name in CONTRACTS}


def arguments(deployment: Deployment, preset: Preset) -> dict[str, tuple[Any, ...]]:
    """Constructor arguments, in the order of creation."""
    at = addresses(deployment)
    rollup = (
        address_text(deployment.sequencer),
        preset.window,
        preset.inbox_deadline,
        preset.inbox_cap,
        TENSOR_KIND,
        at["vault"],
        at["game"],
        at["programs"],
        _caps(preset),
        [at[name] for name in WRITERS],
    )
    game = (
        preset.k,
        preset.clock,
        preset.grace,
        preset.challenge_bond,
        preset.burn_bps,
        preset.gas_a_move,
        preset.base_fee_cap,
        at["vault"],
        address_text(deployment.guardian),
        preset.max_pause,
        [(at[host], at[machine]) for host, machine in KINDS.values()],
    )
    hosts = [at[host] for host, _ in KINDS.values()]
    return {
        "programs": (at["game"],),
        "machine": (),
        "vault": (preset.bond, preset.unbonding, at["game"], at["rollup"], hosts),
        "rollup": (rollup,),
        "game": (game,),
    }


def facts(deployment: Deployment, preset: Preset) -> list[tuple[str, str, tuple[Any, ...], Any]]:
    """(contract, getter, its arguments, what it must answer)."""
    at = addresses(deployment)
    return [
        ("rollup", "SEQUENCER", (), address_text(deployment.sequencer).lower()),
        ("rollup", "WINDOW", (), preset.window),
        ("rollup", "DEADLINE", (), preset.inbox_deadline),
        ("rollup", "INBOX_CAP", (), preset.inbox_cap),
        ("rollup", "KIND", (), TENSOR_KIND),
        ("rollup", "VAULT", (), at["vault"]),
        ("rollup", "GAME", (), at["game"]),
        ("rollup", "PROGRAMS", (), at["programs"]),
        ("rollup", "caps", (), _caps(preset)),
        *(("rollup", "isWriter", (at[name],), True) for name in WRITERS),
        ("vault", "BOND", (), preset.bond),
        ("vault", "UNBONDING", (), preset.unbonding),
        ("vault", "GAME", (), at["game"]),
        ("vault", "INBOX", (), at["rollup"]),
        *(("vault", "isHost", (at[host],), True) for host, _ in KINDS.values()),
        ("game", "K", (), preset.k),
        ("game", "CLOCK", (), preset.clock),
        ("game", "GRACE", (), preset.grace),
        ("game", "CHALLENGE_BOND", (), preset.challenge_bond),
        ("game", "BURN_BPS", (), preset.burn_bps),
        ("game", "GAS_PER_MOVE", (), preset.gas_a_move),
        ("game", "BASE_FEE_CAP", (), preset.base_fee_cap),
        ("game", "VAULT", (), at["vault"]),
        ("game", "GUARDIAN", (), address_text(deployment.guardian).lower()),
        ("game", "MAX_PAUSE", (), preset.max_pause),
        *(("game", "kinds", (kind,), (at[h], at[m])) for kind, (h, m) in KINDS.items()),
    ]


def _caps(preset: Preset) -> tuple[int, int, int, int]:
    return (
        preset.max_claim_work,
        preset.max_claim_words,
        preset.max_claim_rows,
        preset.max_claim_steps,
    )
