"""How a party that knows the truth plays, either side alike. Pure: no chain, no clock.

1. *Post only what the replay gives.* Whatever part the opponent then names starts in a true value,
   and its answer must end in another value than ours, so it must end in a lie.
2. *Answer at the first wrong value.* The value before it is true, so the part named goes from
   truth to a lie: the next dissection again starts in truth, and rule 1 holds on. Any later part
   may start in a lie, and from a lie the opponent's next values can be right.
3. *Prove a part of one step.* It goes from a true value to a false one, so the machine disagrees
   with the opponent.
4. *Answer nothing when nothing is wrong.* The opponent's last value must differ from ours. When it
   does not, our replay is not the run in dispute, and each further move could cost the bond: stop.

So a game takes at most ceil(log_k L) dissections, one proof, and two passes a dissection: one over
the segment for the values to compare, one over the part for the values to post.
"""

from bisection.dissection import Dissection, cut
from bisection.errors import NothingToAnswer, TraceMismatch
from bisection.game import Move, Proof
from bisection.machine import Claim, Trace


def opening(claim: Claim, trace: Trace, k: int) -> Dissection | Proof:
    """How to dispute `claim`, whose true run is `trace`.

    Raises:
        TraceMismatch: when the trace has another start or length.
        NothingToAnswer: when the claim is true.
    """
    if trace.length != claim.length:
        raise TraceMismatch(f"the claim has {claim.length} steps, the replay {trace.length}")
    dissection = _dissect(trace, 0, claim.length, k)
    if dissection.values[0] != claim.pre:
        raise TraceMismatch("the replay does not start in the claim's pre state")
    if dissection.values[-1] == claim.post:
        raise NothingToAnswer("the claim's end is the replay's: it is true, do not dispute it")
    if claim.length == 1:
        return Proof(0, trace.witness(0))
    return dissection


def respond(dissection: Dissection, trace: Trace, k: int) -> Move | Proof:
    """How to answer the opponent's last dissection.

    Raises:
        TraceMismatch: when the dissection does not start in our value.
        NothingToAnswer: when it has no wrong value.
    """
    part = first_wrong(dissection, trace)
    start, length = dissection.bounds(part)
    if length == 1:
        return Proof(part, trace.witness(start))
    return Move(part, _dissect(trace, start, length, k))


def first_wrong(dissection: Dissection, trace: Trace) -> int:
    """The part in whose end the opponent first departs from the truth; errors as for `respond`."""
    if dissection.start + dissection.length > trace.length:
        raise TraceMismatch(f"the dissection goes beyond the replay's {trace.length} steps")
    truth = trace.states(dissection.positions())
    if truth[0] != dissection.values[0]:
        raise TraceMismatch(f"the replay disagrees at the agreed position {dissection.start}")
    for part, (theirs, ours) in enumerate(zip(dissection.values[1:], truth[1:], strict=True)):
        if theirs != ours:
            return part
    raise NothingToAnswer("every value is ours: the replay is not the run in dispute, stop")


def _dissect(trace: Trace, start: int, length: int, k: int) -> Dissection:
    """Our own dissection: every value from one pass."""
    return Dissection(start, length, tuple(trace.states(cut(start, length, k))))
