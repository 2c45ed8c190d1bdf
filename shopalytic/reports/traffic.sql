-- Visitors, sessions and events of a period, by local day, and once more for the whole period (`day` is null):
-- distinct counts do not add up over days.
SELECT
    if(grouping(local_day) = 1, NULL, toString(local_day)) AS day,
    uniqExactIf(tracking_id, is_visit) AS visitors,
    uniqExactIf((tracking_id, session_id), is_visit AND session_id != '') AS sessions,
    countIf(NOT is_bot) AS events,
    countIf(NOT is_bot AND event = 'page_view') AS page_views,
    countIf(NOT is_bot AND event = 'product_view') AS product_views,
    countIf(NOT is_bot AND event = 'cart_add') AS cart_adds,
    countIf(is_bot) AS bot_events
FROM
(
    SELECT
        toDate(occurred_at, {time_zone:String}) AS local_day,
        tracking_id,
        session_id,
        is_bot,
        event,
        -- An order read from a file is nobody's visit, though guests get an id with it.
        NOT is_bot AND tracking_id != '' AND NOT (door = 'import' AND event IN ('order', 'refund')) AS is_visit
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND occurred_at >= {start:DateTime64(3, 'UTC')}
      AND occurred_at < {end:DateTime64(3, 'UTC')}
)
GROUP BY GROUPING SETS ((local_day), ())
