"""Test an index that changes while it is served."""

from concurrent.futures import ThreadPoolExecutor

from live_server import HERON, SOURDOUGH, TWEETS, running

import provscan
from provscan.server.live import LiveIndex

NEW = {"id": "3001", "text": "Nobody tells you how loud a lighthouse is in the fog."}


def ids(found):
    return {match["tweet_id"] for match in found[1][0]}


def test_the_next_request_uses_a_changed_index(tmp_path):
    path = tmp_path / "a.index"
    provscan.build_index(TWEETS, path)
    live = LiveIndex(path)
    asked = [f"{HERON} {SOURDOUGH} {NEW['text']}"]
    assert ids(live.look_up(asked)) == {"1001", "1002"}
    provscan.build_index([NEW], path, append=True)
    about, _ = found = live.look_up(asked)
    assert ids(found) == {"1001", "1002", "3001"}
    assert (about["generation"], about["tweets"]) == (2, 7)
    provscan.forget(path, "1001")
    assert ids(live.look_up(asked)) == {"1002", "3001"}
    provscan.build_index([NEW], path, overwrite=True)
    about, _ = found = live.look_up(asked)
    assert ids(found) == {"3001"}
    assert about["fingerprint"] == provscan.open_index(path).fingerprint


def test_requests_fail_while_the_index_is_missing_or_damaged(tmp_path):
    path, away = tmp_path / "a.index", tmp_path / "away"
    provscan.build_index(TWEETS, path)
    with running(path) as client:
        path.rename(away)
        reply = client.ask("/api/lookup", {"text": HERON})
        assert reply.status == 503
        assert "there is no index" in reply.json()["detail"]
        health = client.ask("/health")
        assert (health.status, health.json()["status"]) == (503, "unusable")
        assert str(tmp_path) not in health.body.decode()
        assert client.ask("/").status == 200
        away.rename(path)
        assert client.look_up(HERON)["findings"] == 1
        damaged = next(path.glob("segments/*/exact.entries"))
        sound = damaged.read_bytes()
        provscan.build_index([NEW], path, append=True)
        damaged.write_bytes(bytes(len(sound)))
        assert client.ask("/api/lookup", {"text": HERON}).status == 503
        damaged.write_bytes(sound)
        assert client.look_up(HERON)["index"]["tweets"] == 7


def test_answers_come_from_the_index_that_they_name(tmp_path):
    """During the requests, the index is replaced again and again."""
    path = tmp_path / "a.index"
    versions = [[TWEETS[0]], [TWEETS[1]]]
    known = {
        provscan.build_index(tweets, tmp_path / f"{n}.index").fingerprint: tweets
        for n, tweets in enumerate(versions)
    }
    provscan.build_index(versions[0], path)
    live, seen = LiveIndex(path), set()

    def ask(_):
        about, (matches,) = live.look_up([f"{HERON} {SOURDOUGH}"])
        expected = {str(tweet["id"]) for tweet in known[about["fingerprint"]]}
        assert {match["tweet_id"] for match in matches} == expected
        seen.add(about["fingerprint"])

    with ThreadPoolExecutor(3) as pool:
        for turn in range(6):
            asking = [pool.submit(ask, n) for n in range(20)]
            provscan.build_index(versions[(turn + 1) % 2], path, overwrite=True)
            for future in asking:
                future.result()
    assert seen == {*known}
