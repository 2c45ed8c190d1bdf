-- What customers came to: rows of their origins, read with the owner of today.
SELECT
    owner AS customer_id,
    min(occurred_at) AS first_seen,
    max(occurred_at) AS last_seen,
    count() AS events,
    max(tracking_id) AS tracking_id,
    uniqExactIf(order_key, event = 'order') AS orders,
    ifNull(sumIf(total, is_first_of_order AND currency IN ('', {currency:String})), 0) AS revenue
FROM
(
    SELECT
        {{owner}} AS owner,
        event,
        occurred_at,
        tracking_id,
        total,
        currency,
        (order_id, if(order_id = '', message_id, '')) AS order_key,
        event = 'order'
            AND row_number() OVER (PARTITION BY event, order_key ORDER BY occurred_at, message_id) = 1
            AS is_first_of_order
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND origin_id IN {origins:Array(UUID)}
)
GROUP BY owner
