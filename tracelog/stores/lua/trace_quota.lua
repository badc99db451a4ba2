local function keep(k, at, n, ttl, told)
  local list, ids, use, to = KEYS[k], KEYS[k + 1], KEYS[k + 2], at + n - 1
  local known = redis.pcall('SMISMEMBER', ids, unpack(ARGV, at, to))
  local had = redis.pcall('HMGET', use, 'n', 'x', 'b', 'c', 'o', 't', 'v', 'f', 'z')
  if known.err or had.err then return refuse(n, known.err or had.err) end

  local used, letters, seen, fresh, bodies, notes, refused = {}, {}, {}, {}, {}, nil, had[9]
  for i, name in ipairs({ 'n', 'x', 'b', 'c', 'o' }) do used[name] = tonumber(had[i] or 0) end
  used.t = tonumber(had[6] or nil)
  local said = recall(had[7], had[8])
  for i = 1, n do
    local id, body, class = ARGV[at + i - 1], ARGV[to + i], string.byte(told, i)
    local print = n + PRINT * (i - 1)
    local voice, form = string.sub(told, print + 1, print + VOICE), string.sub(told, print + VOICE + 1, print + PRINT)
    local own = class == OWN or class == OWN_COUNT
    if own then notes = notes or read_notes(use) end
    if known[i] == 1 or seen[id] then letters[i] = 'D'
    elseif own and notes.known[id] then letters[i] = 'N'
    elseif echoes(said, voice, form) then letters[i], refused = 'E', '1' else
      letters[i] = admit(used, class, #body)
      if letters[i] == 'A' then
        note_echo(said, voice, form)
        seen[id], fresh[#fresh + 1], bodies[#bodies + 1] = true, id, body
      elseif letters[i] == 'N' then note(notes, id, body)
      elseif not own then refused = '1' end
    end
  end
  local codes = table.concat(letters)
  if #fresh > 0 then
    local added = redis.pcall('SADD', ids, unpack(fresh))
    local fault = type(added) == 'table' and added.err or store(list, ids, ttl, fresh, bodies)
    if fault then return refuse(n, fault) end
    redis.call('HSET', use, 'n', used.n, 'x', used.x, 'b', used.b, 'c', used.c, 'o', used.o,
      't', string.format('%.0f', used.t), 'v', said.voices, 'f', forms_of(said))
    live(use, ttl, born[list])
  end
  if used.b == 0 then return codes end -- nothing of the trace is stored, so nothing is kept about it
  if refused and not had[9] then redis.call('HSET', use, 'z', refused) end
  if notes and string.find(codes, 'N', 1, true) then save_notes(use, notes) end
  return codes
end
