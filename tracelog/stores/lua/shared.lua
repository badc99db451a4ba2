-- What came from whom. Every key it touches gets a time to live.
local STEP = 2000 -- unpack() fails near 8000

local function count_back(name, counted) -- entries that are stored after all do not count as refused
  for why, n in pairs(counted) do
    local field = field_of(why, name)
    n = math.min(n, tonumber(redis.call('HGET', KEYS[4], field) or 0))
    if n > 0 then redis.call('HINCRBY', KEYS[4], field, -n) end
  end
end

local function tally(now, ttl, names, seqs, stored, known, runs, due)
  local new = false
  for from = 1, #names, STEP do
    local to, news = math.min(from + STEP - 1, #names), {}
    local olds = redis.call('HMGET', KEYS[3], unpack(names, from, to))
    for s = from, to do
      if stored[s] + known[s] > 0 then
        new = new or not olds[s - from + 1]
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
  if new or due ~= false then redis.call('EXPIRE', KEYS[3], ttl) end
end
