-- Messages in quarantine, the last received first. A message is known by its envelope's digest: what could not be read has
-- no id of its own.
SELECT lower(hex(MD5(envelope))) AS id, received_at, reason, detail, event, message_id, envelope
FROM {{quarantine}}
WHERE project_id = {project:UInt32}
  AND id NOT IN (SELECT id FROM {{replayed}} WHERE project_id = {project:UInt32})
  AND received_at <= {before:DateTime64(3, 'UTC')}
  AND (received_at < {before:DateTime64(3, 'UTC')} OR id < {before_id:String})
  AND ({reason:String} = '' OR reason = {reason:String})
ORDER BY received_at DESC, id DESC
LIMIT {limit:UInt32}
