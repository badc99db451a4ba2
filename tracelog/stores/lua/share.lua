-- What traces share, after they were stored on nodes of their own.
-- KEYS: recent, errors, tally. ARGV: oldest score listed, most traces listed, ttl, now, ttl of counts, S, then S times
-- name, largest running number, stored, known; number of traces written; then score and id of these, and of failed ones.
local S, at = tonumber(ARGV[6]), 7
local names, seqs, stored, known, written, failed = {}, {}, {}, {}, {}, {}
for s = 1, S do
  names[s], seqs[s] = ARGV[at], tonumber(ARGV[at + 1])
  stored[s], known[s], at = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), at + 4
end
local W = 2 * tonumber(ARGV[at])
for i = at + 1, at + W do written[#written + 1] = ARGV[i] end
for i = at + W + 1, #ARGV do failed[#failed + 1] = ARGV[i] end
if W > 0 then list(ARGV[1], ARGV[2], ARGV[3], written, failed) end
tally(ARGV[4], ARGV[5], names, seqs, stored, known)
return redis.status_reply('OK')
