-- What lies in some times of some origins: rows that a decision moves. An order that was stored twice counts once.
SELECT
    count() AS events,
    uniqExactIf(order_key, event = 'order') AS orders,
    ifNull(sumIf(total, is_first_of_order AND currency IN ('', {currency:String})), 0) AS revenue
FROM
(
    SELECT
        event,
        total,
        currency,
        (order_id, if(order_id = '', message_id, '')) AS order_key,
        event = 'order'
            AND row_number() OVER (PARTITION BY event, order_key ORDER BY occurred_at, message_id) = 1
            AS is_first_of_order
    FROM {{events}}
    INNER JOIN
    (
        SELECT
            span.1 AS span_origin,
            toDateTime64(span.2, 3, 'UTC') AS from_at,
            toDateTime64(span.3, 3, 'UTC') AS to_at
        FROM
        (
            SELECT arrayJoin(arrayZip({origins:Array(UUID)}, {starts:Array(String)}, {ends:Array(String)})) AS span
        )
    ) AS spans ON origin_id = span_origin
    WHERE project_id = {project:UInt32}
      AND origin_id IN {origins:Array(UUID)}
      AND occurred_at BETWEEN from_at AND to_at
)
