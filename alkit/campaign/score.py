"""Scoring a shard of a cycle's images, for a query that gathers all shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alkit.errors import NotTrained, UsageError
from alkit.utils.console import command_to_run
from alkit.utils.json_values import AsDict
from alkit.utils.shards import share_of

from .ask import QueryRequest, selection_of, with_vectors_of_pool
from .choose import can_choose_now
from .prepare import prepare
from .session import CampaignSession
from .shards.passes import check_shared

if TYPE_CHECKING:
    from alkit.composition.factory import ResolvedStrategy
    from alkit.data.feature_blocks import FeatureBlocks


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport(AsDict):
    """What a shard has done.

    Attributes:
        what: `scores`, or `features` of an encoder, which come first.
        shard: its number, from 1.
        of: how many shards there are.
        strategy: that the scores are for.
        computed: blocks that it has computed.
        missing: blocks of all shards that are still missing.
        blocks: of all shards; 0 if there is nothing left to compute.
        folder: of the blocks.
    """

    what: Literal["features", "scores"]
    shard: int
    of: int
    strategy: str
    computed: int
    missing: int
    blocks: int
    folder: str


def score(campaign: CampaignSession, request: QueryRequest, *, shard: int, of: int) -> ScoreReport:
    """Compute the blocks of one shard: see `Campaign.score`."""
    if request.scores is None:
        raise UsageError("name a folder for the scores that all shards see")
    if not 1 <= shard <= of:
        raise UsageError(f"there is no shard {shard} of {of}; shards are numbered from 1 to {of}")
    from alkit.engine.passes import EnoughComputed, ShardOfPasses  # noqa: PLC0415  # torch takes seconds to import

    folder, device = Path(request.scores), str(campaign.resources.device)
    # A session of its own: what is withdrawn in it is not recorded.
    with CampaignSession(campaign.directory, device=device, progress=campaign.progress) as session:
        session.resources.mapped = True
        if session.open_query is not None and not request.new:
            raise UsageError(
                f"query {session.open_query.number} is still open; answer it first, or score for a query "
                "that withdraws it, with --new"
            )
        blocks = session.resources.feature_blocks(session.state)
        if blocks is not None and blocks.missing:
            return _encoded(session, blocks, shard, of)
        files = with_vectors_of_pool(session, request.read_files())
        chosen, selection = selection_of(session, request, files)
        check_shared(selection)
        if not can_choose_now(session, chosen.strategy):
            raise UsageError("nothing is labeled yet; begin with 'alkit query' and 'alkit ingest'")
        try:
            prepared = prepare(session, chosen, selection, load_only=True)
        except NotTrained as error:
            raise NotTrained(f"{error}; {_train_first(session, chosen)}") from error
    passes = ShardOfPasses(folder.absolute(), prepared.identity, shard=shard, of=of)
    found = EnoughComputed(0, 0, 0)
    try:
        prepared.choose(passes)
    except EnoughComputed as enough:
        found = enough
    return ScoreReport(
        what="scores",
        shard=shard,
        of=of,
        strategy=chosen.strategy.name,
        computed=found.computed,
        missing=found.missing,
        blocks=found.blocks,
        folder=str(folder),
    )


def _encoded(session: CampaignSession, blocks: FeatureBlocks, shard: int, of: int) -> ScoreReport:
    """Compute the blocks of features of one shard."""
    numbers, missing = blocks.numbers, set(blocks.missing)
    wanted = [number for number in share_of(numbers, shard, of) if number in missing]
    session.resources.encode(session.state, blocks, wanted)
    return ScoreReport(
        what="features",
        shard=shard,
        of=of,
        strategy="",
        computed=len(wanted),
        missing=len(blocks.missing),
        blocks=len(numbers),
        folder=str(blocks.folder),
    )


def _train_first(session: CampaignSession, chosen: ResolvedStrategy) -> str:
    command = command_to_run("train", "--campaign", session.directory, "--strategy", chosen.choice.name)
    return f"run {command} first"
