"""A validator's round: what there is to judge keeps no game waiting."""

import pytest

from bisection.game import Open
from rollup import validator
from rollup.validator import Validator
from tests.bisection.chain import Chain, Port, truth
from tests.bisection.table import CHALLENGER, claim_of


class Polled(Port):
    """A source whose claims are always there."""

    def poll(self) -> int:
        return 0


def test_games_are_played_while_claims_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validator, "JUDGING", 0.0)
    chain = Chain()
    claims = [chain.post(claim_of(9, true=False, name=number)) for number in range(3)]
    port = Polled(chain, CHALLENGER)
    party = Validator(port, port, truth, CHALLENGER)
    for place, claim in enumerate(claims):
        (played,) = party.round()
        assert isinstance(played.action, Open)
        assert played.key.claim == claim.id
        assert party.behind == (place < 2)
    assert party.round() == []
