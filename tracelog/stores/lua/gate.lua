-- One batch asks for room: clock, repair, refunds, forced charges, decisions, in one atomic step.
-- KEYS: the gate. ARGV: the plan, what is asked (both JSON), and in tests the time in Unix milliseconds.
-- Returns JSON. With a plan `status`, the time and the gate's fields and values.
local clock = redis.call('TIME')
local now = tonumber(ARGV[3]) or clock[1] * 1000 + floor(clock[2] / 1000)
if ARGV[1] == 'status' then return { string.format('%.0f', now), redis.call('HGETALL', gate) } end
local plan, asked, state = cjson.decode(ARGV[1]), cjson.decode(ARGV[2]), redis.call('HGET', gate, 'state')
state = cjson.decode(state or '{"born":0,"head":0,"day":0,"month":0,"level":0,"used":0,"spent":{},"today":{},"totals":{},"seen":{},"servers":{}}')
now = advance(state, now, plan.seen_ms)
for _, repair in ipairs(asked.repair) do
  if repair[1] == state.month and repair[2] > state.used then
    add(state.spent, '@repaired', repair[2] - state.used)
    state.used = repair[2]
  end
end
for _, back in ipairs(asked.refunds) do refund(state, back[1], back[2], back[3], back[4]) end
for _, demand in ipairs(asked.forced) do
  if demand[3] > 0 then
    state.seen[demand[1]] = now
    charge(state, demand[2] == 'critical' and '@critical' or demand[1], demand[1], demand[3])
  end
end
local remaining, filled = decide(plan, state, asked.demands, now)
local was, level = state.level, 0
for _, edge in ipairs({ plan.warn, plan.normal, plan.full }) do if state.used >= edge then level = level + 1 end end
state.level = level
local servers = hear(state, asked.server)
save(state)
return string.format('[[%s],%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%s,%.0f,%s,%.0f]', table.concat(grants, ','), level, was,
  state.head, (state.head + 1) * MINUTE - now, state.month, state.used, json(remaining), state.born, json(filled),
  servers)
