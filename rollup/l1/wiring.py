"""How the contracts of a deployment are made and what they then say: one line a fact.

Contracts go by their field of ``Deployment``.
"""

from typing import Any, Final

from rollup.l1.deployment import CONTRACTS, Deployment
from rollup.l1.rewards import rules_words
from rollup.l1.token import UNIT
from rollup.protocol.assertions import LEDGER_KIND
from rollup.protocol.claims import TENSOR_KIND
from rollup.protocol.presets import Preset
from rollup.protocol.types import address_text

KINDS: Final = {
    TENSOR_KIND: ("rollup", "machine"),
    LEDGER_KIND: ("assertions", "ledger_machine"),
}
"""Kinds of claims: host and machine of each, numbered from 0 without a gap."""
WRITERS: Final = ("vault", "rewards", "jobs")
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
        preset.forced_window_work,
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
    governor = address_text(deployment.governor)
    assertions = (at["rollup"], preset.window, LEDGER_KIND, preset.genesis.hash)
    rewards = (
        at["token"],
        at["assertions"],
        governor,
        preset.epoch,
        *rules_words(preset.ledger_rules),
    )
    hosts = [at[host] for host, _ in KINDS.values()]
    return {
        "programs": (at["game"],),
        "machine": (),
        "ledger_machine": (),
        "token": (),
        "vault": (preset.bond, preset.unbonding, at["game"], at["rollup"], hosts),
        "rollup": (rollup,),
        "assertions": (assertions,),
        "rewards": (rewards,),
        "jobs": (at["rollup"], governor),
        "game": (game,),
    }


def facts(deployment: Deployment, preset: Preset) -> list[tuple[str, str, tuple[Any, ...], Any]]:
    """(contract, getter, its arguments, what it must answer)."""
    at = addresses(deployment)
    governor = address_text(deployment.governor).lower()
    return [
        ("rollup", "SEQUENCER", (), address_text(deployment.sequencer).lower()),
        ("rollup", "WINDOW", (), preset.window),
        ("rollup", "DEADLINE", (), preset.inbox_deadline),
        ("rollup", "INBOX_CAP", (), preset.inbox_cap),
        ("rollup", "FORCED_WORK", (), preset.forced_window_work),
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
        ("assertions", "ROLLUP", (), at["rollup"]),
        ("assertions", "VAULT", (), at["vault"]),
        ("assertions", "GAME", (), at["game"]),
        ("assertions", "WINDOW", (), preset.window),
        ("assertions", "KIND", (), LEDGER_KIND),
        ("assertions", "GENESIS_ROOT", (), preset.genesis.hash),
        ("rewards", "TOKEN", (), at["token"]),
        ("rewards", "ASSERTIONS", (), at["assertions"]),
        ("rewards", "ROLLUP", (), at["rollup"]),
        ("rewards", "VAULT", (), at["vault"]),
        ("rewards", "GAME", (), at["game"]),
        ("rewards", "GOVERNOR", (), governor),
        ("rewards", "EPOCH", (), preset.epoch),
        ("rewards", "UNIT", (), UNIT),
        ("jobs", "ROLLUP", (), at["rollup"]),
        ("jobs", "PROGRAMS", (), at["programs"]),
        ("jobs", "GOVERNOR", (), governor),
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
