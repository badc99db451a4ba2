local function keep(k, at, n, ttl, told)
  local list, ids, to = KEYS[k], KEYS[k + 1], at + n - 1
  local known = redis.pcall('SMISMEMBER', ids, unpack(ARGV, at, to))
  local had = redis.pcall('HMGET', KEYS[k + 2], 'n', 'x', 'b', 'c', 't', 'v', 'f')
  if known.err or had.err then return refuse(n, known.err or had.err) end

  local used, letters, seen, fresh, bodies = {}, {}, {}, {}, {}
  for i, name in ipairs({ 'n', 'x', 'b', 'c' }) do used[name] = tonumber(had[i] or 0) end
  used.t = tonumber(had[5] or nil)
  local said = recall(had[6], had[7])
  for i = 1, n do
    local id, body = ARGV[at + i - 1], ARGV[to + i]
    local print = n + PRINT * (i - 1)
    local voice, form = string.sub(told, print + 1, print + VOICE), string.sub(told, print + VOICE + 1, print + PRINT)
    if known[i] == 1 or seen[id] then letters[i] = 'D'
    elseif echoes(said, voice, form) then letters[i] = 'E' else
      letters[i] = admit(used, string.byte(told, i), #body)
      if letters[i] == 'A' then
        note(said, voice, form)
        seen[id], fresh[#fresh + 1], bodies[#bodies + 1] = true, id, body
      end
    end
  end
  local codes = table.concat(letters)
  if #fresh == 0 then return codes end

  local added = redis.pcall('SADD', ids, unpack(fresh))
  local fault = type(added) == 'table' and added.err or store(list, ids, ttl, fresh, bodies)
  if fault then return refuse(n, fault) end
  redis.call('HSET', KEYS[k + 2], 'n', used.n, 'x', used.x, 'b', used.b, 'c', used.c,
    't', string.format('%.0f', used.t), 'v', said.voices, 'f', forms_of(said))
  live(KEYS[k + 2], ttl, born[list])
  return codes
end
