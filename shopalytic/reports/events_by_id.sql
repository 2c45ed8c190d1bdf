-- The events of some messages, of those received since an instant. The outer part has the columns of Event, with the owner
-- as it is today.
SELECT * EXCEPT (owner) REPLACE (owner AS customer_id)
FROM
(
    SELECT *, {{owner}} AS owner
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {since:DateTime64(3, 'UTC')}
      AND message_id IN {ids:Array(String)}
)
