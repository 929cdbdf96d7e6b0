"""The whole story on its own chain: train, claim, batch, doubt, bisect, prove, slash, confirm."""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from prover.backends import backend as backend_of
from prover.commit.keccak import Hash, keccak
from prover.content import ContentStore
from rollup import parties
from rollup.client import GatewayClient
from rollup.demo import model, plan, scene
from rollup.demo.dispute import Dispute, Posting
from rollup.demo.dispute import posting as read_posting
from rollup.demo.errors import DemoError
from rollup.demo.liar import Config
from rollup.demo.processes import Processes
from rollup.demo.scene import Cast, Data, Share
from rollup.demo.watch import Chain, Watch, await_file
from rollup.follower import Follower, Located
from rollup.jobs import Job
from rollup.jobs import write as write_jobs
from rollup.l1.accounts import LocalSigner
from rollup.l1.deploy import Contracts
from rollup.protocol import fields
from rollup.protocol.presets import MINIMAL
from rollup.protocol.receipts import Statement, StatementKind
from rollup.protocol.types import BatchNumber, Nonce, Wei

POLL: Final = "200ms"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line chose. `l1` is embedded, anvil, or a development chain's URL."""

    folder: Path
    l1: str
    seed: int
    receipts: int
    backend: str
    wish: plan.Wish

    def file(self, name: str) -> Path:
        """A file of the demo's folder."""
        return self.folder / name


@dataclass(frozen=True, slots=True)
class Ending:
    """What happened, for the report."""

    follower: Follower
    plan: plan.Plan
    disputed: Located
    dispute: Dispute
    posting: Posting
    confirmed: BatchNumber
    accuracy: list[float]
    stakes: dict[str, tuple[Wei, Wei]]
    share: Share
    seconds: float


def tell(settings: Settings, console: Console) -> Ending:
    """Plays everything, with progress bars on the console.

    Raises:
        DemoError: when a party fails, or nothing more happens.
    """
    begun = time.monotonic()
    share, cast = Share.of(settings.receipts), Cast.of_devnet()
    content, digits = ContentStore(settings.file("content")), model.load(settings.seed)
    bars = Progress(
        TextColumn("{task.description:<36}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with Processes(settings.folder) as processes, bars:
        setting = bars.add_task("fault, chain, contracts, bonds", total=3)
        # First of all: nothing is started for a fault that nobody could dispute.
        data, backend = scene.fill(content, digits), backend_of(settings.backend)
        chosen = plan.draw_plan(content, data, backend, settings.seed, settings.wish)
        bars.advance(setting)
        chain = Chain.start(settings.l1, processes, settings.folder)
        contracts = scene.build(chain.url, settings.folder, cast)
        scene.register(contracts, cast, content, data)
        chain.advance(1)  # programs count in batches that are posted after their registration
        bars.advance(setting)
        work = [scene.jobs_of(data, share, worker) for worker in range(scene.WORKERS)]
        scene.deposit(contracts, cast, work)
        bars.advance(setting)
        before = scene.stakes(contracts, cast)

        gateway = _start_parties(settings, processes, chain, cast)
        _start_workers(settings, processes, chain, cast, work, gateway, chosen)
        _label(contracts, cast, data, share, gateway)
        follower = parties.follower(contracts)
        watch = Watch(contracts, follower, processes, bars)
        watch.receipts(settings.receipts)
        located = _faulty(follower, cast, chosen)
        dispute = watch.disputed(located, cast.validator.address)
        watch.judged(settings.file("validator.json"), share.claims)
        chain.advance(MINIMAL.window)
        watch.confirmed()
        after = scene.stakes(contracts, cast)
        accuracy = [
            _accuracy(settings, processes, content, digits, worker) for worker in range(len(work))
        ]
        posting, confirmed = read_posting(contracts), contracts.rollup.confirmed()
    return Ending(
        follower=follower,
        plan=chosen,
        disputed=located,
        dispute=dispute,
        posting=posting,
        confirmed=confirmed,
        accuracy=accuracy,
        stakes={name: (before[name], after[name]) for name in before},
        share=share,
        seconds=time.monotonic() - begun,
    )


def _start_parties(settings: Settings, processes: Processes, chain: Chain, cast: Cast) -> str:
    """Starts sequencer and validator; the gateway's address, where clients try until it is up."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    common = ["--l1", chain.url, "--deployment", str(settings.file("deployment.json"))]
    processes.start(
        "sequencer",
        [
            "rollup", "sequencer", "run", *common, "--bond", "--port", str(port), "--poll", POLL,
            "--store", str(settings.file("sequencer.db")),
            "--unsafe-dev-account", str(cast.number(cast.sequencer)),
        ],
    )  # fmt: skip
    processes.start(
        "validator",
        [
            "rollup", "validator", "run", *common, "--settle", "--poll", POLL,
            "--content", str(settings.file("content")), "--backend", settings.backend,
            "--threads", "1",
            "--json", str(settings.file("validator.json")),
            "--unsafe-dev-account", str(cast.number(cast.validator)),
        ],
    )  # fmt: skip
    return f"http://127.0.0.1:{port}"


def _start_workers(
    settings: Settings,
    processes: Processes,
    chain: Chain,
    cast: Cast,
    work: Sequence[Sequence[Job]],
    gateway: str,
    chosen: plan.Plan,
) -> None:
    for worker, listed in enumerate(work):
        jobs, done = settings.file(f"jobs-{worker}.json"), settings.file(f"worker-{worker}.json")
        write_jobs(jobs, listed)
        account = cast.number(cast.workers[worker])
        deployment, content = settings.file("deployment.json"), settings.file("content")
        if worker == scene.LIAR:
            config = Config(
                chain.url, str(deployment), gateway, str(content), str(jobs), str(done), account,
                settings.backend, 0.2, chosen.first_step, chosen.fault.position, chosen.fault.bit,
            )  # fmt: skip
            config.save(settings.file("liar-config.json"))
            processes.start("liar", ["rollup.demo.liar", str(settings.file("liar-config.json"))])
            continue
        processes.start(
            f"worker-{worker}",
            [
                "rollup", "worker", "run", "--jobs", str(jobs), "--l1", chain.url,
                "--deployment", str(deployment), "--gateway", gateway, "--content", str(content),
                "--backend", settings.backend, "--threads", "1",
                "--poll", POLL, "--json", str(done),
                "--unsafe-dev-account", str(account),
            ],
        )  # fmt: skip


def _label(contracts: Contracts, cast: Cast, data: Data, share: Share, gateway: str) -> None:
    """Both labellers say of images what they show, salted so that nobody can guess it."""
    client = GatewayClient(gateway)
    halves = (share.labels - share.labels // 2, share.labels // 2)
    for signer, labels in zip(cast.labellers, halves, strict=True):
        me = parties.identity(contracts, signer)
        said = [
            Statement(
                StatementKind.LABEL,
                me.account,
                Nonce(number),
                data.images[place],
                _salted(signer, data.images[place], data.labels[place]),
            )
            for number in range(labels)
            for place in [number % len(data.images)]
        ]
        for first in range(0, labels, scene.BUNDLE):
            client.submit([me.sign(said[first : first + scene.BUNDLE])])
    client.close()


def _salted(signer: LocalSigner, image: Hash, label: int) -> Hash:
    """A label as a field, under a salt that its labeller alone can derive."""
    return fields.commit({"label": str(label)}, keccak(signer.key), image).content


def _faulty(follower: Follower, cast: Cast, chosen: plan.Plan) -> Located:
    """The liar's claim with the fault."""
    for located in follower.claims_of(cast.workers[scene.LIAR].address):
        if located.work.first_step == chosen.first_step:
            return located
    raise DemoError("the liar's claim is in no batch; look into liar.log")


def _accuracy(
    settings: Settings,
    processes: Processes,
    content: ContentStore,
    digits: model.Digits,
    worker: int,
) -> float:
    """Of the params that a worker's last training claim left, on the test split."""
    done = await_file(settings.file(f"worker-{worker}.json"), processes)
    root = bytes.fromhex(str(done["params"])[2:])
    params = model.training(digits).params.arrays(content.segment(Hash(root)))
    return model.accuracy(
        params, digits.test_images, digits.test_labels, backend_of(settings.backend)
    )
