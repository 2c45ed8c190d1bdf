-- Visitors, sessions and events of a period, by local day, and once more for the whole period (`day` is null):
-- distinct counts do not add up over days. They are counted by 64-bit hashes: that two of ten million are the same
-- happens once in 400,000 reports, and counting the texts themselves takes five times as long.
SELECT
    if(grouping(local_day) = 1, NULL, toString(local_day)) AS day,
    uniqExactIf(visitor, is_visit) AS visitors,
    uniqExactIf(session, is_visit AND in_session) AS sessions,
    countIf(NOT is_bot) AS events,
    countIf(NOT is_bot AND event = 'page_view') AS page_views,
    countIf(NOT is_bot AND event = 'product_view') AS product_views,
    countIf(NOT is_bot AND event = 'cart_add') AS cart_adds,
    countIf(is_bot) AS bot_events
FROM
(
    SELECT
        toDate(occurred_at, {time_zone:String}) AS local_day,
        cityHash64(tracking_id) AS visitor,
        cityHash64(tracking_id, session_id) AS session,
        session_id != '' AS in_session,
        is_bot,
        event,
        -- An order read from a file is nobody's visit, though guests get an id with it.
        NOT is_bot AND tracking_id != '' AND NOT (door = 'import' AND event IN ('order', 'refund')) AS is_visit
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND occurred_at >= {start:DateTime64(3, 'UTC')}
      AND occurred_at < {end:DateTime64(3, 'UTC')}
)
GROUP BY local_day WITH ROLLUP
