-- Sources that make room for others, each as a whole and only while it still is what was read of it.
-- KEYS: tally, outcomes, reports, others. ARGV: ttl, then for each source C, C times the position of its key, field and
-- value; A, A times field and number to be added to the others. Returns how many sources went.
local at, gone, added = 2, 0, false
while at <= #ARGV do
  local C, holds = tonumber(ARGV[at]), true
  for i = at + 1, at + 3 * C, 3 do
    holds = holds and redis.call('HGET', KEYS[tonumber(ARGV[i])], ARGV[i + 1]) == ARGV[i + 2]
  end
  local more = at + 1 + 3 * C
  local A = tonumber(ARGV[more])
  if holds then
    gone = gone + 1
    for i = at + 1, more - 1, 3 do redis.call('HDEL', KEYS[tonumber(ARGV[i])], ARGV[i + 1]) end
    for i = more + 1, more + 2 * A, 2 do redis.call('HINCRBY', KEYS[4], ARGV[i], ARGV[i + 1]) end
    added = added or A > 0
  end
  at = more + 1 + 2 * A
end
if added then redis.call('EXPIRE', KEYS[4], ARGV[1]) end
return gone
