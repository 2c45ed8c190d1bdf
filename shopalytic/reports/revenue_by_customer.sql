-- What customers brought in a period, the best first, and once more for all of them (`customer_id` is null).
-- Orders and refunds are those that `sales` and `refunds` count. A refund is its order's customer's, whenever the order
-- was and whoever told of the refund; of an order that is not known, it is the customer's who told it.
WITH
    orders AS
    (
        SELECT
            {{owner}} AS owner,
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
    touched AS
    (
        SELECT order_id
        FROM {{events}}
        WHERE project_id = {project:UInt32}
          AND event = 'refund'
          AND occurred_at >= {start:DateTime64(3, 'UTC')}
          AND occurred_at < {end:DateTime64(3, 'UTC')}
    ),
    refunded AS
    (
        SELECT
            order_id,
            any(owner) AS order_owner,
            any(total) AS order_total,
            any(currency) AS order_currency,
            true AS is_known
        FROM
        (
            SELECT order_id, {{owner}} AS owner, total, currency
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
            {{owner}} AS owner,
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
    ),
    refunds AS
    (
        SELECT
            if(is_known, order_owner, owner) AS refund_owner,
            ifNull(multiIf(
                isNotNull(own_amount), own_amount,
                is_full, greatest(order_total - refunded_before, 0),
                NULL), 0) AS given_back
        FROM numbered
        LEFT JOIN refunded USING (order_id)
        WHERE occurred_at >= {start:DateTime64(3, 'UTC')}
          AND occurred_at < {end:DateTime64(3, 'UTC')}
          AND NOT (is_full AND nth > 1)
          AND if(currency = '', order_currency, currency) IN ('', {currency:String})
    ),
    customers AS
    (
        SELECT
            person,
            countIf(is_order) AS order_count,
            countIf(is_order AND in_currency) AS paid_count,
            ifNull(sum(paid), 0) AS paid_sum,
            sum(returned) AS returned_sum
        FROM
        (
            SELECT owner AS person, true AS is_order, in_currency, amount AS paid, toDecimal128(0, 4) AS returned
            FROM orders
            UNION ALL
            SELECT refund_owner, false, false, NULL, toDecimal128(given_back, 4)
            FROM refunds
        )
        GROUP BY person
    )
SELECT
    if(grouping(person) = 1, NULL, toString(person)) AS customer_id,
    countIf(order_count > 0) AS customers,
    sum(order_count) AS orders,
    sum(paid_sum) AS revenue,
    sum(returned_sum) AS refunds,
    sum(order_count) - sum(paid_count) AS orders_in_other_currency
FROM customers
GROUP BY GROUPING SETS ((person), ())
ORDER BY grouping(person) DESC, revenue DESC, refunds, customer_id
LIMIT {limit:UInt32}
