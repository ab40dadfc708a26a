-- Runs inside a proxy of a service with a guard, beside bluegreen.lua: watches what the new color answers while the
-- route says so, and takes the traffic back to the old color by itself when too much of it is wrong.
-- The GUARD of a route is "UNTIL-GROUP": until when it watches, in seconds since 1970, with 0 for as long as the route holds,
-- and what the services have in common that go back together. That of a route that a guard has made is "tripped".
local B = bluegreen
local WINDOW = tonumber(os.getenv("BLUEGREEN_GUARD_WINDOW")) -- ms: how far it looks back
local BAKE = tonumber(os.getenv("BLUEGREEN_GUARD_BAKE"))     -- ms: how long it watches a color that has all traffic
local ERRORS = tonumber(os.getenv("BLUEGREEN_GUARD_ERRORS")) -- percent: more of the answers must not fail
local LATENCY = tonumber(os.getenv("BLUEGREEN_GUARD_LATENCY")) -- ms: the mean time to an answer must not be longer; 0: whatever it is
local REQUESTS = tonumber(os.getenv("BLUEGREEN_GUARD_REQUESTS")) -- fewer answers say nothing
local EVERY = 500     -- ms between two looks
local AVERAGED = 512  -- HAProxy's rtime is the mean of the answers up to that number, and moves by 1/512 for each one after it
local LONGEST = 120   -- bytes of a reason
local TELLS = 30      -- how often another proxy is told of a trip, once a second, until it answers
local OTHER = { blue = "green", green = "blue" }

local guard           -- of the route in force: { color, back, group, route, since, lasts }; nil while nothing is watched
local reason          -- why this proxy, or one that told it, went back; it is forgotten with the next route
local gone = {}       -- why services have gone back that share a group, by group: one may hear of it before it has its route
local samples = {}    -- the oldest first; each has a time, and by color what the backends have counted until then

local STATUS = { "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other" }

local function answers(stats)
  local n = 0
  for _, key in ipairs(STATUS) do n = n + (stats[key] or 0) end
  return n
end

-- What the backends of a color have counted. An answer that was not given to a client who went away is no failure.
local function counted(color)
  local ports = {}
  for port, p in pairs(B.colors[color] or {}) do
    local s = p.backend:get_stats()
    local c = { requests = s.stot, failed = s.econ + s.srv_abrt, waiting = 0, done = 0, rtime = 0 }
    if s.mode ~= "tcp" then
      c.failed, c.done, c.rtime = s.hrsp_5xx + s.srv_abrt, s.req_tot, s.rtime or 0
      -- Those that wait for the header of their answer. A server counts an answer when its header is there, a backend when all is
      -- over, also one that it had to make itself. Who breaks a download off is counted as one who did not wait: that goes into
      -- both of two counts.
      local begun = 0
      for _, slot in ipairs(p.slots) do begun = begun + answers(slot.server:get_stats()) end
      c.waiting = s.scur + s.qcur - begun + answers(s) - s.econ - s.eresp + s.srv_abrt - s.cli_abrt
    end
    ports[port] = c
  end
  return ports
end

-- The mean time to an answer, in ms, of those between two counts: what must have come for the average to move as it did.
-- HAProxy rounds it, so this is the least that it can have been.
local function mean(before, now)
  local r0, r1 = before.done, now.done
  if r1 == r0 then return 0 end
  local old, later = math.min(r0, AVERAGED), math.max(r1 - math.max(r0, AVERAGED), 0)
  local fresh = math.min(r1, AVERAGED) - old
  local size = math.min(r1, AVERAGED)
  local kept = (1 - 1 / AVERAGED) ^ later
  local weight = fresh / size * kept + 1 - kept
  return math.max((now.rtime - 1 - before.rtime * old / size * kept) / weight, 0)
end

-- What a color has answered since a sample: the number of requests, of those that failed, and the mean time to an answer.
-- Where there is a limit for that time, a request that still waits after it has failed, too.
local function figures(color)
  local first, last = samples[1], samples[#samples]
  local requests, failed, time = 0, 0, 0
  if not first then return 0, 0, 0 end
  local recent = first  -- the last sample that is as old as an answer may take
  for _, s in ipairs(samples) do
    if B.since(s.at) - B.since(last.at) >= LATENCY + EVERY then recent = s end
  end
  for port, now in pairs(last[color]) do
    local before, late = first[color][port], recent[color][port]
    local n = now.requests - before.requests
    local overdue = 0
    if LATENCY > 0 and recent ~= last then
      overdue = math.max(0, now.waiting - before.waiting - (now.requests - late.requests))
    end
    requests, failed = requests + n, failed + now.failed - before.failed + overdue
    time = time + n * mean(before, now)
  end
  return requests, failed, requests > 0 and time / requests or 0
end

local function sample()
  local s = { at = core.now() }
  for color in pairs(OTHER) do s[color] = counted(color) end
  samples[#samples + 1] = s
end

-- Begins, or ends, to watch with a new route. told says that it came by an order: then the clocks of two machines need
-- not agree.
local function begin(r, told)
  local _, color, share, _, what = table.unpack(B.fields(r))
  if what ~= "tripped" then reason = nil end
  samples, guard = {}, nil
  local limit, group = (what or ""):match("^(%d+)%-?(%w*)$")
  if not limit then return end
  guard = { route = r, group = group, since = core.now(), color = color, back = OTHER[color], lasts = BAKE }
  if (tonumber(share) or 0) > 0 then guard.color, guard.back, guard.lasts = OTHER[color], color, math.huge
  elseif not told then guard.lasts = math.min(BAKE, (tonumber(limit) - os.time()) * 1000) end
  sample()
end

local function watches() return guard and B.since(guard.since) < guard.lasts end

-- All proxies with a guard in this stack, those of this service first.
local function others()
  local list, known = B.peers(), {}
  for _, a in ipairs(list) do known[a] = true end
  for _, a in ipairs(B.members("guards")) do
    if not known[a] then list[#list + 1] = a end
  end
  return list
end

-- Whether a color has a task behind each of its ports.
local function serves(color)
  for _, p in pairs(B.colors[color] or {}) do
    if p.backend:get_stats().act == 0 then return false end
  end
  return B.colors[color] ~= nil
end

-- Takes the traffic back, and tells others. The sequence is one that no command gives: after a guarded route, those leave
-- it out. Where nobody could serve, traffic stays where it is.
local function trip(why, tells)
  local g = guard
  if not serves(g.back) then
    if not g.stuck then core.log(core.alert, "the guard would give the traffic to " .. g.back .. ", of which no task is up: " .. why) end
    g.stuck = true
    return
  end
  local r = string.format("%d:%s::%s:tripped", B.sequence(g.route) + 1, g.back, B.fields(g.route)[4] or "")
  reason = why:gsub("%c", " "):sub(1, LONGEST)
  if not B.take(r) then return end
  core.log(core.warning, "the guard gives the traffic to " .. g.back .. ": " .. reason)
  local text = table.concat({ r, g.group == "" and "-" or g.group, reason }, " "):sub(1, B.LONGEST)
  for _, address in ipairs(tells()) do
    core.register_task(function()
      for try = 1, TELLS do
        if B.call(address, "POST /trip", text, 1) then return end
        if try == 1 then core.log(core.warning, address .. " does not hear of that yet") end
        core.msleep(1000)
      end
    end)
  end
end

-- Goes back with the others of its group, if they have.
local function follow()
  local why = guard and gone[guard.group]
  if why then trip(why, B.peers) end
  return why
end

local function look()
  sample()
  while #samples > 2 and B.since(samples[2].at) >= WINDOW do table.remove(samples, 1) end
  if follow() or not watches() then return end
  local requests, failed, time = figures(guard.color)
  if requests < REQUESTS then return end
  if failed * 100 > ERRORS * requests then
    trip(string.format("%d of %d requests to %s failed within %.1f s, more than %g %%", failed, requests, guard.color, B.since(samples[1].at) / 1000, ERRORS), others)
  elseif LATENCY > 0 and time > LATENCY then
    trip(string.format("answers of %s took %.0f ms on average, more than %d ms", guard.color, time, LATENCY), others)
  end
end

B.ontake[#B.ontake + 1] = begin

B.onstate[#B.onstate + 1] = function(add)
  if guard then
    for color in pairs(B.colors) do
      local requests, failed, time = figures(color)
      add("figures", color, requests, failed, string.format("%.0f", time))
    end
  end
  if reason then add("tripped", reason) end
end

-- One of this service has gone back, or one of a service that shares its fate.
B.answers["POST /trip"] = function(request)
  local r, group, why = B.body(request):match("^(%S+) (%S+) (.*)$")
  local named = request.headers["bluegreen-service"]
  local service = named and named[0] or ""
  if not r then return 400, "not a trip" end
  if service == B.SERVICE then
    local wrong = B.wrong(r)
    if wrong then return 400, wrong end
    if B.take(r) or B.route() == r then reason = reason or why end
  elseif group ~= "-" then
    gone[group] = gone[group] or "with service " .. service .. ": " .. why
    follow()
  end
  return 200, B.route()
end

core.register_init(function() begin(B.route()) end)

core.register_task(function()
  local failed = false  -- it is said once
  while true do
    core.msleep(EVERY)
    local ok, err = pcall(function() if guard then look() end end)
    if not ok and not failed then core.log(core.alert, "the guard cannot judge: " .. tostring(err)) end
    failed = not ok
  end
end)
