-- Messages that wait in quarantine, of those asked for.
SELECT lower(hex(MD5(envelope))) AS id, received_at, reason, detail, event, message_id, envelope
FROM {{quarantine}}
WHERE project_id = {project:UInt32}
  AND id IN {ids:Array(String)}
  AND id NOT IN (SELECT id FROM {{replayed}} WHERE project_id = {project:UInt32})
ORDER BY received_at, id
