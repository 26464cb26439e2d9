"""Assemble calls from the logs of clients: twarc 1 and 2, and others that use urllib3.

Such a log does not contain one line per call. A call is a request together with the
messages that follow it (:data:`MESSAGE`). :meth:`ClientLog.calls` yields the calls of a
log, and :meth:`ClientLog.note` says which of them were inferred or are incomplete.
:func:`is_message` recognises these logs.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

# The values of a call.
COLUMNS = ("time", "responded_at", "endpoint", "parameters", "status", "tweets", "ids")
# A line of a log: a time, usually a level, and the words of a message.
LINE = re.compile(
    r"\W{0,2}(?P<time>\d{4}-\d\d-\d\d[ T][\d:]{8}(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)"
    r"[\s\]:|-]*(?:(?:.{0,80}?\W)?(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL)\b[\s\]:|-]*)?"
    r"(?P<words>.*)"
)
# The messages that matter. The last group that matches is the kind of the message.
MESSAGE = re.compile(
    r"""
    # A request to the platform, before it is sent, and after it was answered.
    (?:\S+\s)?(?:getting|posting|putting|deleting)\s\(?['"]?
        (?P<url>https?://[\w.-]*\b(?:twitter|x)\.com[^\s'",()]*)['"]?,?\)?\s?(?P<request>.*)
    | (?:(?!://)[^"])*?(?:https?://[\w.-]*\b(?:twitter|x)\.com(?::\d+)?\s)?
        "[A-Z]+\s(?P<path>/(?:1|1\.1|2|labs|oauth2?)/\S*)\sHTTP/[\d.]+"\s(?P<status>\d{3})
    # The ids of tweets, users or other objects in a response; a response without ids.
    | archived(?P<ids>(?:\s.*)?)$
    | (?P<none>no\snew\stweets|Retrieved\san\sempty\spage)
    # No response, or a response that is an error.
    | (?P<broken>caught\s(?:connection|read|gzip|exception))
    | (?P<limited>rate\slimit\sexceeded)
    | (?:.*?[\[:\s])?(?P<refused>[45]\d\d)
        (?:\]>|\sfrom\sTwitter|\sAuthentication\srequired|\s(?:Client|Server)\sError)
    # The client waits, goes on to another request, chooses tweets, or restarts.
    | (?P<wait>creating\s(?i:http)|Starting\snew|Resetting\s|Retrying\s|.*keep.alive)
    | (?P<replies>looking\sfor\sreplies)
    | (?P<chosen>found\sreply)
    | (?P<next>starting\s|hydrating\s|looking\s|retrieving\s|connecting\sto\s)
    | (?P<end>loading\s.*\sprofile|using\sconfig|process\sreceived|stopping\s)
    """,
    re.VERBOSE,
)
# The kinds of messages that contain a request.
REQUESTS = ("request", "status")
# Numbers that vary between the requests to one endpoint, such as ids.
LONG = re.compile(r"\d{4,}")
# The endpoints whose responses contain no tweets.
NO_TWEETS = re.compile(
    r"/(?:account|oauth2?|application|followers|following|friends|friendships|blocks"
    r"|mutes|trends|geo|counts|rules|retweeters|liking_users|retweeted_by|compliance"
    r"|usage|direct_messages|dm_events|lists(?!/statuses|/\d+/tweets)"
    r"|users(?!/(?:\d+|:id)/(?:tweets|mentions|liked_tweets|timelines|bookmarks)))\b"
)
# The first versions of twarc did not log requests. A pause of at least this many
# seconds separates their responses.
PAUSE = 0.1
# The status that each kind of message gives a call; None if the message states it.
# Status 599 means that the request ended without a response.
STATUSES = {"status": None, "refused": None, "limited": "429", "broken": "599"}
NOTES = {
    "inferred": f"calls that are inferred from a pause of {PAUSE} s, since the log has "
    "ids of tweets without a request before them: {:,}",
    "unseen": "refused requests that the log shows only by their refusal: {:,}",
    "elsewhere": "ids that are not counted as delivered tweets, since the client read "
    "them from a file, or they are ids of users, trends or other objects: {:,}",
    "unanswered": "requests without an answer in the log, which count as calls that "
    "delivered no tweets: {:,}",
    "chosen": "replies that the client chose from responses whose other tweets the log "
    "does not list: {:,}",
    "overnight": "requests whose tweets continued to arrive after midnight, and count "
    "on the day of the request: {:,}",
}


def time_of(line: str) -> str | None:
    """Return the time that a line states, or None if it states none."""
    return _parsed(line)[0]


def is_message(line: str) -> bool:
    """Return whether a line is a message that only clients log."""
    return _parsed(line)[1] is not None


class ClientLog:
    """Assembles the calls of one log, which it reads once.

    ``others`` is the number of lines that begin no call.
    """

    def __init__(self) -> None:
        self.others = 0
        self._call: dict[str, Any] | None = None  # The call that is not complete yet.
        self._noted: Counter[str] = Counter()
        self._logs_requests = False
        self._last = 0.0  # The time of the last ids without a request.
        # The endpoints, without long numbers, whose tweets this client lists.
        self._lists: set[str] = set()
        self._chooses = False  # Whether the client lists only some of the tweets.

    def calls(self, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, Any]]:
        """Yield the calls, each with the position of its first line. A line that is not
        in the format of the log is yielded as it is.
        """
        begun = False
        for number, line in lines:
            if not line:
                continue
            time, message = _parsed(line)
            kind = message.lastgroup if message else None
            if time is None and (kind in REQUESTS or not begun):
                yield number, line
                continue
            # Other lines without a time continue a message, such as a traceback.
            begun = True
            opened = message and self._opened(message, time)
            if opened:
                yield from self._finished(answered=True)
                self._call = {"row": number, "time": time, "status": None, "ids": []}
                self._call |= {"tweets": None, "answered": False} | opened
            else:
                self.others += 1
            if kind in ("next", "replies", "end"):
                yield from self._finished(answered=kind != "end")
                self._chooses = kind == "replies"
            else:
                self._add(message, time)
        yield from self._finished(answered=False)

    def note(self) -> str | None:
        """Return what the counts of calls and tweets assume or leave out."""
        noted = ((note, self._noted[name]) for name, note in NOTES.items())
        return "; ".join(note.format(n) for note, n in noted if n) or None

    def _opened(self, message: re.Match[str], time: str | None) -> dict[str, Any]:
        """Return the endpoint and the parameters of the call that a message begins, or
        nothing if it begins none.
        """
        kind, call = message.lastgroup, self._call
        if kind in REQUESTS and not _answers(message, call):
            self._logs_requests = True
            url, _, query = (message["url"] or message["path"]).partition("?")
            return {"endpoint": url, "parameters": message["request"] or query}
        if time and kind == "ids" and not self._logs_requests:
            before, self._last = self._last, _seconds(time)
            if call is None or self._last - before > PAUSE:
                self._noted["inferred"] += 1
                return {"endpoint": "", "parameters": None}
        elif time and call and call["ids"] and kind in ("limited", "refused"):
            # A response that has arrived is not refused: the line is about a later
            # request, which the log does not show.
            self._noted["unseen"] += 1
            return {"endpoint": "", "parameters": None}
        return {}

    def _add(self, message: re.Match[str] | None, time: str | None) -> None:
        """Add the content of a message to the current call. Lines that are not messages
        only show that the client went on.
        """
        kind, call = message.lastgroup if message else None, self._call
        if message and kind == "ids":
            found = re.findall(r"(?:^|[,/\s])(\d+)(?=,|$)", message["ids"])
            if call is None or NO_TWEETS.search(call["endpoint"]):
                self._noted["elsewhere"] += len(found)
            else:
                call["ids"] += found
                call |= {"responded_at": time, "tweets": len(call["ids"])}
                self._lists.add(LONG.sub("", call["endpoint"]))
        elif call is None:
            return
        elif message and kind in STATUSES and not call["ids"]:
            call["status"] = message["status"] or message["refused"] or STATUSES[kind]
        elif kind == "none":
            call["tweets"] = len(call["ids"])
        elif kind not in ("request", "wait"):
            call["answered"] = True
            self._noted["chosen"] += kind == "chosen"

    def _finished(self, *, answered: bool) -> Iterator[tuple[int, Any]]:
        """End the current call, and yield it if there is one. Its number of tweets is
        None if the log does not show it. ``answered`` says whether the client continued
        after the call.
        """
        call, self._call = self._call, None
        if call is None:
            return
        answered |= call.pop("answered") or call["status"] is not None
        if int(call["status"] or 0) >= 400 or NO_TWEETS.search(call["endpoint"]):
            call["tweets"] = 0
        elif call["tweets"] is None and not answered:
            call["tweets"] = 0
            self._noted["unanswered"] += 1
        elif LONG.sub("", call["endpoint"]) in self._lists and not self._chooses:
            # If this client lists tweets, a response without a list had none.
            call["tweets"] = len(call["ids"])
        over = call.get("responded_at", call["time"])
        self._noted["overnight"] += over[:10] != call["time"][:10]
        yield call.pop("row"), call


def _parsed(line: str) -> tuple[str | None, re.Match[str] | None]:
    """Return the time and the message of a line; None for what it lacks."""
    found = LINE.match(line)
    if found is None:
        return None, MESSAGE.match(line)
    return found["time"], MESSAGE.match(found["words"])


def _answers(message: re.Match[str], call: dict[str, Any] | None) -> bool:
    """Return whether a message gives the status of this call."""
    if call is None or call["status"] or not message["path"]:
        return False
    return bool(call["endpoint"].endswith(message["path"].partition("?")[0]))


def _seconds(time: str) -> float:
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(time.replace(",", ".")).timestamp()
    return 0.0
