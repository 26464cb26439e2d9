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

-- Calls and tweets by calendar month; those of projects with a cap, with its versions.
CREATE VIEW page_months AS
WITH caps AS (
    SELECT DISTINCT pack, rule, subject FROM findings
    WHERE kind = 'monthly_cap' AND result != 'no_rule' AND subject IS NOT NULL
), counted AS (
    SELECT 1 AS place, 'Calls' AS what, NULL AS subject, NULL AS pack, NULL AS rule,
        day, calls AS amount FROM calls
    UNION ALL
    SELECT 2, 'Tweets delivered', NULL, NULL, NULL, day, delivered FROM calls
    UNION ALL
    SELECT 3, 'Tweets that certainly count', subject, pack, rule, day, tweets
    FROM daily_tweets JOIN caps ON project = subject
), months AS (
    SELECT place, what, subject, pack, rule, date_trunc('month', day) AS month,
        min(day) AS first, max(day) AS last, sum(amount)::BIGINT AS amount
    FROM counted GROUP BY ALL
), charts AS (
    SELECT place, what, subject, pack, rule, min(first) AS start, max(last) AS stop,
        max(amount) AS most, list({'first': first, 'last': last, 'amount': amount}
            ORDER BY first) AS months
    FROM months GROUP BY ALL
)
SELECT what, subject, any_value(title) AS title, start AS first, stop AS last,
    date_diff('day', start, stop) + 1 AS width,
    greatest(any_value(most), coalesce(max(value), 0)) AS top, any_value(most) AS most,
    list_transform(any_value(months), lambda m: {
        'at': date_diff('day', start, m.first),
        'width': date_diff('day', m.first, m.last) + 1,
        'amount': m.amount}) AS months,
    list({'at': date_diff('day', start, greatest(from_day, start)),
        'width': date_diff('day', greatest(from_day, start),
            least(until_day, stop + INTERVAL 1 DAY)), 'value': value}
        ORDER BY from_day) FILTER (value IS NOT NULL) AS caps
FROM charts LEFT JOIN rules r ON r.pack = charts.pack AND r.rule = charts.rule
    AND from_day <= stop AND until_day > start
GROUP BY place, what, subject, charts.pack, charts.rule, start, stop
ORDER BY place, subject, charts.pack, charts.rule;
