"""Test the answers of the HTTP API."""

import http.client
import json
import random

import pytest
from live_server import HERON, SAYING, SOURDOUGH

import provscan
from provscan.lookup import look_up

COPY = f"She wrote: {HERON.upper()} 😀 And {SOURDOUGH.replace('name', 'title')}"


def test_a_text_is_looked_up(client, index):
    found = client.ask("/api/lookup", {"text": COPY, "id": "mine"}).json()
    (matches,) = look_up([COPY], index)
    assert found["matches"] == json.loads(json.dumps(matches))
    assert {m["tweet_id"] for m in found["matches"]} == {"1001", "1002"}
    assert found["id"] == "mine"
    assert found["characters"] == len(COPY)
    assert found["findings"] == sum(m["counted"] for m in matches)
    assert found["index"] == {
        "fingerprint": index.fingerprint,
        "generation": 1,
        "tweets": 6,
        "texts": 3,
    }


def test_a_match_has_everything_that_people_compare(client):
    matches = {m["tweet_id"]: m for m in client.look_up(COPY)["matches"]}
    heron, sourdough = matches["1001"], matches["1002"]
    assert COPY[heron["start"] : heron["end"]] == heron["passage"] == HERON.upper()
    assert heron["tweet"] == HERON
    assert (heron["match"], heron["author"]) == ("word for word", "ada")
    assert heron["time"] == "2015-03-02T10:20:30+00:00"
    assert heron["permalink"] == "https://x.com/i/status/1001"
    assert (heron["tweets"], heron["authors"]) == (1, 1)
    assert {kind for _, _, kind in heron["differences"]["tweet"]} == {"left_out"}
    differing = {
        name: [
            sourdough[name][start:end]
            for start, end, kind in sourdough["differences"][name]
            if kind == "differs"
        ]
        for name in ("passage", "tweet")
    }
    assert differing == {"passage": ["title"], "tweet": ["name"]}
    (saying,) = client.look_up(SAYING)["matches"]
    assert (saying["common"], saying["counted"], saying["authors"]) == (True, False, 4)
    assert saying["rarity"] == "common or known wording"
    assert saying["why"] == "4 authors posted this text."


def test_positions_are_code_points_of_the_text_that_was_sent(client):
    for before in ("😀" * 7, "a\ud800b ", "e\u0301 \u202e", "\0\n\r\n"):
        text = f"{before} {SOURDOUGH}"
        (match,) = client.look_up(text)["matches"]
        assert text[match["start"] : match["end"]] == SOURDOUGH


def test_a_batch_gives_the_same_results_as_single_requests(client):
    texts = [COPY, "nothing", SAYING]
    sent = {"texts": [{"text": text, "id": f"n{n}"} for n, text in enumerate(texts)]}
    reply = client.ask("/api/batch", sent).json()
    for number, (text, result) in enumerate(zip(texts, reply["results"], strict=True)):
        alone = client.look_up(text)
        assert alone.pop("index") == reply["index"]
        assert result == {**alone, "id": f"n{number}"}
    assert client.ask("/api/batch", {"texts": []}).json()["results"] == []


def stream(client, pieces):
    """Send pieces one by one, each after the answer to the previous one, and return the
    lines of the answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.putrequest("POST", "/api/stream")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.putheader("Content-Type", "text/plain; charset=utf-8")
    connection.endheaders()
    for piece in pieces:
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    assert answer.status == 200
    lines = [json.loads(line) for line in answer.read().splitlines()]
    connection.close()
    return lines


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_gives_the_same_answer_as_one_request(client, seed):
    rng, raw = random.Random(seed), f"{COPY}\n{SAYING}, and {HERON}".encode()
    cuts = sorted(rng.sample(range(1, len(raw)), 19))
    ends = [*cuts, len(raw)]
    pieces = [raw[low:high] for low, high in zip([0, *cuts], ends, strict=True)]
    lines = stream(client, iter(pieces))
    whole = client.look_up(raw.decode())
    assert lines[-1] == {**whole, "final": True}
    assert len(whole["matches"]) == 4
    assert not any(line["final"] for line in lines[:-1])


def test_a_stream_is_answered_while_it_is_sent(client):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.putrequest("POST", "/api/stream")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for piece in (f"So: {HERON}. ".encode(), SOURDOUGH.encode()):
        connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        if b"heron" in piece:
            answer = connection.getresponse()
            line = json.loads(answer.readline())
            assert [m["tweet_id"] for m in line["matches"]] == ["1001"]
            assert line["final"] is False
    connection.sock.sendall(b"0\r\n\r\n")
    last = json.loads(answer.read().splitlines()[-1])
    assert {m["tweet_id"] for m in last["matches"]} == {"1001", "1002"}
    assert last["final"] is True
    connection.close()


def test_invalid_requests_are_refused(client):
    for body, said in (
        ({"text": 5}, "body.text: Input should be a valid string"),
        ({}, "body.text: Field required"),
        ({"text": "a", "more": "secret words"}, "body.more: Extra inputs"),
        (b"{secret words", "body"),
        (b"\xff\xfe", "body"),
    ):
        json_type = {"Content_Type": "application/json"}
        reply = client.ask("/api/lookup", body, **json_type)
        assert reply.status in (400, 422)
        assert said in reply.json()["detail"]
        assert b"secret" not in reply.body
    assert client.ask("/api/lookup", b'{"text": "a"}').status == 422
    assert client.ask("/api/nowhere").status == 404
    assert client.ask("/api/lookup").status == 405


def test_health_and_index(client, index):
    client.look_up(COPY)
    health = client.ask("/health")
    assert health.status == 200
    assert health.json() == {"status": "ok", "version": provscan.__version__}
    assert client.look_up("")["index"]["fingerprint"] == index.fingerprint


def test_the_documentation_names_every_path_and_field(client):
    schema = client.ask("/openapi.json").json()
    page = client.ask("/docs").body.decode()
    for path in schema["paths"]:
        assert path in page
    for name, shape in schema["components"]["schemas"].items():
        assert f'id="{name}"' in page
        for field in shape["properties"]:
            assert f"<code>{field}</code>" in page
    match = schema["components"]["schemas"]["Match"]["properties"]
    assert client.look_up(HERON)["matches"][0].keys() == match.keys()


def test_pages_load_nothing_and_send_requests_only_to_this_server(client):
    for path in ("/", "/docs"):
        reply = client.ask(path)
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        assert b"http://" not in reply.body.replace(b"http://127.0.0.1:8017", b"")
        assert b"//cdn" not in reply.body
    assert "connect-src 'self'" in client.ask("/").headers["content-security-policy"]
