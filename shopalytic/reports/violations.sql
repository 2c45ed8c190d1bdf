-- What was wrong with the messages received since an instant, by event and violation, the most frequent first: of stored events,
-- and of messages that were dropped with something to tell. Lines of an array count together, whichever they were.
-- `first_at` looks back further, as far as `reach`.
SELECT
    row.event AS event,
    violation,
    countIf(row.is_recent) AS messages,
    countIf(row.is_recent AND row.is_dropped) AS dropped,
    min(row.received_at) AS first_at,
    max(row.received_at) AS last_at,
    topKIf(5)(row.path, row.is_recent AND row.path != '') AS pages,
    uniqExactIf(row.path, row.is_recent AND row.path != '') AS page_count,
    arraySort(groupUniqArrayIf(10)(row.library, row.is_recent AND row.library != '')) AS libraries,
    arraySort(groupUniqArrayIf(10)(row.door, row.is_recent)) AS doors,
    arraySort(groupUniqArrayIf(10)(row.reason, row.is_recent AND row.is_dropped)) AS reasons,
    arrayMap(sample -> sample.2, groupArraySortedIf(3)((-toUnixTimestamp64Milli(row.received_at), row.message_id),
        NOT row.is_dropped)) AS stored_samples,
    arrayMap(sample -> (sample.2, sample.3), groupArraySortedIf(3)((-toUnixTimestamp64Milli(row.received_at),
        row.message_id, row.detail), row.is_recent AND row.is_dropped)) AS dropped_samples
FROM
(
    SELECT
        toString(event) AS event, received_at, message_id, path, toString(library) AS library, toString(door) AS door,
        false AS is_dropped, '' AS reason, '' AS detail,
        received_at >= {since:DateTime64(3, 'UTC')} AS is_recent,
        arrayDistinct(arrayMap(sent -> replaceRegexpAll(sent, '\\[[0-9]+\\]', '[]'), violations)) AS found
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {reach:DateTime64(3, 'UTC')}
      AND notEmpty(violations)
    UNION ALL
    SELECT
        toString(event) AS event, received_at, message_id, path, toString(library) AS library, toString(door) AS door,
        true AS is_dropped, toString(reason) AS reason, detail,
        received_at >= {since:DateTime64(3, 'UTC')} AS is_recent,
        arrayDistinct(arrayMap(sent -> replaceRegexpAll(sent, '\\[[0-9]+\\]', '[]'), violations)) AS found
    FROM {{dropped}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {reach:DateTime64(3, 'UTC')}
      AND notEmpty(violations)
) AS row
ARRAY JOIN found AS violation
GROUP BY event, violation
HAVING messages > 0
ORDER BY messages DESC, event, violation
LIMIT {limit:UInt32}
