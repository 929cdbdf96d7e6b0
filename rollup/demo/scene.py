"""The demo before anything happens: contracts, accounts, content and jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.commit.keccak import Hash
from prover.content import ContentStore
from rollup import session
from rollup.demo import model
from rollup.demo.errors import DemoError
from rollup.jobs import Job
from rollup.l1 import deploy
from rollup.l1.accounts import LocalSigner, dev_signer
from rollup.l1.deploy import Contracts
from rollup.l1.devnet import DEFAULT_SEED
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import WorkKind
from rollup.protocol.types import Wei

CLAIMS: Final = 8
CLAIM_STEPS: Final = 44
"""Training steps a claim: its micro-steps lie between 16^5 and 16^6, an even number of dissections,
so that the challenger and not the liar is to prove the last step."""
WORKERS: Final = 4
LIAR: Final = WORKERS - 1
"""Which of the workers computes wrongly, once."""
BUNDLE: Final = 256


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: accounts of the development chain."""

    sequencer: LocalSigner
    validator: LocalSigner
    labellers: tuple[LocalSigner, LocalSigner]
    workers: tuple[LocalSigner, ...]

    @classmethod
    def of_devnet(cls) -> "Cast":
        """The first accounts of a development chain."""
        account = [dev_signer(DEFAULT_SEED, number) for number in range(4 + WORKERS)]
        return cls(account[0], account[1], (account[2], account[3]), tuple(account[4:]))

    def number(self, signer: LocalSigner) -> int:
        """The signer's number among the development chain's accounts."""
        everyone = (self.sequencer, self.validator, *self.labellers, *self.workers)
        return everyone.index(signer)


@dataclass(frozen=True, slots=True)
class Share:
    """How many receipts of each sort the demo makes."""

    training: int
    inference: int
    """A worker's."""
    labels: int

    @classmethod
    def of(cls, receipts: int) -> "Share":
        """About two fifths of the receipts are inferences, of the honest workers; the rest labels.

        Raises:
            DemoError: when there are too few to tell the story with.
        """
        training = WORKERS * CLAIMS
        inference = (receipts - training) * 2 // (5 * (WORKERS - 1))
        if inference < 1:
            raise DemoError(f"--receipts {receipts} is too few: the workers alone make {training}")
        return cls(training, inference, receipts - training - inference * (WORKERS - 1))

    @property
    def claims(self) -> int:
        """Receipts that claim a computation."""
        return self.training + self.inference * (WORKERS - 1)


def build(l1: str, folder: Path, cast: Cast) -> Contracts:
    """Deploys the contracts of MINIMAL and writes the deployment file into the folder."""
    client = session.client(l1, poll=0.05)
    made = deploy.deploy(client, cast.sequencer, MINIMAL, sequencer=cast.sequencer.address)
    made.save(folder / "deployment.json")
    return deploy.connect(client, made)


@dataclass(frozen=True, slots=True)
class Data:
    """What is in the folder of content from the start, by its roots."""

    training: Hash
    """Program id."""
    inference: Hash
    initial: tuple[Hash, ...]
    """Params of each worker's model before training."""
    inputs: Hash
    """The training set."""
    images: tuple[Hash, ...]
    """One image each, those of the test split first."""
    labels: tuple[int, ...]
    """What each image shows, 0 to 9."""


def fill(content: ContentStore, digits: model.Digits) -> Data:
    """Puts programs, first params and inputs into the folder."""
    training, inference = model.training(digits), model.inference()
    for program in (training.program, inference.program):
        content.put_program(program)
    return Data(
        training.program.id,
        inference.program.id,
        tuple(
            content.put_segment(
                training.params.words(model.initial(digits.seed + worker)), training.params.depth
            )
            for worker in range(WORKERS)
        ),
        content.put_segment(
            training.inputs.words(model.training_inputs(digits)), training.inputs.depth
        ),
        tuple(
            content.put_segment(inference.inputs.words({"image": image}), inference.inputs.depth)
            for image in model.every_image(digits)
        ),
        tuple(int(label) for label in model.every_label(digits)),
    )


def register(contracts: Contracts, cast: Cast, content: ContentStore, data: Data) -> None:
    """Registers the programs on L1."""
    for name in (data.training, data.inference):
        program = content.program(name)
        contracts.programs.register(cast.sequencer, program.packed, program.depths)


def jobs_of(data: Data, share: Share, worker: int) -> list[Job]:
    """What a worker is asked to do: to train; then, if it is honest, to classify images."""
    train = Job(
        WorkKind.COMPUTE, data.training, data.initial[worker], (data.inputs,), 0, CLAIM_STEPS,
        CLAIMS, 1,
    )  # fmt: skip
    if worker == LIAR:
        return [train]
    images = [data.images[n % len(data.images)] for n in range(share.inference)]
    infer = Job(WorkKind.INFERENCE, data.inference, None, tuple(images), 0, 1, 1, BUNDLE)
    return [train, infer]


def bonds_of(listed: Sequence[Job]) -> int:
    """How many slots back jobs with one for each signature."""
    return sum(-(-job.receipts // job.bundle) for job in listed)


def deposit(contracts: Contracts, cast: Cast, work: Sequence[Sequence[Job]]) -> None:
    """Opens the accounts of workers, with a bond for each signature, and of labellers."""
    for signer, listed in zip(cast.workers, work, strict=True):
        contracts.vault.deposit(signer, bonds_of(listed))
    for signer in cast.labellers:
        contracts.vault.deposit(signer, 0)


def stakes(contracts: Contracts, cast: Cast) -> dict[str, Wei]:
    """Bonds that are live, and credit, of who may win or lose one."""
    people: dict[str, LocalSigner] = {"validator": cast.validator}
    people |= {f"worker {n}": signer for n, signer in enumerate(cast.workers)}
    people["liar"] = people.pop(f"worker {LIAR}")
    vault, bond = contracts.vault, contracts.vault.bond()
    found = {}
    for name, signer in people.items():
        _, live = session.live_slots(contracts, signer.address)
        found[name] = Wei(len(live) * bond + vault.credit_of(signer.address))
    return found
