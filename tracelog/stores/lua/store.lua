-- What both ways of keeping a trace do alike. A trace's keys share a cluster slot.

local function refuse(n, fault) -- letters for n entries of a trace that failed, and the error behind X
  if string.find(fault, 'WRONGTYPE', 1, true) then return string.rep('W', n) end
  return string.rep('X', n), fault
end

local function store(list, ids, ttl, fresh, bodies) -- the ids are in already; returns why the bodies cannot be
  local pushed = redis.pcall('RPUSH', list, unpack(bodies))
  if type(pushed) == 'table' then -- the list is no list: take back the ids
    redis.call('SREM', ids, unpack(fresh))
    return pushed.err
  end
  redis.call('EXPIRE', list, ttl)
  redis.call('EXPIRE', ids, ttl)
end
