-- What was said of a customer, newest first: account events and identify calls of its origins that it owns at their time.
SELECT event, occurred_at, message_id, door, url, tracking_id, user_ids, properties
FROM
(
    SELECT *, {{owner}} AS owner
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND origin_id IN {origins:Array(UUID)}
      AND event IN {names:Array(String)}
      AND {{owner}} = {customer:UUID}
      AND ({needle:String} = '' OR position(toString(properties), {needle:String}) > 0)
)
ORDER BY occurred_at DESC, message_id DESC
LIMIT {limit:UInt32}
