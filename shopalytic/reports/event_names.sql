-- The names of a project's events, the most frequent first.
SELECT event, count() AS events
FROM {{events}}
WHERE project_id = {project:UInt32}
GROUP BY event
ORDER BY events DESC, event
LIMIT {limit:UInt32}
