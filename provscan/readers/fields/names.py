"""The names of the fields of tweets, in one table for all layouts.

:data:`NAMES` lists the names of each role in order of preference. A name is the path of
a field in the objects of platforms and collectors
(:mod:`provscan.readers.corpus.apis`), with a dot before each key of an inner object. In
snake case, it is the name of a column (:mod:`provscan.readers.fields.tweets`).
"""

from __future__ import annotations

from provscan.names import snake_case

# Fields with the full text of a long tweet, or of the original of a retweet. The usual
# field then contains only the beginning of the text.
WHOLE_TEXTS = (
    "retweeted_status.extended_tweet.full_text",
    "retweeted_status.full_text",
    "retweeted_status.text",
    "retweet_text",
    "note_tweet.text",
    "note_tweet_text",
    "note_tweet.note_tweet_results.result.text",
    "extended_tweet.full_text",
    "extended_tweet_full_text",
    "fullText",
)
NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "full_text",
        "text",
        "fullText",
        "rawContent",
        "tweet_text",
        "tweet",
        "tweetText",
        "tweet_content",
        "content",
        "renderedContent",
        "body",
        "message",
        "post",
        "status",
        # A member of a sample in a webdataset.
        "txt",
        "status_text",
        "sentence",
        "comment",
        "mention_content",
        "hit_sentence",
        "snippet",
        "title",
    ),
    "id": (
        "id_str",
        "id",
        "rest_id",
        "tweet_id",
        "tweetId",
        "status_id",
        "status_id_str",
        "tweet_id_str",
        "post_id",
        "_id",
        "record_id",
        "mid",
        "key",
    ),
    "author": (
        "author",
        "user.screen_name",
        "user.username",
        "author.username",
        "author.screen_name",
        "author.name",
        "username",
        "screen_name",
        "user_name",
        "user_screen_name",
        "handle",
        "user",
        "user.id_str",
        "user.id",
        "author.id_str",
        "author.id",
        "author_id",
        "user_id",
        "@name",
        "uid",
    ),
    "date": (
        "created_at",
        "date",
        "tweet_created",
        "tweet_created_at",
        "tweet_time",
        "timestamp",
        "timestamp_ms",
        "datetime",
        "createdAt",
        "created",
        "created_utc",
        "time",
        "published_at",
        "published",
        "publish_date",
    ),
    "lang": ("lang", "language", "tweet_lang", "tweet_language"),
    "rt_of": (
        "rt_of",
        "retweeted_status.id_str",
        "retweeted_status.id",
        "retweeted_status_id_str",
        "retweeted_status_id",
        "retweetedTweetId",
        "retweet_status_id",
        "retweeted_id",
        "retweet_id",
        "retweet_tweetId",
        "referenced_tweets.retweeted.id",
    ),
}
ROLES = tuple(NAMES)
# Fields with the id of the first version of an edited tweet. It is used for all
# versions, so that they are one tweet.
FIRST_VERSIONS = (
    "edit_info.edit.initialTweetId",
    "edit_history.initial_tweet_id",
    "edit_info.initial_tweet_id",
    "edit_control.initial_tweet_id",
    "edit_history_tweet_ids",
    "edit_info.initial.editTweetIds",
    "edit_info.edit.editControlInitial.editTweetIds",
    "edit_info.edit_tweet_ids",
    "edit_history.edit_tweet_ids",
    "edit_control.edit_tweet_ids",
)

RETWEETED = ("retweeted_status", "retweetedTweet")
QUOTED = ("quoted_status", "quotedTweet")
# Keys of objects and lists that a file may contain only after many flat records.
NESTED = (
    "retweeted_status",
    "quoted_status",
    "extended_tweet",
    "note_tweet",
    "referenced_tweets",
    "edit_history_tweet_ids",
)
# A record with any of these keys has the layout of a platform or collector; a record
# without them is flat.
MARKERS = frozenset(
    [
        *RETWEETED,
        *QUOTED,
        *NESTED,
        "edit_history",
        "edit_info",
        "includes",
        "rawContent",
        "renderedContent",
        "__twarc",
    ]
)


def in_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return distinct names in snake case, the form in which columns are compared."""
    return tuple(dict.fromkeys(map(snake_case, names)))
