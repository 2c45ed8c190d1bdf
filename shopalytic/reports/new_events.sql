-- Events stored since an instant, the last stored first, late ones too, whenever they occurred. What was received over
-- a day before it was stored is left out: without that bound every poll would read the whole column.
SELECT * EXCEPT (owner) REPLACE (owner AS customer_id)
FROM
(
    SELECT *, {{owner}} AS owner
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY
      AND stored_at >= {since:DateTime64(3, 'UTC')}
      AND ({event:String} = '' OR event = {event:String})
    ORDER BY stored_at DESC, occurred_at DESC, message_id DESC
    LIMIT {limit:UInt32}
)
ORDER BY occurred_at DESC, message_id DESC
