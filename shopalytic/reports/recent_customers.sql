-- The customers seen last, with their orders. Bots are left out unless they ordered.
WITH
    latest AS
    (
        SELECT
            {{owner}} AS owner,
            max(occurred_at) AS last_seen,
            argMaxIf(user_ids, (occurred_at, message_id), notEmpty(user_ids)) AS user_ids
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND occurred_at >= {since:DateTime64(3, 'UTC')}
          AND (NOT is_bot OR event = 'order')
        GROUP BY owner
        ORDER BY last_seen DESC, owner
        LIMIT {limit:UInt32}
    ),
    orders AS
    (
        SELECT owner, count() AS orders, sum(if(currency IN ('', {currency:String}), total, NULL)) AS revenue
        FROM
        (
            SELECT {{owner}} AS owner, total, currency
            FROM {{events}}
            WHERE project_id = {project:UInt32}
              AND event = 'order'
              AND {{owner}} IN (SELECT owner FROM latest)
            ORDER BY occurred_at, message_id
            LIMIT 1 BY if(order_id = '', message_id, ''), order_id
        )
        GROUP BY owner
    )
SELECT
    latest.owner AS customer_id,
    latest.last_seen AS last_seen,
    latest.user_ids AS user_ids,
    orders.orders AS orders,
    ifNull(orders.revenue, 0) AS revenue
FROM latest
LEFT JOIN orders ON orders.owner = latest.owner
ORDER BY last_seen DESC, customer_id
