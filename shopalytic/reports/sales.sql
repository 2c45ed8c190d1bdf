-- Orders of a period, by local day and for the whole period (`day` is null).
-- An order id that was stored twice after all counts by its first row; an order without an id counts by its message.
WITH
    orders AS
    (
        SELECT
            toDate(occurred_at, {time_zone:String}) AS local_day,
            {{owner}} AS owner,
            order_id,
            message_id,
            cityHash64(tracking_id, session_id) AS session,
            tracking_id != '' AND session_id != '' AS in_session,
            notEmpty(user_ids) AS has_user_ids,
            arraySum(line_items.qty) AS units,
            currency IN ('', {currency:String}) AS in_currency,
            if(in_currency, total, NULL) AS amount
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND event = 'order'
          AND occurred_at >= {start:DateTime64(3, 'UTC')}
          AND occurred_at < {end:DateTime64(3, 'UTC')}
        ORDER BY occurred_at, message_id
        LIMIT 1 BY if(order_id = '', message_id, ''), order_id
    ),
    named AS
    (
        SELECT owner FROM orders WHERE has_user_ids
        UNION DISTINCT
        SELECT DISTINCT {{owner}}
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND notEmpty(user_ids)
          AND {{owner}} IN (SELECT owner FROM orders WHERE NOT has_user_ids)
    ),
    human_sessions AS
    (
        SELECT DISTINCT toDate(occurred_at, {time_zone:String}), cityHash64(tracking_id, session_id)
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND occurred_at >= {start:DateTime64(3, 'UTC')}
          AND occurred_at < {end:DateTime64(3, 'UTC')}
          AND NOT is_bot
          AND NOT (door = 'import' AND event IN ('order', 'refund'))
          AND cityHash64(tracking_id, session_id) IN (SELECT session FROM orders WHERE in_session)
    )
SELECT
    if(grouping(local_day) = 1, NULL, toString(local_day)) AS day,
    count() AS orders,
    uniqExact(owner) AS customers,
    uniqExactIf(owner, owner IN named) AS named_customers,
    sum(units) AS units,
    ifNull(sum(amount), 0) AS revenue,
    countIf(in_currency) AS orders_in_currency,
    uniqExactIf(session, (local_day, session) IN human_sessions) AS sessions_with_order
FROM orders
GROUP BY GROUPING SETS ((local_day), ())
