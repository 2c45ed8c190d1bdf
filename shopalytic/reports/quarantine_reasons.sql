-- How many messages wait in quarantine, by reason, the most frequent first.
SELECT reason, count() AS messages
FROM {{quarantine}}
WHERE project_id = {project:UInt32}
  AND lower(hex(MD5(envelope))) NOT IN (SELECT id FROM {{replayed}} WHERE project_id = {project:UInt32})
GROUP BY reason
ORDER BY messages DESC, reason
