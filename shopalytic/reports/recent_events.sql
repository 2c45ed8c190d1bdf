-- A project's events, newest first. The outer part has the columns of Event, with the owner as it is today.
SELECT * EXCEPT (owner) REPLACE (owner AS customer_id)
FROM
(
    SELECT *, {{owner}} AS owner
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND occurred_at >= {since:DateTime64(3, 'UTC')}
      AND occurred_at <= {before:DateTime64(3, 'UTC')}
      AND (occurred_at < {before:DateTime64(3, 'UTC')} OR message_id < {before_message:String})
      AND ({event:String} = '' OR event = {event:String})
    ORDER BY occurred_at DESC, message_id DESC
    LIMIT {limit:UInt32}
)
ORDER BY occurred_at DESC, message_id DESC
