-- Make the tables of access logs, as views table_NAME with the columns of tables.py.
--
-- The script reads the intermediate results of counts.py and peaks.py (names, repeated,
-- sums, quarters, ids, found, retries, busiest), the views logs, files, every and scoped,
-- and the tables pauses, rules and applications.

-- The groups of names whose calls share a limit: one row for each name and scope.
CREATE VIEW groups AS
FROM (SELECT i, endpoint, unnest(['application', 'project', 'user', 'token']) AS scope,
    unnest([application_group, project_group, user_group, token_group])
        AS group_id,
    unnest([application, project, "user", token]) AS name FROM names)
WHERE name IS NOT NULL OR scope = 'application';

CREATE VIEW added AS FROM sums UNION ALL BY NAME FROM retries;

CREATE VIEW table_files AS
SELECT logs.* REPLACE (if(rows IS NOT NULL, coalesce(number, 0), NULL) AS repeated)
FROM logs LEFT JOIN (SELECT part, count(*) AS number FROM repeated GROUP BY part)
    USING (part);

CREATE VIEW table_calls AS
SELECT application, project, endpoint, s.*, value AS "distinct"
FROM (
    SELECT place, day, sum(calls) AS calls, sum(refused) AS refused,
        sum(failed) AS failed, coalesce(sum(retries), 0) AS retries,
        sum(delivered) AS delivered, sum(calls_with_ids) AS calls_with_ids,
        sum(delivered_without_ids) AS delivered_without_ids,
        sum(uncounted) AS uncounted, max(quota) AS stated_limit
    FROM added JOIN names USING (i) GROUP BY ALL
) s JOIN (SELECT DISTINCT place, application, project, endpoint FROM names)
    USING (place)
LEFT JOIN found ON scope = 'place' AND name = place::VARCHAR AND found.day = s.day
ORDER BY application, project, endpoint, s.day;

-- The tweets of one response are distinct, so the largest response is a lower bound of
-- distinct tweets. In a sample, each call counts 1 / share times; this is the
-- Horvitz-Thompson estimator.
CREATE VIEW table_totals AS
WITH each AS (
    SELECT scope, scoped.name, added.*
    FROM added JOIN names USING (i) JOIN scoped USING (place)
    WHERE scope <> 'place' AND scoped.name IS NOT NULL
), summed AS (
    SELECT scope, name, min(first) AS first, max(last) AS last,
        min(first_answered) AS first_answered, max(last_answered) AS last_answered,
        sum(calls) AS calls,
        sum(refused) AS refused, sum(failed) AS failed,
        coalesce(sum(retries), 0) AS retries, sum(uncounted) AS uncounted,
        sum(delivered) AS delivered, sum(delivered_without_ids) AS without,
        sum(calls / share) AS all_calls,
        1.96 * sqrt(sum(calls * (1 - share) / share ** 2)) AS calls_margin,
        sum(delivered / share) AS all_delivered,
        1.96 * sqrt(sum(squares * (1 - share) / share ** 2)) AS delivered_margin,
        max(most) AS most, min(share) < 1 AS sampled
    FROM each GROUP BY ALL
), daily AS (
    SELECT scope, name, coalesce(sum(value), 0) AS day_value,
        sum(greatest(coalesce(value, 0), most)) AS day_least
    FROM (SELECT scope, name, day, max(most) AS most FROM each GROUP BY ALL)
    LEFT JOIN found USING (scope, name, day) GROUP BY ALL
), counted AS (
    SELECT summed.*, daily.* EXCLUDE (scope, name), coalesce(value, 0) AS value,
        uncounted = 0 AND NOT sampled AS bounded, bounded AND without = 0 AS complete
    FROM summed JOIN daily USING (scope, name)
    LEFT JOIN (FROM found WHERE day IS NULL) USING (scope, name)
)
SELECT scope, nullif(name, '') AS name, first, last, first_answered, last_answered,
    calls, refused, failed, retries, uncounted, delivered,
    CASE WHEN complete THEN day_value END AS daily_value,
    if(complete, day_value, day_least) AS daily_low,
    CASE WHEN bounded THEN day_value + without END AS daily_high,
    CASE WHEN complete THEN value END AS distinct_value,
    if(complete, value, greatest(value, most)) AS distinct_low,
    CASE WHEN bounded THEN value + without END AS distinct_high,
    if(complete, 'exact', 'bounds') AS method,
    floor(all_calls - calls_margin) AS calls_low,
    ceil(all_calls + calls_margin) AS calls_high,
    floor(all_delivered - delivered_margin) AS delivered_low,
    CASE WHEN uncounted = 0 THEN ceil(all_delivered + delivered_margin) END
        AS delivered_high,
    coalesce(nullif(concat_ws('; ',
        CASE WHEN without > 0 THEN format('{:,} of {:,} delivered tweets have no ids, '
            'so the number of distinct tweets has only bounds: the upper bound assumes '
            'that these tweets are all distinct, and the lower bound is the number of '
            'logged ids or of tweets in the largest response',
            without::BIGINT, delivered::BIGINT) END,
        CASE WHEN uncounted > 0 THEN format('{:,} answered calls state neither ids '
            'nor a number of tweets: their tweets are not counted, and '
            'there is no upper bound', uncounted::BIGINT) END,
        CASE WHEN sampled THEN 'logs are samples: calls and tweets delivered are given '
            'as 95% intervals, which assume that calls were sampled independently; distinct '
            'tweets have no upper bound; other numbers are those in the logs' END
    ), ''), CASE delivered WHEN 0 THEN 'no tweet was delivered'
        ELSE 'every delivered tweet has an id' END) AS says
FROM counted ORDER BY scope <> 'all', scope, calls DESC, name;

CREATE VIEW table_organisations AS
SELECT organisation, declared_use, region, application,
    min(first_answered) AS first, max(last_answered) AS last,
    sum(calls - refused - failed) AS calls, sum(refused) AS refused,
    sum(failed) AS failed, sum(delivered) AS delivered
FROM sums JOIN names USING (i)
WHERE coalesce(organisation, declared_use, region) IS NOT NULL
GROUP BY ALL ORDER BY ALL;

CREATE VIEW table_peaks AS
SELECT scope, name, endpoint, "window", DATE '1970-01-01' + day::INTEGER AS day,
    make_timestamp(start) AS start, calls
FROM busiest JOIN (SELECT DISTINCT scope, group_id, name, endpoint FROM groups)
    USING (scope, group_id)
ORDER BY "window", scope, name, endpoint, day;

CREATE VIEW table_fanout AS
WITH shared AS (
    SELECT scope, group_id, g.name, g.endpoint,
        list_sort(list(DISTINCT application)) AS applications,
        count(DISTINCT token) AS tokens, min(first) AS first, max(last) AS last,
        sum(calls - refused - failed) AS calls
    FROM sums JOIN groups g USING (i) JOIN names USING (i)
    WHERE scope IN ('project', 'user') GROUP BY ALL
), sliding AS (
    SELECT scope, group_id, "window", max(calls) AS joint_peak,
        make_timestamp(max_by(start, (calls, -start))) AS joint_start
    FROM busiest WHERE "window" = (SELECT min("window") FROM busiest) GROUP BY ALL
), single AS (
    SELECT g.scope, g.group_id, max(joint_peak) AS single_peak
    FROM sliding JOIN groups t USING (scope, group_id) JOIN groups g ON g.i = t.i
    WHERE t.scope = 'token' GROUP BY ALL
)
SELECT scope, name, endpoint, applications, tokens, first, last, calls, "window",
    joint_peak, joint_start, single_peak
FROM shared JOIN sliding USING (scope, group_id)
LEFT JOIN single USING (scope, group_id)
WHERE tokens > 1 OR len(applications) > 1 ORDER BY joint_peak DESC, scope, name, endpoint;

-- Each quarter hour of an application has a state; days add them up.
CREATE VIEW table_coverage AS
WITH streams AS (
    SELECT DISTINCT app, stream FROM quarters JOIN files USING (part)
), own AS (
    SELECT DISTINCT app, quarter, true AS covered FROM quarters
), others AS (
    SELECT DISTINCT s.app, q.quarter, true AS recorded
    FROM quarters q JOIN files USING (part) JOIN streams s USING (stream)
), lost AS (
    SELECT DISTINCT app, true AS lost, unnest(range(epoch(start)::BIGINT // 900,
        epoch("end")::BIGINT // 900 + 1)) AS quarter
    FROM pauses JOIN streams USING (stream) WHERE kind = 'gap'
), grid AS (
    SELECT app, unnest(range(min(quarter), max(quarter) + 1)) AS quarter
    FROM own GROUP BY app
), states AS (
    SELECT app, make_timestamp(quarter * 900000000)::DATE AS day,
        CASE WHEN covered THEN 'covered' WHEN lost THEN 'gap'
            WHEN recorded THEN 'silence' ELSE 'unknown' END AS state
    FROM grid LEFT JOIN own USING (app, quarter)
    LEFT JOIN lost USING (app, quarter) LEFT JOIN others USING (app, quarter)
), days AS (
    SELECT app, day, 900 * count(*) FILTER (state = 'covered') AS covered,
        900 * count(*) FILTER (state = 'silence') AS silence,
        900 * count(*) FILTER (state = 'gap') AS gap,
        900 * count(*) FILTER (state = 'unknown') AS unknown
    FROM states GROUP BY ALL
), counted AS (
    SELECT app, day, sum(calls) AS calls, min(nullif(share, 1)) AS sampled
    FROM sums JOIN names USING (i) GROUP BY ALL
), doubled AS (
    SELECT app, time::DATE AS day, count(*) AS repeated
    FROM every JOIN repeated USING (part, row) JOIN names USING (key) GROUP BY ALL
), damage AS (
    SELECT app, day, sum(bad) AS bad, bool_or(state = 'damaged') AS damaged
    FROM days JOIN streams USING (app) JOIN files USING (stream)
    WHERE day BETWEEN first::DATE AND last::DATE GROUP BY ALL
)
SELECT application, day, covered, silence, gap, unknown, sampled,
    coalesce(calls, 0) AS calls, coalesce(bad, 0) AS bad,
    coalesce(repeated, 0) AS repeated,
    CASE WHEN gap > 0 THEN 'gap' WHEN damaged THEN 'damaged'
        WHEN repeated > 0 THEN 'overlapping' WHEN sampled < 1 THEN 'sampled'
        WHEN calls > 0 THEN 'covered' WHEN unknown > 0 THEN 'unknown'
        ELSE 'silence' END AS state
FROM days JOIN (SELECT DISTINCT app, application FROM names) USING (app)
LEFT JOIN counted USING (app, day) LEFT JOIN doubled USING (app, day)
LEFT JOIN damage USING (app, day) ORDER BY application, day;

-- A tweet counts once a day, but the logs do not show when the day of the platform
-- begins. Two responses on UTC days that are both even, or both odd, are never on the
-- same day, so the larger number of such days of a tweet is a lower bound. An application
-- without a project is a project of its own. Logs may leave the project out.
CREATE VIEW table_daily_tweets AS
WITH caps AS (
    SELECT unnest(tiers) AS tier, min(value) AS cap FROM rules
    WHERE kind = 'monthly_cap' GROUP BY tier
), plans AS (
    SELECT coalesce(project, name) AS project, list(name) AS members, min(cap) AS cap
    FROM applications LEFT JOIN caps USING (tier) GROUP BY ALL HAVING cap IS NOT NULL
), places AS (
    SELECT DISTINCT plans.project, cap, place FROM names n JOIN plans
    ON list_contains(members, application)
        OR application IS NULL AND n.project = plans.project
), mine AS (
    SELECT DISTINCT project, cap, day, id FROM ids JOIN places USING (place)
), parities AS (
    SELECT project, id, count(*) FILTER (epoch(day) // 86400 % 2 = 1)
        > count(*) FILTER (epoch(day) // 86400 % 2 = 0) AS odd
    FROM mine WHERE project IN (SELECT project FROM mine GROUP BY project
        HAVING count(*) > any_value(cap)) GROUP BY ALL
)
SELECT project, day, count(*)::BIGINT AS tweets
FROM mine JOIN parities USING (project, id)
WHERE (epoch(day) // 86400 % 2 = 1) = odd GROUP BY ALL ORDER BY ALL;
