-- Entries that were not stored: adds to their counts and notes that their sources were heard.
-- KEYS: outcomes, _, tally. ARGV: now, ttl, S, S names, then field and number, field and number …
local now, ttl, S = ARGV[1], ARGV[2], tonumber(ARGV[3])
for s = 4, 3 + S do
  local counts = string.match(redis.call('HGET', KEYS[3], ARGV[s]) or '0 0 -1 ', '^%d+ %d+ %-?%d+ ')
  redis.call('HSET', KEYS[3], ARGV[s], counts .. now)
end
for i = 4 + S, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ttl)
redis.call('EXPIRE', KEYS[3], ttl)
return redis.status_reply('OK')
