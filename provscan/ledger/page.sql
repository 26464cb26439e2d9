-- Make views page_NAME, whose rows are in the order in which the report shows them.
-- report.py sets the variables: most is the maximum number of rows in a table of
-- findings, and charts is the maximum number of charts in a group.

CREATE VIEW page_findings AS
SELECT f.*, title, dated, until_day, until_dated, clause, assumes,
contradicts, count(*) OVER same AS total, row_number() OVER same AS place
FROM findings f LEFT JOIN rules r ON f.pack = r.pack AND f.rule = r.rule
    AND f.version IS NOT DISTINCT FROM r.version
WINDOW same AS (PARTITION BY result = 'differs', CASE f.kind
    WHEN 'monthly_cap' THEN 'rate_limit' ELSE f.kind END
    ORDER BY f.pack, f.rule, first_day, measured DESC, subject, how
    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
QUALIFY place <= getvariable('most') ORDER BY place, f.kind;

CREATE VIEW page_clock AS
FROM clock ORDER BY kind IN ('agrees', 'not_measured'), stream, start;

CREATE VIEW page_missing AS
FROM missing
ORDER BY list_position(['accessed', 'held', 'used', 'rules'], lane), what, amount DESC, about;

CREATE VIEW page_outside AS
FROM missing WHERE code = 'outside_period';

CREATE VIEW page_apart AS
FROM missing WHERE code = 'overlapping_logs';

CREATE VIEW page_rules AS
FROM rules WHERE version IS NOT NULL
ORDER BY kind, pack, rule, from_day;

CREATE VIEW page_coverage AS
SELECT application, min(day) AS first, max(day) AS last,
count(*) AS days, count(*) FILTER (state = 'covered') AS covered,
count(*) FILTER (state = 'silence') AS silent,
count(*) FILTER (state = 'unknown') AS unknown,
count(*) FILTER (state = 'gap') AS gap,
count(*) FILTER (state IN ('damaged', 'overlapping', 'sampled')) AS other,
count(*) FILTER (state IN ('gap', 'damaged', 'unknown', 'sampled')) AS uncertain,
sum(repeated)::BIGINT AS repeated,
sum(days) OVER ()::BIGINT AS all_days, sum(uncertain) OVER ()::BIGINT AS all_uncertain,
(sum(sum(coverage.unknown) FILTER (state IN ('covered', 'overlapping', 'silence')))
    OVER () // 3600)::BIGINT AS all_hours
FROM coverage GROUP BY application ORDER BY application;

CREATE VIEW page_government AS
SELECT *, (epoch(first_access) - low) / high AS starts,
(epoch(last_access) - low) / high AS ends,
(epoch(notice) - low) / high AS notified, make_timestamp((1e6 * low)::BIGINT) AS
earliest, make_timestamp((1e6 * (low + high))::BIGINT) AS latest
FROM government, (SELECT min(epoch(least(first_access, notice))) AS low,
    greatest(max(epoch(greatest(last_access, notice)))
    - min(epoch(least(first_access, notice))), 1) AS high FROM government)
ORDER BY first_access, application, organisation;

CREATE VIEW page_lanes AS
SELECT names.name, totals.* EXCLUDE (name, scope), days, uncertain,
(SELECT list(holdings ORDER BY date, holdings.name) FROM holdings
    WHERE application = names.name) AS held,
(SELECT list(uses ORDER BY date, uses.name) FROM uses
    WHERE application = names.name) AS used
FROM (SELECT name FROM applications UNION SELECT name FROM totals
    WHERE scope = 'application') names
LEFT JOIN totals ON scope = 'application'
    AND totals.name IS NOT DISTINCT FROM names.name
LEFT JOIN page_coverage ON application IS NOT DISTINCT FROM totals.name
    AND scope IS NOT NULL
ORDER BY names.name;

CREATE VIEW page_days AS
SELECT application, min(day) AS first, max(day) AS last,
max(calls) AS most, list({'at': date_diff('day', first_day, day),
    'calls': calls, 'state': state} ORDER BY day) AS days
FROM (SELECT *, min(day) OVER (PARTITION BY application) AS first_day
    FROM coverage)
GROUP BY application ORDER BY sum(calls) DESC, application;

CREATE VIEW page_limits AS
WITH above AS (
    SELECT pack, rule, scope, subject, endpoint, max(measured / value) AS ratio,
        count(*) OVER () AS total
    FROM findings WHERE kind = 'rate_limit' AND result = 'differs' GROUP BY ALL ORDER BY ratio DESC, subject, rule LIMIT getvariable('charts')
), days AS (
    SELECT above.*, title, window_minutes, day, calls, value,
        min(day) OVER (PARTITION BY above.pack, above.rule, subject,
            above.endpoint) AS first_day
    FROM above JOIN peaks p ON p.scope = above.scope AND p.name = subject
        AND p.endpoint = above.endpoint
    JOIN rules r ON r.pack = above.pack AND r.rule = above.rule
        AND p."window" = 60 * window_minutes
        AND day >= from_day AND day < until_day
)
SELECT scope, subject, endpoint, title, window_minutes, ratio, total, rule,
    min(day) AS first, max(day) AS last,
    greatest(max(calls), max(value)) AS most,
    list({'at': date_diff('day', first_day, day), 'calls': calls,
        'value': value} ORDER BY day) AS days
FROM days GROUP BY ALL ORDER BY ratio DESC, subject, rule;
