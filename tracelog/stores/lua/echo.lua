-- Echoes: a form that a trace has stored most[6] times within most[7] ms is refused once several said it; a voice that the
-- trace has not heard goes on. A print is a voice and a form, or blank. Of the trace's use, v is its voices, oldest first,
-- and f its forms of this window: form, times, since, who. The time is the server's, most[10], which costs no command.
-- stores/echoes.py tells the same in Python.
local VOICE, PRINT, REMEMBERED = 4, 12, 32
local BLANK = string.rep(' ', PRINT - VOICE)
local AT = string.format('%.0f', most[10])

local function recall(voices, forms)
  local said = { voices = voices or '', order = {}, times = {}, since = {}, who = {} }
  for form, times, since, who in string.gmatch(forms or '', '(%S+) (%d+) (%d+) (%S+)') do
    if math.abs(most[10] - since) < most[7] then
      said.order[#said.order + 1], said.times[form], said.since[form] = form, tonumber(times), since
      said.who[form] = who
    end
  end
  return said
end

local function heard(said, voice) return string.find(said.voices, voice, 1, true) end

local function echoes(said, voice, form)
  local times = said.times[form]
  return times and most[6] > 0 and times >= most[6] and said.who[form] ~= voice and heard(said, voice)
end

local function note_echo(said, voice, form)
  if form == BLANK then return end
  if not heard(said, voice) then said.voices = string.sub(said.voices .. ' ' .. voice, -REMEMBERED * (VOICE + 1)) end
  if not said.times[form] then
    if #said.order >= REMEMBERED then said.times[table.remove(said.order, 1)] = nil end
    said.order[#said.order + 1], said.times[form], said.since[form], said.who[form] = form, 0, AT, voice
  end
  said.times[form] = said.times[form] + 1
  if said.who[form] ~= voice then said.who[form] = '*' end
end

local function forms_of(said)
  local parts, times, since, who = {}, said.times, said.since, said.who
  for i, form in ipairs(said.order) do parts[i] = table.concat({ form, times[form], since[form], who[form] }, ' ') end
  return table.concat(parts, ' ')
end
