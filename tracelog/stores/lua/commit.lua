-- One call on a server without slots: every trace, then what they share, in one atomic step.
-- KEYS: recent, errors, tally, outcomes, lines, pins, queue, backlog, then list and ids (with a quota also its use) of each trace.
-- ARGV: score, oldest score listed, most traces listed, ttl, now, ttl of counts, S, S largest running numbers, each
-- with a colon and all of them as runs if their entries ended when all are stored (5:0-3,5-5), S names; then
-- for each trace its marks, ids, bodies. A mark is three characters, base 64 from "0": 2 * speaker + (1 for an error);
-- with a quota the letters of the classes and then the prints stand behind them, and the quota is the last of ARGV.
-- Returns the letters of keep() for all entries, and the last error.
local score, cut, cap, ttl, now, kept, S = unpack(ARGV, 1, 7)
local names, seqs, runs, stored, known = {}, {}, {}, {}, {}
for seq, said in string.gmatch(ARGV[8], '(%-?%d+):?(%S*)') do
  seqs[#seqs + 1], runs[#runs + 1] = tonumber(seq), (string.gsub(said, ',', ' '))
end
for s = 1, S do names[s], stored[s], known[s] = ARGV[8 + s], 0, 0 end

local codes, written, failed, queued, fault, at, byte = {}, {}, {}, {}, '', 9 + S, string.byte
for k = 9, #KEYS, EACH do
  local marks, id = ARGV[at], string.sub(KEYS[k], 6)
  local n, fresh, errors, said, systems = #marks / WIDTH, 0, 0, {}, {}
  local code, why = keep(k, at + 1, n, ttl, string.sub(marks, 3 * n + 1))
  codes[#codes + 1], fault = code, why or fault
  for i = 1, n do
    local high, middle, low = byte(marks, 3 * i - 2, 3 * i)
    local s, letter = (high - 48) * 2048 + (middle - 48) * 32 + math.floor((low - 48) / 2) + 1, byte(code, i)
    if letter == 65 then
      stored[s], fresh, errors = stored[s] + 1, fresh + 1, errors + low % 2
      queued[#queued + 1] = ARGV[at + n + i]
      if not said[s] then said[s], systems[#systems + 1] = true, string.match(names[s], '^%S+') end
    elseif letter == 68 then
      known[s] = known[s] + 1
    else
      runs[s] = ''
    end
  end
  if fresh > 0 then
    written[#written + 1], written[#written + 2] = score, id
    grow(id, score, fresh, errors, systems, born[KEYS[k]])
  end
  if errors > 0 then failed[#failed + 1], failed[#failed + 2] = score, id end
  at = at + 1 + 2 * n
end

local due = remember(now, queued)
if #written > 0 then list(cut, cap, ttl, kept, written, failed, due) end
tally(now, kept, names, seqs, stored, known, runs, due)
return { table.concat(codes), fault }
