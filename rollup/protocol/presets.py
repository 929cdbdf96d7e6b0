"""Every number of a deployment, and the inequalities that make the numbers safe together.

Assumptions, stated once and used by the properties below:

* L1 may be kept from taking a party's transactions for `censorship` seconds of one game in all.
* A reference validator does `replay_rate` work units a second in the worst case: one core's rate
  on common numbers, `UNIT_RATE`, over `SUBNORMAL_FACTOR`.
* A party needs `move_time` to get one move into L1 once it knows it, and plays its games one move
  after another from one shared replay.
* A claim is at most `max_claim_work` micro-steps long: every micro-step weighs at least 1.
* At most `max_window_work` work units are claimed in one window. L1 lets `forced_window_work` of
  them be forced in each of its windows, two of which a sliding one can meet; the sequencer admits
  no more than the rest, `admitted_window_work`.

All durations are seconds of protocol time (block time less paused time), but `max_pause`.
"""

from dataclasses import dataclass
from typing import Final

from rollup.errors import ConfigError
from rollup.protocol.header import CHUNK_BYTES
from rollup.protocol.ledger.header import Header, Rules, genesis
from rollup.protocol.ledger.types import MAX_RING, MAX_WORK, Units
from rollup.protocol.types import Gas, Seconds, Wei

ETHER: Final = 10**18
GWEI: Final = 10**9
UNIT_RATE: Final = 3_000_000_000
"""Work units a second of one core: a unit is a map's element streamed through memory, 0.3 ns."""
SUBNORMAL_FACTOR: Final = 12
"""How much slower subnormal operands may make a unit. Weights are for the slowest schedule, and the
ops that suffer most run far below theirs: a 512^3 matmul, 3 units a micro-step, took 485 ms on
subnormals where the processor traps on them (5 ms on common numbers): 1.2 ns a unit, a factor of 4.
The rest is for maps that trap out of cache. Where the processor does not trap it is 1.0 to 1.3."""
_DAY: Final = 86_400
_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The parameters of one deployment. Making one checks it.

    Raises:
        ConfigError: naming the first of `bounds` and `rules` that the numbers break.
    """

    name: str

    # The game
    k: int
    """Parts of a dissection, 2 to 64."""
    window: Seconds
    """From a batch's post, in which its claims may be challenged."""
    clock: Seconds
    """Of each side, for a whole game."""
    grace: Seconds
    """A clock is raised to this before what may be the last move."""
    max_pause: Seconds
    """Wall-clock time that a guardian may stop protocol time for, in all."""

    # Money
    bond: Wei
    """One slot: what a false claim costs."""
    challenge_bond: Wei
    """What a lost challenge costs."""
    burn_bps: int
    """Part of a lost bond that is burnt before anybody is paid, in 1/10,000."""
    gas_a_move: Gas
    """Refunded to the challengers of a rejected claim for each of their moves."""
    base_fee_cap: Wei
    """Wei a gas above which refunds do not follow the base fee."""
    unbonding: Seconds
    """From a slot's exit to its withdrawal."""

    # Bounds of claims
    max_claim_work: int
    """Work units (weighted micro-steps) of one claim."""
    max_claim_words: int
    """Words that one step of a claim's program reads and writes registers of."""
    max_claim_rows: int
    """Rows of a claim's program."""
    max_claim_steps: int
    """Training steps of one claim."""
    max_window_work: int
    """Work units claimed in one window, by everybody."""
    forced_window_work: int
    """Work units of what L1 lets be forced in one of its windows: protocol time from a multiple of
    `window` on, `window` long."""

    # Batches
    batch_receipts: int
    """A batch is sealed when it holds so many; no bundle is larger."""
    batch_age: Seconds
    """A batch is sealed when its oldest receipt has waited so long."""
    chunk_bytes: int
    """Data is published in pieces of so many bytes."""
    confirmations: int
    """L1 blocks after which a post is taken as lasting."""
    inbox_deadline: Seconds
    """By when the sequencer must take what was forced on L1."""
    inbox_cap: int
    """Inbox entries that one batch takes at the most."""
    availability: Seconds
    """By when missing data must be answered for."""

    # The ledger
    ring: int
    """2^ring claims wait for their settlement at the most; see docs/ledger.md."""
    epoch: Seconds
    """The shortest that an epoch of rewards lasts."""

    # Assumptions
    censorship: Seconds
    replay_rate: int
    move_time: Seconds

    def __post_init__(self) -> None:
        self._require(self.bounds)
        self._require(self.rules)  # second: they divide by what the bounds keep from being 0

    def _require(self, rules: tuple[tuple[str, bool], ...]) -> None:
        for rule, holds in rules:
            if not holds:
                raise ConfigError(f"preset {self.name}: {rule} does not hold")

    @property
    def ledger_rules(self) -> Rules:
        """Of the ledger's first epochs: the defaults, with the caps of what L1 can judge."""
        return Rules(
            max_steps=self.max_claim_steps, max_work=Units(min(self.max_claim_work, MAX_WORK))
        )

    @property
    def genesis(self) -> Header:
        """The ledger's state before the first batch."""
        return genesis(self.ring, self.ledger_rules)

    @property
    def admitted_window_work(self) -> int:
        """Work units that the sequencer admits in one window: room is left for what is forced.

        Whoever spends one window's forced work as it ends and the next one's as it begins has both
        in one sliding window.
        """
        return self.max_window_work - 2 * self.forced_window_work

    @property
    def worst_replay(self) -> Seconds:
        """All replays of one side in a game on the largest claim, subnormal throughout.

        Each round replays a k-th of the round before: at most k/(k-1) times the first pass.
        """
        passes = -(-self.max_claim_work * self.k // (self.k - 1))
        return Seconds(-(-passes // self.replay_rate))

    @property
    def checkpoint_budget(self) -> int:
        """Bytes for which a party keeps states of its runs: a dissection of the largest program."""
        return self.k * self.max_claim_words * 4

    @property
    def dissections(self) -> int:
        """Dissections of the longest game: ceil(log_k of the largest claim's length)."""
        count, reached = 0, 1
        while reached < self.max_claim_work:
            count, reached = count + 1, reached * self.k
        return count

    @property
    def moves_a_side(self) -> int:
        """Moves of one side in the longest game: its half of the dissections and the proof."""
        return (self.dissections + 2) // 2

    @property
    def game_protocol_time(self) -> Seconds:
        """The longest game: both clocks, each raised to the grace at most once.

        A dissection below 2k steps has parts of at most two; the next one has parts of one.
        """
        return Seconds(2 * self.clock + 2 * self.grace)

    @property
    def game_duration(self) -> Seconds:
        """The longest game on a wall clock: a guardian's whole pause falls into it."""
        return Seconds(self.game_protocol_time + self.max_pause)

    @property
    def finality(self) -> Seconds:
        """The longest that a claim stays open: challenged as its window closes, played to the end.

        The number of challengers does not matter: their games run at the same time.
        """
        return Seconds(self.window + self.game_duration)

    @property
    def defendable_games(self) -> int:
        """Games that one defender can win at once before a clock runs out."""
        spare = self.clock - self.censorship - self.worst_replay
        return max(spare, 0) // (self.moves_a_side * self.move_time)

    @property
    def bounds(self) -> tuple[tuple[str, bool], ...]:
        """What each number must be by itself, in words, and whether it is."""
        least = min(
            self.max_claim_work,
            self.max_claim_words,
            self.max_claim_rows,
            self.max_claim_steps,
            self.batch_receipts,
            self.batch_age,
            self.confirmations,
            self.inbox_cap,
            self.epoch,
            self.replay_rate,
            self.move_time,
        )
        return (
            ("2 <= k <= 64", 2 <= self.k <= 64),
            ("every bound is at least 1", least >= 1),
            ("0 < burnt part < all of a bond", 0 < self.burn_bps < 10_000),
            ("0 < chunk_bytes <= 120,000", 0 < self.chunk_bytes <= CHUNK_BYTES),
            ("max_claim_rows <= 65,535", self.max_claim_rows <= 65_535),
            ("batch_receipts <= 65,536", self.batch_receipts <= 65_536),
            ("inbox_cap < 2^16", self.inbox_cap < 2**16),
            ("0 <= ring <= 28", 0 <= self.ring <= MAX_RING),
            ("max_claim_work < 2^62", self.max_claim_work < 2**62),
            ("forced_window_work < 2^64", self.forced_window_work < 2**64),
            (
                "max_claim_work <= forced_window_work",
                self.max_claim_work <= self.forced_window_work,
            ),
            (
                "max_claim_work + 2 * forced_window_work <= max_window_work",
                self.max_claim_work <= self.admitted_window_work,
            ),
        )

    @property
    def rules(self) -> tuple[tuple[str, bool], ...]:
        """What the numbers must be to each other, in words, and whether they are."""
        gas_of_a_game = self.moves_a_side * self.gas_a_move * self.base_fee_cap
        moves_time = self.moves_a_side * self.move_time
        left_of_bond = self.bond * (10_000 - self.burn_bps) // 10_000
        left_of_challenge = self.challenge_bond * (10_000 - self.burn_bps) // 10_000
        window_replay = self.max_window_work / self.replay_rate
        answer = self.censorship + self.worst_replay
        last_claim = self.inbox_deadline + self.window + self.availability
        return (
            (
                "clock >= censorship + worst replay + a side's moves",
                self.clock >= answer + moves_time,
            ),
            ("grace >= two moves", self.grace >= 2 * self.move_time),
            ("replay of a window's work <= window / 3", 3 * window_replay <= self.window),
            (
                "window >= censorship + worst replay + one move, beside the window's replay",
                self.window >= answer + self.move_time + window_replay,
            ),
            (
                "games one defender can play * challenge bond > bond",
                self.defendable_games * self.challenge_bond > self.bond,
            ),
            ("what is left of a bond pays a game's gas", left_of_bond >= gas_of_a_game),
            (
                "what is left of a challenge bond pays a game's gas",
                left_of_challenge >= gas_of_a_game,
            ),
            (
                "unbonding >= inbox deadline + window + availability + longest paused game",
                self.unbonding >= last_claim + self.game_duration,
            ),
        )


MAINNET: Final = Preset(
    name="mainnet",
    k=16,
    window=Seconds(7 * _DAY),
    clock=Seconds(2 * _DAY),
    grace=Seconds(6 * _HOUR),
    max_pause=Seconds(7 * _DAY),
    bond=Wei(ETHER),
    challenge_bond=Wei(ETHER // 10),
    burn_bps=2_000,
    gas_a_move=Gas(70_000),
    base_fee_cap=Wei(150 * GWEI),
    unbonding=Seconds(21 * _DAY),
    max_claim_work=2**40,
    max_claim_words=2**28,
    max_claim_rows=65_535,
    max_claim_steps=2**24,
    max_window_work=2**45,
    forced_window_work=2**42,
    batch_receipts=4_096,
    batch_age=Seconds(300),
    chunk_bytes=CHUNK_BYTES,
    confirmations=64,
    inbox_deadline=Seconds(_DAY),
    inbox_cap=1_024,
    availability=Seconds(_DAY),
    ring=24,
    epoch=Seconds(7 * _DAY),
    censorship=Seconds(_DAY),
    replay_rate=UNIT_RATE // SUBNORMAL_FACTOR,
    move_time=Seconds(12),
)
"""For value that matters: days to watch and answer; one core replays everything."""

MINIMAL: Final = Preset(
    name="minimal",
    k=16,
    window=Seconds(600),
    clock=Seconds(120),
    grace=Seconds(30),
    max_pause=Seconds(600),
    bond=Wei(ETHER),
    challenge_bond=Wei(ETHER // 10),
    burn_bps=2_000,
    gas_a_move=Gas(70_000),
    base_fee_cap=Wei(150 * GWEI),
    unbonding=Seconds(1_800),
    max_claim_work=2**32,
    max_claim_words=2**22,
    max_claim_rows=4_096,
    max_claim_steps=2**16,
    max_window_work=2**35,
    forced_window_work=2**32,
    batch_receipts=512,
    batch_age=Seconds(2),
    chunk_bytes=CHUNK_BYTES,
    confirmations=2,
    inbox_deadline=Seconds(60),
    inbox_cap=1_024,
    availability=Seconds(60),
    ring=12,
    epoch=Seconds(600),
    censorship=Seconds(30),
    replay_rate=UNIT_RATE // SUBNORMAL_FACTOR,
    move_time=Seconds(1),
)
"""For development chains and tests: the same shape in minutes."""

PRESETS: Final = {preset.name: preset for preset in (MAINNET, MINIMAL)}
"""By name, as the command line takes them."""
