-- A customer's events of some names, in either order: rows of its origins that it owns at their time.
SELECT * EXCEPT (owner) REPLACE (owner AS customer_id)
FROM
(
    SELECT *, {{owner}} AS owner
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND origin_id IN {origins:Array(UUID)}
      AND {{owner}} = {customer:UUID}
      AND (empty({names:Array(String)}) OR event IN {names:Array(String)})
)
ORDER BY
    if({newest_first:UInt8} = 1, -1, 1) * toUnixTimestamp64Milli(occurred_at),
    message_id
LIMIT {limit:UInt32} OFFSET {skip:UInt32}
