-- Echoes: a form that a trace has stored most[6] times within most[7] ms waits, whoever says it; a voice that the trace
-- has not heard goes on. A print is a voice and a form, or blank. Of the trace's use, v is its voices, oldest first, and f
-- its forms of this window: form, times, since. The time is that of the server that writes, most[8]: it costs no command.
-- stores/echoes.py tells the same in Python.
local VOICE, PRINT, REMEMBERED = 4, 12, 32
local BLANK = string.rep(' ', PRINT - VOICE)
local AT = string.format('%.0f', most[8])

local function recall(voices, forms)
  local said = { voices = voices or '', order = {}, times = {}, since = {} }
  for form, times, since in string.gmatch(forms or '', '(%S+) (%d+) (%d+)') do
    if math.abs(most[8] - since) < most[7] then
      said.order[#said.order + 1], said.times[form], said.since[form] = form, tonumber(times), since
    end
  end
  return said
end

local function heard(said, voice) return string.find(said.voices, voice, 1, true) end

local function echoes(said, voice, form)
  local times = said.times[form]
  return times and most[6] > 0 and times >= most[6] and heard(said, voice)
end

local function note(said, voice, form)
  local times = said.times[form]
  if form == BLANK then return end
  if not heard(said, voice) then
    said.voices = string.sub(said.voices .. ' ' .. voice, -REMEMBERED * (VOICE + 1))
  end
  if not times then
    if #said.order >= REMEMBERED then said.times[table.remove(said.order, 1)] = nil end
    said.order[#said.order + 1], said.since[form], times = form, AT, 0
  end
  said.times[form] = times + 1
end

local function forms_of(said)
  local parts = {}
  for i, form in ipairs(said.order) do parts[i] = form .. ' ' .. said.times[form] .. ' ' .. said.since[form] end
  return table.concat(parts, ' ')
end
