-- Notes: what own rows count that found no place, in the trace's use. w has a line for each "kind system reason": count,
-- last moment, and the JSON of the first; h the ids of the last of them, so that a row that comes again is noted once.
-- stores/notes.py tells the same in Python.
local LINES, HEARD, LARGEST = 8, 32, 2 ^ 53
local REST = 'suppressed - other'

local function read_notes(use)
  local had = redis.call('HMGET', use, 'w', 'h')
  local notes = { heard = {}, known = {}, order = {}, count = {}, last = {}, body = {} }
  for id in string.gmatch(had[2] or '', '[^\n]+') do notes.heard[#notes.heard + 1], notes.known[id] = id, true end
  for key, count, last, body in string.gmatch(had[1] or '', '(%S+ %S+ %S+) (%d+) (%S+) ([^\n]*)') do
    notes.order[#notes.order + 1], notes.count[key], notes.last[key] = key, tonumber(count), tonumber(last)
    notes.body[key] = body
  end
  return notes
end

local function word(value)
  return type(value) == 'string' and value ~= '' and string.gsub(value, '[ \t-\r]', '_') or '-'
end

local function note(notes, id, body)
  local row = cjson.decode(body)
  local key = table.concat({ word(row.kind), word(row.system), word(row.why) }, ' ')
  if not notes.count[key] and #notes.order >= LINES then key = REST end
  if not notes.count[key] then
    notes.order[#notes.order + 1], notes.count[key], notes.last[key] = key, 0, row.timestamp
    notes.body[key] = string.gsub(body, '\n', ' ')
  end
  notes.count[key] = math.min(notes.count[key] + (tonumber(row.count) or 1), LARGEST)
  notes.last[key] = math.max(notes.last[key], tonumber(row.last_timestamp) or row.timestamp)
  notes.heard[#notes.heard + 1], notes.known[id] = id, true
  if #notes.heard > HEARD then notes.known[table.remove(notes.heard, 1)] = nil end
end

local function save_notes(use, notes)
  local lines = {}
  for i, key in ipairs(notes.order) do
    lines[i] = string.format('%s %.0f %.3f %s', key, notes.count[key], notes.last[key], notes.body[key])
  end
  redis.call('HSET', use, 'w', table.concat(lines, '\n'), 'h', table.concat(notes.heard, '\n'))
end
