-- The table rules: the days on which each version of a rule applied.
--
-- A version applies from from_day until the day before until_day, on which the next
-- version begins; until_dated is the kind of that version's date. A row without a
-- version covers the days before the first version. contradicts lists rules on the same
-- subject with another value on a day of this version; conduct is compared with
-- all of them. permits is the value above which conduct differs: a version without a date
-- of effect may have applied before its date, so the value before it is the higher one.
CREATE TABLE rules AS
WITH dated AS (
    SELECT *, date::VARCHAR AS version, date AS from_day,
        lead(date, 1, DATE '9999-12-31') OVER later AS until_day,
        lead(dated) OVER later AS until_dated,
        if(until_dated <> 'effect', greatest(value, lead(value) OVER later), value)
            AS permits
    FROM versions WHERE date IS NOT NULL
    WINDOW later AS (PARTITION BY pack, rule ORDER BY date)
), applied AS (
    FROM dated
    UNION ALL BY NAME
    SELECT *, 'without a date' AS version FROM versions WHERE date IS NULL
    UNION ALL BY NAME
    SELECT pack, rule, kind, title, scope, endpoints, tiers, window_minutes, assumes,
        DATE '0001-01-01' AS from_day, min(date) AS until_day,
        arg_min(dated, date) AS until_dated, 'unknown' AS dated, 'unknown' AS clause,
        'unknown' AS source, 'unknown' AS text_sha256,
        'No version is known for these days.' AS says
    FROM dated GROUP BY ALL
)
SELECT pack, rule, kind, title, scope, endpoints, tiers, window_minutes, assumes,
    version, dated, from_day, until_day, until_dated, value, permits, says, clause, source,
    text_sha256, (
        SELECT coalesce(list(o.rule || ', ' || o.version ORDER BY o.rule, o.version), [])
        FROM applied o
        WHERE (o.pack, o.rule) <> (a.pack, a.rule) AND o.value <> a.value
            AND (o.kind, o.scope, o.endpoints, o.tiers) = (a.kind, a.scope, a.endpoints,
                a.tiers) AND o.window_minutes IS NOT DISTINCT FROM a.window_minutes
            AND coalesce(o.from_day < a.until_day AND a.from_day < o.until_day,
                o.from_day IS NULL AND a.from_day IS NULL)
    ) AS contradicts
FROM applied a;
