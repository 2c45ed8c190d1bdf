-- The newest events of each name, of those received since an instant: so many of a name at most, of so many names, the most
-- frequent ones. From when on these are is found in two narrow columns first, so that properties are read only where there
-- is something to take.
WITH newest AS
(
    SELECT toString(event) AS name, -arrayMax(groupArraySorted({each:UInt32})(-toUnixTimestamp64Milli(occurred_at))) AS first_ms
    FROM {{events}}
    WHERE project_id = {project:UInt32} AND received_at >= {since:DateTime64(3, 'UTC')}
    GROUP BY name
    ORDER BY count() DESC, name
    LIMIT {names:UInt32}
)
SELECT *
FROM {{events}}
WHERE project_id = {project:UInt32}
  AND received_at >= {since:DateTime64(3, 'UTC')}
  AND event IN (SELECT name FROM newest)
  AND toUnixTimestamp64Milli(occurred_at) >= transform(
        toString(event), (SELECT groupArray(name) FROM newest), (SELECT groupArray(first_ms) FROM newest), toInt64(0))
LIMIT {each:UInt32} BY event
