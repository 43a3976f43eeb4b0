"""A shadow is asked beside the champion, of what the champion was asked, and nobody hears what it says."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

import cli
from rpc.client import ScorerClient
from scorer import champions
from scorer.live.server import Server
from scorer.served import vector_file
from scorer.served.shadow import beside
from scorer.served.vector_file import ReadVector
from scv.model import champion
from scv.model.retired import retired
from tests.scorer.shop import US, Shop


@pytest.fixture
def kept(live: Shop, tmp_path: Path) -> Shop:
    """The shop whose every answer is kept, with vectors and bundles of its own."""
    (tmp_path / "bundles").symlink_to(live.settings.bundles_path)
    settings = msgspec.structs.replace(live.settings, home=str(tmp_path), vector_log_share=1.0)
    return Shop(settings, live.client, live.events)


def test_it_is_asked_what_the_champion_was_asked_and_never_heard(
    live: Shop, kept: Shop, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = live.train("lapse", rounds=31, promoted=False)
    folder = champion.folder(live.settings, "US", "lapse")
    words = ["models", "shadow", "US", "lapse"]
    monkeypatch.setenv("CEREBRO_HOME", kept.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", kept.settings.store)
    try:
        assert cli.main(words) == 2 and "no shadow" in capsys.readouterr().err
        assert cli.main([*words, other.info.id]) == 0
        assert cli.main(words) == 1
        server = Server(kept.settings, "127.0.0.1:0", insecure=True)
        server.start()
        with ScorerClient(server.address, timeout_s=10) as client:
            said = client.score_batch("US", live.customers, ["lapse"])
        server.stop(1)
        assert {one.model for reply in said for one in reply.targets if one.model} == {"lapse-20"}
        pairs = [
            [(one.model, one.vector, one.probability) for one in record.served.scores]
            for record in vector_file.read(kept.settings.vectors_path)
            if isinstance(record, ReadVector)
        ]
        assert len(pairs) > 20 and all([one[0] for one in pair] == ["lapse-20", other.info.id] for pair in pairs)
        capsys.readouterr()
        assert cli.main([*words, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["pairs"] == len(pairs) and (found["champion"], found["shadow"]) == ("lapse-20", other.info.id)
        apart = sum(abs(one[2] - two[2]) for one, two in pairs) / len(pairs)
        assert found["apart"] == pytest.approx(apart) and apart > 0 and 0.5 < found["together"] <= 1
        none_goes = msgspec.structs.replace(live.settings, bundle_days=1)
        assert other.path not in {Path(one.path) for one in retired(none_goes, "US", ())}
    finally:
        assert cli.main([*words, "--off"]) == 0
    assert not (folder / champion.SHADOW).exists()


def test_a_model_beside_itself_is_its_like(kept: Shop) -> None:
    model = champions.load(kept.settings, US, "lapse")
    assert model is not None
    server = Server(kept.settings, "127.0.0.1:0", insecure=True)
    server.start()
    with ScorerClient(server.address, timeout_s=10) as client:
        client.score_batch("US", kept.customers, ["lapse"])
    server.stop(1)
    found = beside(kept.settings, "US", model, model)
    assert found is not None and (found.apart, found.agree) == (0, 1) and found.together == pytest.approx(1)
