"""The peer: what one writes in an afternoon with the same parts, `grpc.aio`, Feast's own Redis store and LightGBM.

It reads with Feast, predicts and explains with the very same trees, and knows no freshness, band, contact or language.
`python -m bench.serving.parts FOLDER STORE_ADDRESS PORT BUNDLE…`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import lightgbm as lgb
import numpy as np
from feast import FeatureStore

from bench import peer
from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from scv.model import bundle, vector
from scv.model.bundle import BundleInfo

REASONS = 3


class Model:
    """The trees of one of our bundles, asked through LightGBM's own calls."""

    def __init__(self, path: Path) -> None:
        self.info: BundleInfo = bundle.read_info(path)
        self._booster = lgb.Booster(model_str=(path / bundle.MODEL).read_text())
        self._names = [column.name for column in self.info.columns]

    def score(self, values: dict[str, list[Any]], reasons: bool) -> pb.TargetScore:
        """Of one customer."""
        matrix = vector.matrix(values, self.info.columns)
        raw = self._booster.predict(matrix, raw_score=True, num_threads=1)
        probability = 1 / (1 + np.exp(-raw[0]))
        strongest: Sequence[int] = ()
        if reasons:
            added = self._booster.predict(matrix, pred_contrib=True, num_threads=1)[0, :-1]
            strongest = np.argsort(-added)[:REASONS].tolist()
        return pb.TargetScore(
            target=self.info.target, status=pb.SCORED, probability=probability, model=self.info.id,
            reasons=[pb.Reason(feature=self._names[place]) for place in strongest],
        )  # fmt: skip


class Scorer(scorer_pb2_grpc.ScorerServicer):
    """Scores every customer for every target."""

    def __init__(self, store: FeatureStore, models: Sequence[Model]) -> None:
        self._read, self._models = peer.reading(store, "US"), models

    async def Score(self, request: pb.ScoreRequest, context: Any) -> pb.ScoreReply:
        values = self._read([request.customer_id])
        targets = [model.score(values, request.with_reasons) for model in self._models]
        return pb.ScoreReply(country=request.country, customer_id=request.customer_id, known=True, targets=targets)


async def serve(folder: str, store: str, port: str, bundles: Sequence[str]) -> None:
    """Until it is killed."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    opened = peer.opened(Path(folder), store)
    scorer_pb2_grpc.add_ScorerServicer_to_server(Scorer(opened, [Model(Path(one)) for one in bundles]), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
