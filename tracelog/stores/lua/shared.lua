-- What traces share: when each was written, and what came from whom. Every key it touches gets a time to live.
local SWEPT = 200 -- traces taken off the lists a call
local STEP = 2000 -- unpack() fails near 8000

local function list(cut, cap, ttl, written, failed)
  if #written > 0 then redis.call('ZADD', KEYS[1], 'GT', unpack(written)) end
  if #failed > 0 then redis.call('ZADD', KEYS[2], 'GT', unpack(failed)) end
  local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', cut, 'LIMIT', 0, SWEPT)
  if #gone == 0 then
    local surplus = redis.call('ZCARD', KEYS[1]) - cap
    if surplus > 0 then gone = redis.call('ZRANGE', KEYS[1], 0, math.min(surplus, SWEPT) - 1) end
  end
  for i = 1, 2 do
    if #gone > 0 then redis.call('ZREM', KEYS[i], unpack(gone)) end
    redis.call('EXPIRE', KEYS[i], ttl)
  end
end

local function count_back(name, counted) -- entries that are stored after all do not count as refused
  for why, n in pairs(counted) do
    local field = field_of(why, name)
    n = math.min(n, tonumber(redis.call('HGET', KEYS[4], field) or 0))
    if n > 0 then redis.call('HINCRBY', KEYS[4], field, -n) end
  end
end

local function tally(now, ttl, names, seqs, stored, known, runs)
  for from = 1, #names, STEP do
    local to, news = math.min(from + STEP - 1, #names), {}
    local olds = redis.call('HMGET', KEYS[3], unpack(names, from, to))
    for s = from, to do
      if stored[s] + known[s] > 0 then
        local old = olds[s - from + 1] or '0 0 -1 0 '
        local received, again, seq, ended = string.match(old, '^(%d+) (%d+) (%-?%d+) %S+ ?(.*)$')
        if runs[s] ~= '' then
          local counted
          ended, counted = store_runs(ended, runs[s])
          count_back(names[s], counted)
        end
        seq = math.max(tonumber(seq), seqs[s])
        local counts = string.format('%.0f %.0f %.0f ', received + stored[s], again + known[s], seq)
        news[#news + 1] = names[s]
        news[#news + 1] = counts .. now .. ' ' .. ended
      end
    end
    if #news > 0 then redis.call('HSET', KEYS[3], unpack(news)) end
  end
  redis.call('EXPIRE', KEYS[3], ttl)
end
