-- Compare the measurements with the rules of each day, and with claims.
--
-- The script reads the tables of access logs (tables.py), of the case, rules, holdings
-- and uses, and adds five tables: deletions, government, findings, claims, missing.
--
-- A result is "differs", "agrees", "no_rule" if no version of the rule is known for that
-- day, or "undecided" if the measurements are not enough to decide.

-- One row for each request and each version of a rule that applied on its day.
--
-- ids                  tweets that must be deleted by the time due
-- recorded_in_time     tweets in a purge record from between the request and that time
-- recorded_late        tweets in a later purge record only
-- not_recorded         tweets in no purge record from after the request
-- holdings_after       holdings of the application that are dated after due
-- held_after           tweets in such a holding
-- held_despite_record  tweets of held_after in a purge record from before the holding
-- held_shared_text     tweets not in held_after whose text is in such a holding, where
--                      it can also come from other tweets with the same text
CREATE TABLE deletions AS
WITH due AS (
    SELECT requested.*, pack, rule, version, date + to_hours(value) AS due
    FROM requested LEFT JOIN rules ON kind = 'deletion'
        AND requested.date::DATE >= from_day AND requested.date::DATE < until_day
), recorded AS (
    SELECT due.*, min(purged.date) AS recorded
    FROM due LEFT JOIN purged ON purged.application = due.application
        AND purged.id = due.id AND purged.date >= due.date
    GROUP BY ALL
), ids AS (
    SELECT recorded.*, bool_or(NOT shared) AS alone,
        bool_or(NOT shared AND held.date > recorded) AS despite,
        bool_or(shared) AS shared
    FROM recorded LEFT JOIN held ON held.application = recorded.application
        AND held.id = recorded.id AND held.date > due
    GROUP BY ALL
)
SELECT application, name, date AS requested, pack, rule, version, due, count(*) AS ids,
    count(*) FILTER (recorded <= due) AS recorded_in_time,
    count(*) FILTER (recorded > due) AS recorded_late,
    count(*) FILTER (recorded IS NULL) AS not_recorded,
    (SELECT count(*) FROM holdings WHERE holdings.application = ids.application
        AND holdings.date > ids.due) AS holdings_after,
    count(*) FILTER (alone) AS held_after,
    count(*) FILTER (despite) AS held_despite_record,
    count(*) FILTER (shared AND NOT coalesce(alone, false)) AS held_shared_text
FROM ids GROUP BY ALL;

-- first_access is the earlier of logged_access (the first answered call) and
-- stated_access (from the case file). calls counts answered calls only.
-- clock_error: the largest possible error of the logged times, in seconds: if some
-- are proved to be wrong, the largest proved error and a day, the age of their tweets.
CREATE TABLE government AS
WITH clocks AS (
    SELECT application, max(abs(offset_at_most)) + 86400 AS seconds
    FROM (SELECT unnest(applications) AS application, stream FROM files)
    JOIN clock USING (stream) WHERE kind IN ('behind', 'backdated')
    GROUP BY application
), logged AS (
    SELECT application, organisation, min(first) AS first, max(last) AS last,
        sum(calls)::BIGINT AS calls, sum(refused)::BIGINT AS refused,
        sum(failed)::BIGINT AS failed, sum(delivered)::BIGINT AS delivered
    FROM organisations GROUP BY ALL
), bodies AS (
    SELECT e.application, name AS organisation, notice, first_access, logged.* EXCLUDE
        (application, organisation)
    FROM end_users e LEFT JOIN logged
        ON logged.application = e.application AND logged.organisation = e.name
    WHERE government
    UNION ALL
    SELECT a.name, 'The application itself', a.notice, NULL, first_answered,
        last_answered, calls - refused - failed, refused, failed, delivered
    FROM applications a
    LEFT JOIN totals t ON t.scope = 'application' AND t.name = a.name
    WHERE government
), dated AS (
    SELECT bodies.* EXCLUDE (first_access), first_access AS stated,
        least(first, first_access) AS first_access,
        CASE WHEN first <= coalesce(first_access, first) THEN coalesce(seconds, 0)
            ELSE 0 END AS clock_error
    FROM bodies LEFT JOIN clocks USING (application)
)
SELECT application, organisation, notice, stated AS stated_access,
    first AS logged_access, first_access, last AS last_access, calls, refused, failed,
    delivered, clock_error, pack, rule, version,
    CASE WHEN first_access IS NULL THEN 'undecided' WHEN version IS NULL THEN 'no_rule'
        WHEN notice IS NULL THEN 'undecided'
        WHEN abs(epoch(notice) - epoch(first_access)) < clock_error THEN 'undecided'
        WHEN first_access < notice THEN 'differs' ELSE 'agrees' END AS result
FROM dated LEFT JOIN rules ON kind = 'government_notice'
    AND first_access::DATE >= from_day AND first_access::DATE < until_day;

-- subject is an application, a project, or the hash of a token or user, depending on
-- scope. It is null if the row combines subjects with equal results. compared is the
-- number of days or months that were compared with value, the value of the version, and
-- above is the number of days or months that certainly exceed it. measured is the largest
-- number, and measured_at is its time. how describes how calls were counted.
--
-- Other kinds have no value, and how is the name of the request, organisation or use.
--
-- deletion           compared: tweets to delete; above: tweets held after the time due, plus
--                    tweets recorded late; measured_at: the time due
-- government_notice  compared: 1; above: 1 if access preceded notice; measured_at: the
--                    first access
-- training           compared: records; above and measured: records or, for a probe,
--                    tweets with findings; measured_at: the date of the use
CREATE TABLE findings (
    lane VARCHAR, kind VARCHAR, pack VARCHAR, rule VARCHAR, version VARCHAR,
    scope VARCHAR, subject VARCHAR, endpoint VARCHAR, how VARCHAR, subjects BIGINT,
    first_day DATE, last_day DATE, compared BIGINT, above BIGINT, measured BIGINT,
    measured_at TIMESTAMPTZ, value BIGINT, result VARCHAR, fact VARCHAR
);

-- Rate limits. Calls that no placing of windows and no kind of token explains are in
-- excesses. A subject whose busiest window exceeds the limit, but that has no excess, is
-- undecided.
INSERT INTO findings
WITH tiers AS (
    SELECT scope, name, list_distinct(list(tier)) AS known FROM (
        SELECT 'application' AS scope, name, tier FROM applications
        UNION ALL SELECT 'project', project, tier FROM applications
        UNION ALL SELECT 'project', calls.project, tier FROM calls JOIN applications
            ON name = application)
    WHERE name IS NOT NULL GROUP BY ALL
), subjects AS (
    SELECT DISTINCT p.scope, p.name, p.endpoint, r.pack, r.rule
    FROM (SELECT DISTINCT scope, name, endpoint FROM peaks) p
    JOIN rules r ON r.kind = 'rate_limit'
        AND len(list_filter(r.endpoints, lambda x: p.endpoint GLOB x)) > 0
        AND p.scope = CASE r.scope WHEN 'app-only' THEN 'application' WHEN 'user' THEN
            if(EXISTS (FROM peaks WHERE scope = 'token'), 'token', 'user')
            ELSE r.scope END
    LEFT JOIN tiers t ON t.scope = p.scope AND t.name = p.name
    WHERE len(r.tiers) = 0 OR list_has_any(r.tiers, t.known)
), exceeded AS (
    SELECT e.pack, e.rule, e.version, e.scope, e.name, e.endpoint,
        count(DISTINCT e.start::DATE) AS above, max(calls) AS measured,
        arg_max(start, calls) AS measured_at
    FROM excesses e JOIN (SELECT DISTINCT pack, rule, tiers FROM rules) r
        USING (pack, rule) LEFT JOIN tiers t USING (scope, name)
    WHERE len(r.tiers) = 0 OR list_has_all(r.tiers, t.known) GROUP BY ALL
), compared AS (
    SELECT r.pack, r.rule, version, value, window_minutes, p.scope, p.name, p.endpoint,
        min(day) AS first_day, max(day) AS last_day, count(*) AS days,
        max(calls) AS measured, arg_max(start, calls) AS measured_at
    FROM peaks p JOIN subjects s ON s.scope = p.scope AND s.endpoint = p.endpoint
        AND s.name IS NOT DISTINCT FROM p.name
    JOIN rules r ON r.pack = s.pack AND r.rule = s.rule
        AND p."window" = 60 * window_minutes AND day >= from_day AND day < until_day
    GROUP BY ALL
), judged AS (
    SELECT c.* EXCLUDE (measured, measured_at),
        coalesce(e.measured, c.measured) AS measured,
        coalesce(e.measured_at, c.measured_at) AS measured_at,
        coalesce(above, 0) AS above, CASE WHEN version IS NULL THEN 'no_rule'
        WHEN above > 0 THEN 'differs' WHEN c.measured > value
            OR EXISTS (FROM coverage WHERE sampled IS NOT NULL) THEN 'undecided'
        ELSE 'agrees' END AS result
    FROM compared c LEFT JOIN exceeded e USING (pack, rule, version, scope, name,
        endpoint)
    UNION ALL BY NAME
    -- A token of an unknown application.
    SELECT e.*, value, window_minutes, measured_at::DATE AS first_day,
        measured_at::DATE AS last_day, above AS days, 'differs' AS result
    FROM exceeded e JOIN rules USING (pack, rule, version) WHERE e.scope = 'token'
), grouped AS (
    SELECT pack, rule, version, value, window_minutes, scope, result,
        CASE WHEN result = 'differs' THEN name END AS subject,
        CASE WHEN result = 'differs' THEN endpoint END AS endpoint,
        count(DISTINCT name) AS subjects, min(first_day) AS first_day,
        max(last_day) AS last_day, sum(days)::BIGINT AS days,
        sum(above)::BIGINT AS above, arg_max(measured_at, measured) AS measured_at,
        max(measured) AS measured, CASE window_minutes WHEN 1440
            THEN '24 hours' ELSE format('{:,} minutes', window_minutes) END AS lasting
    FROM judged GROUP BY ALL
)
SELECT 'accessed', 'rate_limit', pack, rule, version, scope, subject, endpoint, NULL,
    subjects, first_day, last_day, days, above, measured, measured_at, value, result,
    CASE result WHEN 'differs' THEN format('However windows of {} are placed, some have '
        || 'more calls than the limit, {:,}, on {:,} of {:,} days; the busiest has {:,}',
        lasting, value, above, days, measured)
    ELSE format('The busiest {} had {:,} calls', lasting, measured)
        || CASE WHEN value IS NULL THEN '' ELSE format('; the limit was {:,}', value) END
        || CASE WHEN measured > value THEN '. Other windows, kinds of tokens or clocks '
            || 'can explain them' ELSE '' END END
FROM grouped;

-- Monthly caps. Months begin on the same day of the month, which is not known, and at
-- midnight in a zone that is not known: placings lists all possibilities. certain is a
-- lower bound of a day's tweets in any zone, while low counts them by UTC day.
INSERT INTO findings
WITH days AS (
    SELECT coalesce(a.project, c.project, application) AS project, day,
        'distinct tweets by UTC day, from the logs' AS how,
        bool_and(coalesce(a.project, c.project) IS NOT NULL) AS named,
        max(coalesce("distinct", 0)) AS low,
        CASE WHEN sum(uncounted) = 0
            AND NOT EXISTS (FROM coverage WHERE sampled IS NOT NULL) THEN
            sum(coalesce("distinct" + delivered_without_ids, delivered)) END AS high
    FROM calls c LEFT JOIN applications a ON a.name = application
    GROUP BY ALL
), counted AS (
    SELECT d.*, coalesce(tweets, 0) AS certain
    FROM days d LEFT JOIN daily_tweets USING (project, day)
    UNION ALL BY NAME
    -- Two exports can have the same days.
    SELECT project, day, 'usage export of the platform' AS how, true AS named,
        coalesce(max(whole), sum(tweets) FILTER (application IS NOT NULL))::BIGINT
            AS low, low AS high, low AS certain
    FROM (SELECT project, application, day, max(tweets) AS tweets,
        max(tweets) FILTER (application IS NULL) AS whole FROM usage GROUP BY ALL)
    GROUP BY ALL
), tiers AS (
    SELECT coalesce(project, name) AS project, list_distinct(list(tier)) AS known
    FROM applications GROUP BY ALL
), ruled AS (
    SELECT c.*, r.pack, r.rule, version, value, permits, from_day, until_day,
        list_has_all(r.tiers, known) AS single_tier
    FROM counted c JOIN tiers USING (project)
    JOIN rules r ON kind = 'monthly_cap' AND list_has_any(r.tiers, known)
        AND day >= from_day AND day < until_day
), begins AS (
    SELECT k, first + (least(k, day(last_day(first))) - 1)::INTEGER AS begin
    FROM (SELECT month::DATE AS first FROM (SELECT unnest(generate_series(
        date_trunc('month', min(day) - INTERVAL 40 DAYS),
        max(day) + INTERVAL 40 DAYS, INTERVAL 1 MONTH)) AS month FROM ruled)),
        range(1, 32) t(k)
), placings AS (
    SELECT k, edge, begin, until, begin + (edge = 1)::INTEGER AS inside,
        until - (edge = 2)::INTEGER AS before
    FROM (SELECT *, lead(begin) OVER (PARTITION BY k ORDER BY begin) AS until
        FROM begins), range(3) t(edge) WHERE until IS NOT NULL
), placed AS (
    SELECT project, how, pack, rule, version, k, edge, begin,
        begin >= from_day AND until <= until_day AS complete, any_value(permits) AS permits,
        sum(certain) FILTER (day >= inside AND day < before) AS certain,
        sum(high) AS high
    FROM ruled JOIN placings ON day >= begin AND day < until
    GROUP BY ALL
), busiest AS (
    SELECT project, how, pack, rule, version, k, edge, max(high) AS high,
        coalesce(max(certain) FILTER (complete), 0) AS certain,
        count(*) FILTER (complete AND certain > permits) AS above
    FROM placed GROUP BY ALL
), decided AS (
    SELECT project, how, pack, rule, version, min(certain)::BIGINT AS certain,
        max(high)::BIGINT AS most, min(above) AS above FROM busiest GROUP BY ALL
), months AS (
    SELECT project, how, pack, rule, version, value, permits, single_tier,
        bool_and(named) AS named, date_trunc('month', day)::DATE AS month,
        min(day) AS first_day, max(day) AS last_day, sum(low)::BIGINT AS low,
        CASE WHEN count(high) = count(*) THEN sum(high)::BIGINT END AS high
    FROM ruled GROUP BY ALL
), summed AS (
    SELECT project, how, pack, rule, version, value, permits, single_tier,
        bool_and(named) AS named, min(first_day) AS first_day,
        max(last_day) AS last_day, count(*) AS compared, count(high) = count(*) AS known,
        arg_max(month, low) AS month, max(low) AS low, max(high) AS high
    FROM months GROUP BY ALL
)
SELECT 'accessed', 'monthly_cap', pack, rule, version, 'project', project, NULL, how, 1,
    first_day, last_day, compared, if(result = 'differs', above, 0),
    if(result = 'differs', certain, low), month, value, result,
    CASE WHEN result = 'differs' THEN format('At least {:,} tweets in a month, on '
            || 'whichever day months begin', certain)
        WHEN NOT known THEN format('At least {:,} tweets in a calendar month; no upper '
            || 'bound is known', low)
        WHEN low = high THEN format('{:,} tweets in the calendar month with the most', low)
        ELSE format('At least {:,} tweets in a calendar month, at most {:,}', low, high)
    END || CASE WHEN value IS NULL THEN '' ELSE format('; the cap was {:,}', value) END
FROM (
    SELECT s.*, certain, most, above, CASE WHEN s.version IS NULL THEN 'no_rule'
        WHEN single_tier AND certain > permits THEN 'differs'
        WHEN single_tier AND named AND known AND most <= value THEN 'agrees'
        ELSE 'undecided' END AS result
    FROM summed s JOIN decided d ON d.project = s.project AND d.how = s.how
        AND d.pack = s.pack AND d.rule = s.rule
        AND d.version IS NOT DISTINCT FROM s.version
);

-- Deletions, notices of government access, and training.
INSERT INTO findings
SELECT 'held', 'deletion', pack, rule, version, 'application', application, NULL, name,
    1, requested::DATE, requested::DATE, ids, held_after + recorded_late, NULL, due,
    NULL, CASE WHEN version IS NULL THEN 'no_rule'
        WHEN held_after + recorded_late > 0 THEN 'differs'
        WHEN recorded_in_time = ids AND holdings_after > 0 AND held_shared_text = 0
        THEN 'agrees' ELSE 'undecided' END,
    format('Purge records made after the request name {:,} of {:,} tweets in time, {:,} '
        || 'late and {:,} not at all; later holdings ({:,}) contain {:,} of the tweets',
        recorded_in_time, ids, recorded_late, not_recorded, holdings_after, held_after)
FROM deletions
UNION ALL
SELECT 'used', 'government_notice', pack, rule, version, 'application', application,
    NULL, organisation, 1, first_access::DATE, last_access::DATE, 1,
    (result = 'differs')::BIGINT, NULL, first_access, NULL, result,
    CASE WHEN first_access IS NULL THEN 'No access is known'
        ELSE strftime(first_access, 'First access on %Y-%m-%d at %H:%M UTC') END
    || CASE WHEN refused + failed > 0
        THEN format('; calls refused or failed: {:,}', refused + failed) ELSE '' END
    || CASE WHEN notice IS NULL THEN '; no notice is known'
        ELSE strftime(notice, '; notice on %Y-%m-%d at %H:%M UTC') END
FROM government
UNION ALL
SELECT 'used', 'training', pack, rule, version, 'application', application, NULL, name,
    1, date::DATE, date::DATE, records, findings::BIGINT, findings::BIGINT, date, NULL,
    CASE WHEN version IS NULL THEN 'no_rule' WHEN status = 'copies_found' THEN 'differs'
        ELSE 'undecided' END, headline
FROM uses LEFT JOIN rules ON rules.kind = 'training' AND date::DATE >= from_day
    AND date::DATE < until_day
WHERE uses.kind <> 'output';

-- One row for each claim and each way to count. The count is between low and high; high
-- is null if there is no upper bound. The part of the claim that exceeds the count is
-- between unexplained_low and unexplained_high. result is "agrees" if claim and count
-- agree within tolerance, "more" or "fewer" if the count is certainly more or fewer, and
-- "undecided" otherwise. uncertain_days is the number of days on which calls may be
-- missing, summed over applications.
CREATE TABLE claims AS
WITH counted AS (
    SELECT scope, name, unnest(['calls', 'tweets', 'tweets', 'tweets']) AS what,
        unnest(['calls', 'delivered', 'distinct by day, summed', 'distinct overall'])
            AS count_of,
        unnest([calls_low, delivered_low, daily_low, distinct_low]) AS low,
        unnest([calls_high, delivered_high, daily_high, distinct_high]) AS high
    FROM totals
), claimed AS (
    SELECT source, what, CASE WHEN application IS NULL THEN 'all' ELSE 'application' END
        AS scope, application AS name, total,
        coalesce(tolerance, 0.01) AS tolerance FROM stated
    UNION ALL
    SELECT 'usage export of the platform', 'tweets', 'project', project,
        coalesce(sum(tweets) FILTER (application IS NULL), sum(tweets))::BIGINT, 0.01
    FROM (SELECT project, application, day, max(tweets) AS tweets FROM usage GROUP BY ALL)
    GROUP BY project
)
SELECT source, claimed.* EXCLUDE (source, total), total AS claimed, count_of,
    low, high, greatest(total - high, 0) AS unexplained_low,
    greatest(total - coalesce(low, 0), 0) AS unexplained_high,
    (SELECT count(*) FROM coverage WHERE state IN ('gap', 'damaged', 'unknown')
        AND (claimed.scope = 'all' OR application = claimed.name OR application IN
            (SELECT application FROM calls WHERE project = claimed.name)))
        AS uncertain_days,
    CASE WHEN low IS NULL THEN 'undecided'
        WHEN low > total * (1 + tolerance) THEN 'more'
        WHEN high < total * (1 - tolerance) THEN 'fewer'
        WHEN low >= total * (1 - tolerance) AND high <= total * (1 + tolerance)
        THEN 'agrees' ELSE 'undecided' END AS result
FROM claimed LEFT JOIN counted ON counted.what = claimed.what
    AND counted.scope = claimed.scope
    AND counted.name IS NOT DISTINCT FROM claimed.name;

-- Missing data, and who could supply it. Programs select rows by their code.
CREATE TABLE missing AS
SELECT code, lane, about, amount::BIGINT AS amount, what, who FROM (
SELECT state AS code, 'accessed' AS lane, application AS about,
    count(*) AS amount, CASE state
    WHEN 'gap' THEN 'days with gaps in the logs'
    WHEN 'damaged' THEN 'days with damaged logs'
    WHEN 'unknown' THEN 'days with pauses; either no calls were made or logs are missing'
    WHEN 'sampled' THEN 'days for which only a sample of calls was logged'
    END AS what, 'the operator of the logs' AS who
FROM coverage WHERE state IN ('gap', 'damaged', 'unknown', 'sampled') GROUP BY ALL
UNION ALL
SELECT 'days_before_or_after_calls', 'accessed', application,
    greatest(date_diff('day', "from", least(min(day), "to" + 1)), 0)
    + greatest(date_diff('day', greatest(max(day), "from" - 1), "to"), 0),
    'days of the period before the first call or after the last',
    'the operator of the logs'
FROM coverage, period WHERE "from" IS NOT NULL AND "to" IS NOT NULL
GROUP BY application, "from", "to" HAVING min(day) > "from" OR max(day) < "to"
UNION ALL
SELECT 'outside_period', 'accessed', NULL, sum(calls), 'calls outside the period; all totals include '
    'them', 'nobody, but the case file can leave out logs from outside the period'
FROM calls, period WHERE day < "from" OR day > "to" HAVING sum(calls) > 0
UNION ALL
SELECT 'application_without_calls', 'accessed', name, 1, 'application without a call in the logs',
    'the application, or the operator of the logs'
FROM applications WHERE name NOT IN (SELECT application FROM calls
    WHERE application IS NOT NULL)
UNION ALL
SELECT 'application_not_named', 'accessed', application, sum(calls), 'calls of an application that the case '
    'does not name', 'the application'
FROM calls WHERE application NOT IN (SELECT name FROM applications)
    AND EXISTS (FROM applications) GROUP BY application
UNION ALL
SELECT CASE state WHEN 'read' THEN 'bad_lines' ELSE state || '_log' END, 'accessed', source, greatest(bad, 1), CASE state WHEN 'read' THEN
    'lines that could not be read' ELSE state || ' log: ' || detail END,
    'the operator of the logs'
FROM files WHERE state IN ('damaged', 'unread') OR bad > 0
UNION ALL
SELECT CASE WHEN bool_or(apart) THEN 'overlapping_logs' ELSE 'note' END, 'accessed', min(source) || CASE count(*) WHEN 1 THEN ''
    ELSE format(' and {:,} more', count(*) - 1) END, sum("rows"),
    detail, 'the operator of the logs'
FROM files WHERE state = 'read' AND detail IS NOT NULL GROUP BY detail
UNION ALL
SELECT 'no_number_of_tweets', 'accessed', application, sum(uncounted), 'answered calls that state no number '
    'of tweets', 'the platform, from its own logs'
FROM calls GROUP BY application HAVING sum(uncounted) > 0
UNION ALL
SELECT 'no_ids', 'accessed', application, sum(delivered_without_ids), 'delivered tweets without '
    'ids: the number of distinct tweets has only bounds', 'the application, if it kept the '
    'responses'
FROM calls GROUP BY application HAVING sum(delivered_without_ids) > 0
UNION ALL
SELECT 'endpoint_without_limit', 'accessed', endpoint, sum(calls), 'calls of an endpoint for which the policy '
    'packs give no rate limit', 'the platform'
FROM calls WHERE NOT EXISTS (FROM rules WHERE kind = 'rate_limit'
    AND len(list_filter(endpoints, lambda x: calls.endpoint GLOB x)) > 0)
GROUP BY endpoint
UNION ALL
SELECT 'no_tier', 'accessed', name, 1, 'application without a tier: no rule for a tier was '
    'compared', 'the platform' FROM applications WHERE tier IS NULL
UNION ALL
SELECT CASE kind
    WHEN 'not_measured' THEN 'clock_not_measured' ELSE 'wrong_clock' END, 'accessed', stream, count(*), CASE kind
    WHEN 'not_measured' THEN 'log without ids, whose clock could not be checked; '
        'calls that another log also has are left out'
    ELSE 'log with a wrong clock: ' || any_value(evidence) END,
    'the operator of the logs'
FROM clock WHERE kind <> 'agrees' GROUP BY stream, kind
UNION ALL
SELECT 'no_holding', 'held', name, 1, 'application without a known holding', 'the application'
FROM applications WHERE name NOT IN (SELECT application FROM holdings)
UNION ALL
SELECT 'not_deleted', 'held', application, sum(not_recorded), 'tweets that should be deleted, '
    'and that no purge record after the request names', 'the application'
FROM deletions GROUP BY application HAVING sum(not_recorded) > 0
UNION ALL
SELECT 'no_later_holding', 'held', application, count(*), 'requests to delete without a later holding that '
    'could show the result', 'the application'
FROM deletions WHERE holdings_after = 0 GROUP BY application
UNION ALL
SELECT 'no_use', 'used', name, 1, 'application without a known training set, output or model',
    'the application' FROM applications WHERE name NOT IN (SELECT application FROM uses)
UNION ALL
SELECT 'organisation_not_named', 'used', organisation, sum(calls), 'calls for an organisation that the case does '
    'not name, and that may be a government body',
    'the application' FROM organisations o WHERE NOT EXISTS (FROM end_users e
    WHERE e.name = o.organisation AND e.application = o.application)
    AND organisation IS NOT NULL GROUP BY organisation HAVING sum(calls) > 0
UNION ALL
SELECT CASE WHEN first_access IS NULL THEN
    'no_first_access' ELSE 'no_notice' END, 'used', application || ', ' || organisation, 1, 'government body without a '
    'known ' || CASE WHEN first_access IS NULL THEN 'first access'
        ELSE 'date of notice' END,
    CASE WHEN first_access IS NULL THEN 'the application' ELSE 'the platform' END
FROM government WHERE first_access IS NULL OR notice IS NULL
UNION ALL
SELECT 'rule_without_date', 'rules', pack || ', ' || rule, count(*), 'versions of a rule without a date, '
    'which were applied to no day', 'the platform'
FROM rules WHERE from_day IS NULL GROUP BY ALL);
