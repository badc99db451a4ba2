-- One trace alone, as a cluster wants it; what traces share lies elsewhere and is told afterwards (share.lua).
-- KEYS: list, ids, with a quota also its use. ARGV: ttl, classes and prints, ids, bodies, with a quota also that.
-- Returns the letters of keep(), the error behind X, and 1 if the trace began with this call.
local n = (#ARGV - EACH) / 2
local codes, fault = keep(1, 3, n, ARGV[1], ARGV[2])
return { codes, fault or '', born[KEYS[1]] and 1 or 0 }
