-- What traces share, after they were stored on nodes of their own.
-- KEYS: recent, errors, tally, outcomes, lines, pins, queue, backlog. ARGV: oldest score listed, most traces listed, ttl, now, ttl of counts, S, then
-- S times name, largest running number, stored, known, their runs; then four times a number of traces, and score and id of each: written,
-- failed, and those of repeated entries, which are listed only if they are not: who stored them may have died then;
-- then a number of traces, and of each its id, score, new entries, errors, 1 if it is new, systems with commas;
-- last where and as what this call is noted, which may come again after its answer was lost, and the stored entries.
local at = 7
local names, seqs, stored, known, runs = {}, {}, {}, {}, {}
for s = 1, tonumber(ARGV[6]) do
  names[s], seqs[s] = ARGV[at], tonumber(ARGV[at + 1])
  runs[s] = ARGV[at + 4]
  stored[s], known[s], at = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), at + 5
end

local function traces()
  local pairs_, to = {}, at + 2 * tonumber(ARGV[at])
  for i = at + 1, to do pairs_[#pairs_ + 1] = ARGV[i] end
  at = to + 1
  return pairs_
end

local written, failed = traces(), traces()
local again = { traces(), traces() }
local calls = at + 1 + 6 * tonumber(ARGV[at])
for i = at + 1, calls - 1, 6 do
  local systems = {}
  for name in string.gmatch(ARGV[i + 5], '[^,]+') do systems[#systems + 1] = name end
  grow(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3]), systems, ARGV[i + 4] == '1')
end
local due, repeated = remember(ARGV[4], { unpack(ARGV, calls + 2) }, ARGV[calls], ARGV[calls + 1])
if repeated then return redis.status_reply('OK') end
if #written + #failed > 0 then list(ARGV[1], ARGV[2], ARGV[3], ARGV[5], written, failed, due) end
for i = 1, 2 do
  if #again[i] > 0 then
    redis.call('ZADD', KEYS[i], 'NX', unpack(again[i]))
    redis.call('EXPIRE', KEYS[i], ARGV[3] + ARGV[5])
  end
end
tally(ARGV[4], ARGV[5], names, seqs, stored, known, runs, due)
return redis.status_reply('OK')
