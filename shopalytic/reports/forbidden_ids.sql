-- What came as ids of events received since an instant and can be nobody's, by the value and the place in the message, the
-- most frequent first. The value is '' where it was not kept: an empty one, one too long, or one of the project's own list.
SELECT
    sent[place] AS value,
    place,
    count() AS events,
    min(received_at) AS first_at,
    max(received_at) AS last_at,
    argMaxIf(path, received_at, path != '') AS last_page,
    arraySort(groupUniqArray(10)(toString(event))) AS names,
    arraySort(groupUniqArray(10)(toString(door))) AS doors
FROM
(
    SELECT
        event, received_at, path, door,
        CAST(JSONExtractKeysAndValues(ifNull(properties._nobody_ids.:String, ''), 'String'), 'Map(String, String)') AS sent,
        arrayDistinct(arrayMap(found -> substring(found, {length:UInt32} + 1),
            arrayFilter(found -> startsWith(found, {violation:String}), violations))) AS places
    FROM {{events}}
    WHERE project_id = {project:UInt32}
      AND received_at >= {since:DateTime64(3, 'UTC')}
      AND arrayExists(found -> startsWith(found, {violation:String}), violations)
) AS row
ARRAY JOIN places AS place
GROUP BY value, place
ORDER BY events DESC, value, place
LIMIT {limit:UInt32}
