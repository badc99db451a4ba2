-- What both ways of keeping a trace do alike. A trace's keys share a cluster slot.

local function refuse(n, fault) -- letters for n entries of a trace that failed, and the error behind X
  if string.find(fault, 'WRONGTYPE', 1, true) then return string.rep('W', n) end
  return string.rep('X', n), fault
end

local born = {} -- lists that this call made

local function live(key, ttl, new) -- a longer life stays as it is: that of a pinned trace
  local set = new and 0 or redis.pcall('EXPIRE', key, ttl, 'GT') -- not known before Redis 7
  if new or type(set) == 'table' or (set == 0 and redis.call('PTTL', key) < 0) then redis.call('EXPIRE', key, ttl) end
end

local function store(list, ids, ttl, fresh, bodies) -- the ids are in already; returns why the bodies cannot be
  local pushed = redis.pcall('RPUSH', list, unpack(bodies))
  if type(pushed) == 'table' then -- the list is no list: take back the ids
    redis.call('SREM', ids, unpack(fresh))
    return pushed.err
  end
  local new = pushed == #bodies
  born[list] = born[list] or new
  live(list, ttl, new)
  live(ids, ttl, new)
end
