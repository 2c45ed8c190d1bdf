-- Money given back in a period, by local day. A refund belongs to the day it was made, wherever its order lies.
-- Without an amount of its own, a full refund is the order's total less what was refunded of it before; of an order's
-- full refunds only the first counts.
WITH
    touched AS
    (
        SELECT order_id
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND event = 'refund'
          AND occurred_at >= {start:DateTime64(3, 'UTC')}
          AND occurred_at < {end:DateTime64(3, 'UTC')}
    ),
    totals AS
    (
        SELECT order_id, any(total) AS order_total, any(currency) AS order_currency
        FROM
        (
            SELECT order_id, total, currency
            FROM {{events}}
            WHERE project_id = {project:UInt32} AND event = 'order' AND order_id != '' AND order_id IN touched
            ORDER BY occurred_at, message_id
            LIMIT 1 BY order_id
        )
        GROUP BY order_id
    ),
    sent AS
    (
        SELECT
            if(order_id = '', message_id, order_id) AS refund_key,
            order_id,
            occurred_at,
            message_id,
            currency,
            refund_type = 'full' AS is_full,
            total AS own_amount
        FROM {{events}}
        WHERE project_id = {project:UInt32} AND event = 'refund' AND order_id IN touched
    ),
    numbered AS
    (
        SELECT
            *,
            row_number() OVER (PARTITION BY refund_key, is_full ORDER BY occurred_at, message_id) AS nth,
            sum(ifNull(own_amount, 0)) OVER
            (
                PARTITION BY refund_key ORDER BY occurred_at, message_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS refunded_before
        FROM sent
    )
SELECT
    toString(toDate(occurred_at, {time_zone:String})) AS day,
    count() AS refund_count,
    sum(ifNull(multiIf(
        isNotNull(own_amount), own_amount,
        is_full, greatest(order_total - refunded_before, 0),
        NULL), 0)) AS refunds
FROM numbered
LEFT JOIN totals USING (order_id)
WHERE occurred_at >= {start:DateTime64(3, 'UTC')}
  AND occurred_at < {end:DateTime64(3, 'UTC')}
  AND NOT (is_full AND nth > 1)
  AND if(currency = '', order_currency, currency) IN ('', {currency:String})
GROUP BY day
