local function keep(k, at, n, ttl, classes)
  local list, ids, to = KEYS[k], KEYS[k + 1], at + n - 1
  local known = redis.pcall('SMISMEMBER', ids, unpack(ARGV, at, to))
  local had = redis.pcall('HMGET', KEYS[k + 2], 'n', 'x', 'b', 'c', 't')
  if known.err or had.err then return refuse(n, known.err or had.err) end

  local used, letters, seen, fresh, bodies = {}, {}, {}, {}, {}
  for i, name in ipairs({ 'n', 'x', 'b', 'c' }) do used[name] = tonumber(had[i] or 0) end
  used.t = tonumber(had[5] or nil)
  for i = 1, n do
    local id, body = ARGV[at + i - 1], ARGV[to + i]
    if known[i] == 1 or seen[id] then letters[i] = 'D' else
      letters[i] = admit(used, string.byte(classes, i), #body)
      if letters[i] == 'A' then seen[id], fresh[#fresh + 1], bodies[#bodies + 1] = true, id, body end
    end
  end
  local codes = table.concat(letters)
  if #fresh == 0 then return codes end

  local added = redis.pcall('SADD', ids, unpack(fresh))
  local fault = type(added) == 'table' and added.err or store(list, ids, ttl, fresh, bodies)
  if fault then return refuse(n, fault) end
  redis.call('HSET', KEYS[k + 2], 'n', used.n, 'x', used.x, 'b', used.b, 'c', used.c,
    't', string.format('%.0f', used.t))
  redis.call('EXPIRE', KEYS[k + 2], ttl)
  return codes
end
