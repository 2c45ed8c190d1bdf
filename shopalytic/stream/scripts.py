"""Lua scripts: each is one atomic step of the queue. KEYS are always of one partition.

All but `append` carry `allow-oom`: draining must go on at the memory cap, since it is what frees
memory. `append` does not: so a full queue refuses messages, which the sender then keeps.
"""

APPEND = """
-- KEYS: stream, counters, job. ARGV: project, job id, job lifetime in seconds, message, …
local n = #ARGV - 3
for i = 4, #ARGV do redis.call('XADD', KEYS[1], '*', 'm', ARGV[i]) end
redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':accepted', n)
redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':waiting', n)
if redis.call('SET', KEYS[3], ARGV[2], 'NX', 'EX', ARGV[3]) then return 1 end
return 0
"""

REQUEUE = """
-- KEYS: stream, counters, job, requeued. ARGV: project, job id, job lifetime in seconds, (mark, message) …
-- Takes each mark once, for ever: a second click must neither count nor queue the message again.
local n = 0
for i = 4, #ARGV, 2 do
  if redis.call('SADD', KEYS[4], ARGV[i]) == 1 then
    redis.call('XADD', KEYS[1], '*', 'm', ARGV[i + 1])
    n = n + 1
  end
end
if n == 0 then return {0, 0} end
redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':quarantined', -n)
redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':waiting', n)
if redis.call('SET', KEYS[3], ARGV[2], 'NX', 'EX', ARGV[3]) then return {n, 1} end
return {n, 0}
"""

CLAIM = """#!lua flags=allow-oom
-- KEYS: stream, batch, lease, job. ARGV: lease holder, lease seconds, job lifetime in seconds, most messages
-- Gives the batch that was claimed before and not acknowledged, composed as it was then; else a new one.
if redis.call('GET', KEYS[3]) ~= ARGV[1] then return {'lost'} end
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('EXPIRE', KEYS[4], ARGV[3])
local batch = redis.call('GET', KEYS[2])
if batch then
  local first, last = string.match(batch, '^(%S+) (%S+)$')
  return {batch, redis.call('XRANGE', KEYS[1], first, last)}
end
local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[4])
if #entries == 0 then return {'empty'} end
batch = entries[1][1] .. ' ' .. entries[#entries][1]
redis.call('SET', KEYS[2], batch)
return {batch, entries}
"""

ACKNOWLEDGE = """#!lua flags=allow-oom
-- KEYS: stream, batch, counters, session state, … ARGV: batch, prefix of the ids' sets, when these end,
-- number of counter pairs, (field, increment) …, number of ids, (set, id) …, (state, lifetime in seconds) …
-- A batch that somebody else has acknowledged meanwhile changes nothing.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local last = string.match(ARGV[1], ' (%S+)$')
redis.call('XTRIM', KEYS[1], 'MINID', '=', last)
redis.call('XDEL', KEYS[1], last)
redis.call('DEL', KEYS[2])
local at = 5
for i = 1, tonumber(ARGV[4]) do
  redis.call('HINCRBY', KEYS[3], ARGV[at], ARGV[at + 1])
  at = at + 2
end
local ids = tonumber(ARGV[at])
at = at + 1
for i = 1, ids do
  local set = ARGV[2] .. ARGV[at]
  redis.call('SADD', set, ARGV[at + 1])
  redis.call('EXPIREAT', set, ARGV[3])
  at = at + 2
end
for i = 4, #KEYS do
  redis.call('SET', KEYS[i], ARGV[at], 'EX', ARGV[at + 1])
  at = at + 2
end
return 1
"""

RELEASE = """#!lua flags=allow-oom
-- KEYS: stream, lease, job. ARGV: lease holder, next job id, job lifetime in seconds
-- Gives 1 where messages wait and the next job must be queued by the caller.
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
if redis.call('XLEN', KEYS[1]) > 0 then
  redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[3])
  return 1
end
redis.call('DEL', KEYS[3])
return 0
"""

LEASE = """#!lua flags=allow-oom
-- KEYS: lease. ARGV: lease holder, lease seconds
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2])
"""

SEEN = """#!lua flags=allow-oom
-- ARGV: prefix of this generation's sets, prefix of the last one's, (set, id) …
local seen = {}
for i = 3, #ARGV, 2 do
  local hit = redis.call('SISMEMBER', ARGV[1] .. ARGV[i], ARGV[i + 1])
  if hit == 0 then hit = redis.call('SISMEMBER', ARGV[2] .. ARGV[i], ARGV[i + 1]) end
  seen[#seen + 1] = hit
end
return seen
"""

RENEW = """#!lua flags=allow-oom
-- KEYS: lease. ARGV: lease holder, lease seconds
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""

ERASE = """#!lua flags=allow-oom
-- KEYS: counters, requeued. ARGV: project, reason, mark …
-- Counts quarantined messages as dropped. A mark that was taken before, by a replay or by this, is left as it is.
local n = 0
for i = 3, #ARGV do n = n + redis.call('SADD', KEYS[2], ARGV[i]) end
if n > 0 then
  redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':quarantined', -n)
  redis.call('HINCRBY', KEYS[1], ARGV[1] .. ':dropped:' .. ARGV[2], n)
end
return n
"""
