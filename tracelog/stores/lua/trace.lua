-- One trace: keep(k, at, n, ttl) stores those of n entries whose ids are new, all of them or none. It touches
-- KEYS[k] (the list) and KEYS[k + 1] (its ids) only. In ARGV from at: n ids, then n bodies.
-- Returns a letter for each entry (A stored, D known, W never, X not now) and the error behind X.
local EACH, WIDTH = 2, 3 -- keys of a trace, characters of marks for an entry

local function keep(k, at, n, ttl)
  local list, ids, to = KEYS[k], KEYS[k + 1], at + n - 1
  local known = n > 1 and redis.pcall('SMISMEMBER', ids, unpack(ARGV, at, to)) or {}
  local added = known.err and known or redis.pcall('SADD', ids, unpack(ARGV, at, to))
  if type(added) == 'table' then return refuse(n, added.err) end
  if added == 0 then return string.rep('D', n) end

  local codes, fresh, bodies = string.rep('A', n), nil, nil
  if added < n then
    local letters, seen = {}, {}
    fresh, bodies = {}, {}
    for i = 1, n do
      local id = ARGV[at + i - 1]
      if known[i] == 1 or seen[id] then letters[i] = 'D' else
        letters[i], seen[id], fresh[#fresh + 1], bodies[#bodies + 1] = 'A', true, id, ARGV[to + i]
      end
    end
    codes = table.concat(letters)
  else
    fresh, bodies = { unpack(ARGV, at, to) }, { unpack(ARGV, to + 1, to + n) }
  end
  local fault = store(list, ids, ttl, fresh, bodies)
  if fault then return refuse(n, fault) end
  return codes
end
