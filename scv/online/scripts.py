"""What the store does in one atomic step (Rule R), in its own language; called by `scv.online.rowstore`."""

# A write succeeds only if every field's stored fence equals the fence that the writer read ('' = absent).
WRITE = """
local n = tonumber(ARGV[1])
for i = 2, #ARGV, 3 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  local fence = stored and string.sub(stored, 1, n) or ''
  if fence ~= ARGV[i + 1] then return 0 end
end
for i = 2, #ARGV, 3 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2]) end
return 1
"""

# Moves a partition's restart point if offset and turn are those that the writer read; marks only ever rise.
ADVANCE = """
local offset, turn = redis.call('HGET', KEYS[1], 'offset'), redis.call('HGET', KEYS[1], 'turn')
if (offset or '') ~= ARGV[1] or (turn or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'offset', ARGV[3])
for i = 4, #ARGV, 2 do
  local old = redis.call('HGET', KEYS[1], ARGV[i])
  if not old or tonumber(ARGV[i + 1]) > tonumber(old) then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 1
"""

# Rows built up to some offsets are whole and follow their partitions from there on: restart points go back to them in
# the same step, with the newest tick before them. Nothing happens unless generation and log are still those that the
# rows were built for.
MARK = """
local log, n = redis.call('HGET', KEYS[2], ARGV[2]), tonumber(ARGV[5])
if (redis.call('GET', KEYS[1]) or '1') ~= ARGV[1] or not log then return 0 end
log = cjson.decode(log)
if log.topic_id ~= ARGV[3] or log.epoch ~= tonumber(ARGV[4]) or log.partitions ~= n then return 0 end
for i = 1, n do
  local key, upto = KEYS[3 + i], ARGV[5 + i]
  local offset = redis.call('HGET', key, 'offset')
  if not offset or tonumber(offset) > tonumber(upto) then
    redis.call('HSET', key, 'offset', upto, 'tick', ARGV[5 + n + i])
  end
  redis.call('HINCRBY', key, 'turn', 1)
end
for i = 6 + 2 * n, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return 1
"""

# The heads (fences) of some fields of a row, '' where there is none.
FENCES = """
local found = redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
for i = 1, #found do found[i] = found[i] and string.sub(found[i], 1, tonumber(ARGV[1])) or '' end
return found
"""

# The way back of what only rises: a field that is later than an instant is set to it, and those who hold it are told by
# another field (ARGV[3]) that counts.
BACK = """
local old = redis.call('HGET', KEYS[1], ARGV[1])
if not old or tonumber(old) <= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] then redis.call('HINCRBY', KEYS[1], ARGV[3], 1) end
return 1
"""

# A clock's front only ever rises; a replay's does not by what comes live meanwhile (ARGV[2]: 1).
TICK = """
if ARGV[2] == '1' and redis.call('HGET', KEYS[1], 'mode') == 'replay' then return false end
local old = redis.call('HGET', KEYS[1], 'front')
if not old or tonumber(ARGV[1]) > tonumber(old) then redis.call('HSET', KEYS[1], 'front', ARGV[1]) end
return redis.call('HGET', KEYS[1], 'front')
"""

# A number only ever rises: a shard that is behind the others takes theirs.
LIFT = """
if tonumber(redis.call('GET', KEYS[1]) or '1') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return 1
"""
