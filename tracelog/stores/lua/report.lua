-- The last report of a source, and the largest count that any of its reports named: they are cumulative, and may come
-- late, twice or in another order. KEYS: reports.
-- ARGV: source, now, counts (name=number …), report, ttl, most counts kept. A value is: now [counts] report.
local old = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local most, names = {}, {}
for _, said in ipairs({ string.match(old, '^%S+ %[(.-)%] ') or '', ARGV[3] }) do
  for name, n in string.gmatch(said, '(%S+)=(%d+)') do
    if most[name] then most[name] = math.max(most[name], tonumber(n))
    elseif #names < tonumber(ARGV[6]) then names[#names + 1], most[name] = name, tonumber(n) end
  end
end
local counts = {}
for i, name in ipairs(names) do counts[i] = string.format('%s=%.0f', name, most[name]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' [' .. table.concat(counts, ' ') .. '] ' .. ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return redis.status_reply('OK')
