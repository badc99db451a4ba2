-- One trace with a quota: keep() as in trace.lua, and KEYS[k + 2] counts what the trace has used; T over its quota,
-- Z over its bytes, E an echo. What keep() is told is a class letter for each entry, then a print for each; the last of
-- ARGV is "normal extra critical window_ms bytes echo_burst echo_window_ms now_ms". stores/trace_quota.py tells the same
-- in Python.
local EACH, WIDTH = 3, 16
local most = {}
for number in string.gmatch(ARGV[#ARGV], '%d+') do most[#most + 1] = tonumber(number) end
local spare = { [101] = most[2], [112] = math.floor(most[2] / 2) } -- e, p
local moment

local function now()
  if not moment then
    local time = redis.call('TIME')
    moment = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return moment
end

local function room(used, class) -- the counter that has room for one more
  if used.c == 1 or class == 99 then return used.n + used.x < most[3] and 'n' end
  if used.n < most[1] then return 'n' end
  return used.x < (spare[class] or 0) and 'x'
end

local function admit(used, class, size)
  local counter = room(used, class)
  if not used.t then used.t = now() end
  if not counter and now() - used.t >= most[4] then
    used.n, used.x, used.t = 0, 0, now()
    counter = room(used, class)
  end
  if not counter then return 'T' end
  if most[5] > 0 and used.b + size > most[5] then return 'Z' end
  used[counter], used.b = used[counter] + 1, used.b + size
  if class == 99 then used.c = 1 end
  return 'A'
end
