-- Entries that were not stored: adds to their counts and notes that their sources were heard.
-- KEYS: outcomes, the last call of this server, tally.
-- ARGV: now, ttl, number of the call or nothing, S, S times a speaker and the runs of its refused entries, then field
-- and number of those without running numbers. A call that comes again by its number changes nothing.
local now, ttl, call, S = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if call ~= '' then
  if redis.call('GET', KEYS[2]) == call then return redis.status_reply('OK') end
  redis.call('SET', KEYS[2], call, 'EX', ttl)
end
for at = 5, 3 + 2 * S, 2 do
  local name, said = ARGV[at], ARGV[at + 1]
  local old = redis.call('HGET', KEYS[3], name) or '0 0 -1 0 '
  local counts, seq, ended = string.match(old, '^(%d+ %d+) (%-?%d+) %S+ ?(.*)$')
  if said ~= '' then
    local fresh
    ended, fresh = refuse_runs(ended, said)
    for why, n in pairs(fresh) do redis.call('HINCRBY', KEYS[1], field_of(why, name), n) end
    seq = string.format('%.0f', math.max(tonumber(seq), tonumber(string.match(said, '%-(%d+)%S*$'))))
  end
  redis.call('HSET', KEYS[3], name, counts .. ' ' .. seq .. ' ' .. now .. ' ' .. ended)
end
for i = 5 + 2 * S, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('EXPIRE', KEYS[1], ttl)
redis.call('EXPIRE', KEYS[3], ttl)
return redis.status_reply('OK')
