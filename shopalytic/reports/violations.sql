-- What was wrong with the events received since an instant, by event and violation, the most frequent first. Lines of an
-- array count together, whichever they were. `first_at` looks back further, as far as `reach`.
SELECT
    row.event AS event,
    violation,
    countIf(row.received_at >= {since:DateTime64(3, 'UTC')}) AS messages,
    min(row.received_at) AS first_at,
    max(row.received_at) AS last_at,
    argMax(row.message_id, row.received_at) AS message_id,
    argMax(row.path, row.received_at) AS path,
    uniqExactIf(row.path, row.received_at >= {since:DateTime64(3, 'UTC')}) AS paths,
    arraySort(groupUniqArrayIf(10)(toString(row.library), row.received_at >= {since:DateTime64(3, 'UTC')})) AS libraries
FROM
(
    SELECT event, received_at, message_id, path, library,
           arrayDistinct(arrayMap(sent -> replaceRegexpAll(sent, '\\[[0-9]+\\]', '[]'), violations)) AS found
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {reach:DateTime64(3, 'UTC')}
      AND notEmpty(violations)
) AS row
ARRAY JOIN found AS violation
GROUP BY event, violation
HAVING messages > 0
ORDER BY messages DESC, event, violation
LIMIT {limit:UInt32}
