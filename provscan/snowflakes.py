"""Times in the ids of tweets, which are Snowflake ids since November 2010."""

# The bits of an id above the lower 22 are the time of the tweet, in milliseconds since
# this time, which is in milliseconds since 1970.
SNOWFLAKE_EPOCH = 1_288_834_974_657
# The first id that contains the time of its tweet.
FIRST_SNOWFLAKE = 29_700_000_000
