-- Runs inside every proxy: keeps the route, takes a newer one from an order or from its peers, holds
-- requests until the route can be trusted, and answers on the control port.
-- A route is "SEQUENCE:COLOR:SHARE:STATE:GUARD", with the other color's share in percent; what is missing at its end is
-- nothing. It is replaced only by one of a higher sequence.
local MAP, SERVICE = os.getenv("BLUEGREEN_MAP"), os.getenv("BLUEGREEN_SERVICE")
local CHECKED = tonumber(os.getenv("BLUEGREEN_CHECKED"))  -- ms: a check begins and ends within this time
local MEET = 3000     -- ms: the longest wait for the peers' routes after start
local SETTLE = 10000  -- ms: the longest wait, after that, for a server of the active color
local LINGER = tonumber(os.getenv("BLUEGREEN_LINGER"))    -- ms: how long connections may still be led here after the signal to stop
local JUMP = 1000000  -- a route whose sequence is higher than this proxy's own by more than that is nobody's
local LONGEST = 200   -- bytes of a body on the control port; no order needs more
local NETWORK, BITS = (os.getenv("BLUEGREEN_CONTROL_SUBNET") or ""):match("^(%d+%.%d+%.%d+%.%d+)/(%d+)$")
if not NETWORK then error("BLUEGREEN_CONTROL_SUBNET is not a subnet such as 10.0.3.0/24") end

local map
local started = core.now()
local met, open, ready = false, false, false
local colors = {}     -- color -> port -> { backend, slots of its server template }

local function since(t)
  local now = core.now()
  return (now.sec - t.sec) * 1000 + (now.usec - t.usec) / 1000
end

core.register_init(function()
  map = Map.new(MAP, Map._str)
  for name, backend in pairs(core.backends) do
    local color, port = name:match("^(%l+)_(%d+)$")
    if color then
      local slots = {}
      for _, server in pairs(backend.servers) do slots[#slots + 1] = { server = server } end
      colors[color] = colors[color] or {}
      colors[color][port] = { backend = backend, slots = slots }
    end
  end
end)

local function route() return map:lookup(SERVICE) or "" end
local function sequence(r) return math.tointeger(tonumber(r:match("^(%d+):"))) or -1 end

-- The fields of a route, empty ones too.
local function fields(r)
  local list = {}
  for field in (r .. ":"):gmatch("(.-):") do list[#list + 1] = field end
  return list
end

local function active() return route():match("^%d+:(%l+)") end

-- Why a route that came from somewhere else must not be taken, nil if it may.
local function wrong(r)
  local color = r:match("^%d+:(%l+)$") or r:match("^%d+:(%l+):[%w:._-]*$")
  local share = r:match("^%d+:%l+:([^:]*)") or ""
  if sequence(r) < 0 or color ~= "blue" and color ~= "green" then return "not a route" end
  if share ~= "" and not (share:find("^%d%d?$")) then return "not a share" end
  -- As a float, so that no sequence is so high that the sum begins again at the lowest number.
  if sequence(r) > sequence(route()) + JUMP * 1.0 then return "too far ahead of " .. route() end
end

local ontake = {}     -- functions that are told of each new route

-- No yield may come between the comparison and the change. told says that an order brought the route.
local function take(r, told, applet)
  if sequence(r) <= sequence(route()) then return false end
  core.set_map(MAP, SERVICE, r)
  for _, f in ipairs(ontake) do f(r, told, applet) end
  return true
end

-- The IPv4 address of a server, nil for a slot that has none.
local function address(server)
  local a = (server:get_addr() or ""):match("^[%d%.]+")
  return a ~= "0.0.0.0" and a or nil
end

local function up(slot) return slot.server:get_stats().status:find("^UP") end

-- HAProxy calls a task up before its first check, and a slot that gets another address keeps the result of the last
-- check of the one before. So a new task is put down until it passes a check, but for the only one that could take
-- traffic: that is "NEW" until it must have been checked. Before the ports open all tasks are new, and none has traffic.
local function watch(port, slot, color)
  local a, before = address(slot.server), slot.address
  slot.address = a or ""
  if a and a ~= before and open then
    local spare = color ~= active()
    for _, other in ipairs(port.slots) do
      spare = spare or other ~= slot and address(other.server) and up(other)
    end
    slot.changed = not spare and core.now() or nil
    if spare then slot.server:check_force_down() end
  end
  return a
end

-- The code of a server's last check; "* " before it says that the next one is under way. One that passed, of a server
-- that is down or changed, tells nothing.
local function check(slot, stats)
  local code = (stats.check_status or ""):match("%S+$") or "-"
  local is_new = not stats.status:find("^UP") or slot.changed and since(slot.changed) < CHECKED
  return is_new and code:find("OKC?$") and "NEW" or code
end

-- Whether a color has a task that passed its check behind each port, or if it is late one behind any port that
-- did not fail it: a port that nobody listens on must not keep the others shut.
local function serves(color, late)
  local some = false
  for _, port in pairs(colors[color] or {}) do
    local found = false
    for _, slot in ipairs(port.slots) do
      local stats = watch(port, slot, color) and slot.server:get_stats()
      if stats and stats.status:find("^UP") and (late or check(slot, stats):find("OKC?$")) then found = true; break end
    end
    if not late and not found then return false end
    some = some or found
  end
  return some
end

local function prefix(a)
  local n = 0
  for byte in a:gmatch("%d+") do n = n << 8 | tonumber(byte) end
  return n >> (32 - tonumber(BITS))
end

-- Asks a control port: the head of its answer and the text, nil if the answer was not 200, or none. patience is how long
-- a connection may take, in seconds.
local function call(at, line, text, patience)
  local s = core.tcp()
  s:settimeout(patience)
  if not s:connect(at:match("^(.*):"), tonumber(at:match("%d+$"))) then s:close(); return nil end
  s:settimeout(1)
  s:send(line .. " HTTP/1.0\r\nbluegreen-service: " .. SERVICE .. "\r\ncontent-length: " .. #text .. "\r\n\r\n" .. text)
  local head, answer = (s:receive("*a") or ""):match("^HTTP/%S+ 200(.-\r\n)\r\n(.*)")
  s:close()
  return head, answer
end

-- What a peer answers to the question for its route: its service and its route, or nil if there was no answer. Older
-- proxies do not name their service.
local function hear(peer)
  local head, text = call(peer, "GET /route", "", 0.2)
  return head and head:match("\r\nbluegreen%-service: (%S+)"), head and text:match("^%S+")
end

local refused = {}  -- what was last refused, by peer: it is logged once

-- Asks one peer for its route and takes it if it is newer. False if there was no answer of this service. An address in
-- DNS may have gone to a proxy of another service; so after the start only those count that say which they are of.
local function ask(peer)
  local service, r = hear(peer)
  if not r then return false end
  local why = (service and service ~= SERVICE or not service and met) and "of service " .. (service or "unknown")
  local known = sequence(r) >= 0 and sequence(r) <= sequence(route())
  why = why or not known and wrong(r)
  if why then
    if refused[peer] ~= r .. why then core.log(core.warning, "route " .. r .. " of peer " .. peer .. " refused: " .. why) end
    refused[peer] = r .. why
    return false
  end
  if take(r) then core.log(core.notice, "route " .. r .. " taken from peer " .. peer) end
  return true
end

-- The addresses on the control network of those that a backend lists.
local function members(backend)
  local found = {}
  for _, server in pairs(core.backends[backend].servers) do
    local a = address(server)
    if a and prefix(a) == prefix(NETWORK) then found[#found + 1] = server:get_addr() end
  end
  return found
end

local function peers() return members("peers") end

-- A route in the label may be older than the task's start: all peers are asked, side by side, before anything is served.
local function meet()
  local answered, asking = {}, {}
  while since(started) < MEET do
    local known, missing = peers(), false
    for _, peer in ipairs(known) do
      if not answered[peer] then
        missing = true
        if not asking[peer] then
          asking[peer] = true
          core.register_task(function() answered[peer] = ask(peer); asking[peer] = nil end)
        end
      end
    end
    if #known > 0 and not missing then break end
    core.msleep(20)
  end
  met = true
end

-- Opens the ports once there is somebody to serve, or nobody came, and calls the proxy ready once there is.
core.register_task(function()
  meet()
  local from = core.now()
  repeat
    local late, color = since(from) > SETTLE, active()
    ready = color ~= nil and serves(color, late)
    open = open or ready or late
    core.msleep(50)
  until ready
end)

core.register_task(function()
  while true do
    for color, ports in pairs(colors) do
      for _, port in pairs(ports) do
        for _, slot in ipairs(port.slots) do watch(port, slot, color) end
      end
    end
    core.msleep(100)
  end
end)

-- One peer a second heals a proxy that an order could not reach.
core.register_task(function()
  local turn = 0
  while true do
    core.msleep(1000)
    local known = peers()
    turn = turn % math.max(#known, 1) + 1
    if known[turn] then ask(known[turn]) end
  end
end)

local function stopping() return core.get_info().Stopping == 1 end

local function connections()
  local n = 0
  for name, frontend in pairs(core.frontends) do
    if name:find("^port_") then n = n + frontend:get_stats().scur end
  end
  return n
end

-- Ends a stopping process as soon as nobody uses it and nobody can be led here any more.
core.register_task(function()
  while not stopping() do core.msleep(250) end
  core.msleep(LINGER)
  while connections() > 0 do core.msleep(100) end
  os.exit(0)
end)

-- Requests pass without Lua while proc.open is there. It is there once the ports are open and the route's STATE is nothing:
-- "hold-SECONDS" lets requests wait for as long at most, "stop-SECONDS-MESSAGE" answers that there is nobody, for about as long;
-- the message is in hexadecimal digits, and without one they get the page.
-- Those that waited go on in the order in which they came, one in a millisecond, or as many as it takes that all have gone after DRAIN
-- milliseconds. Who comes meanwhile goes after them.
local DRAIN = 500
local held = 0                 -- requests that have waited so, since the proxy began
local waiting = { count = 0 }  -- requests since the ports were closed; at: since when they go on, last: how long that takes (ms)

local function state_of(r) return fields(r)[4] or "" end
local function closed() return state_of(route()) ~= "" end

-- When the last of those that waited goes on, in ms from now.
local function drained() return waiting.at and waiting.last - since(waiting.at) or 0 end

-- Whether a connection is for the idle color only: who tries a release is not kept out.
local function is_preview(txn)
  local port = txn.f:fe_name():match("%d+$")
  for _, ports in pairs(colors) do
    if ports[port] then return false end
  end
  return true
end

-- The page that is shown in maintenance; nil for none. It is read here, once: requests wait for no disk.
local PAGE = os.getenv("BLUEGREEN_PAGE")
if PAGE then
  local file, why = io.open(PAGE, "rb")
  if not file then core.Warning("no maintenance page, but words: " .. why) end
  PAGE = file and file:read("a")
  if file then file:close() end
end

-- Answers with a page if there is one, else with a text.
local function refuse(txn, seconds, text, page)
  if txn.http then
    local reply = txn:reply({ status = 503, reason = "Service Unavailable" })
    reply:add_header("retry-after", seconds)
    reply:add_header("cache-control", "no-store")
    reply:add_header("content-type", (page and "text/html" or "text/plain") .. "; charset=utf-8")
    reply:set_body(page or text .. "\n")
    txn:done(reply)
  else
    txn:done()
  end
end

-- What a closed port does with a request, or a connection: it waits, or is refused.
local function wait_or_refuse(txn)
  local came, ticket = core.now(), waiting.count
  waiting.count, held = ticket + 1, held + 1
  while closed() do
    local kind, seconds, message = state_of(route()):match("^(%l+)%-?(%d*)%-?(%x*)$")
    if kind == "stop" then
      local text = message ~= "" and message:gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end) or "Down for maintenance"
      return refuse(txn, seconds ~= "" and seconds or "60", text, message == "" and PAGE)
    elseif kind ~= "hold" then return end
    if since(came) > (tonumber(seconds) or 30) * 1000 then return refuse(txn, "5", "Paused for too long") end
    core.msleep(20)
  end
  local left = waiting.at and math.min(25 + ticket // waiting.batch, waiting.last) - since(waiting.at) or 0
  if left >= 1 then core.msleep(math.floor(left)) end
end

core.register_action("hold", { "http-req", "tcp-req" }, function(txn)
  while not open do core.msleep(20) end
  if not is_preview(txn) and (closed() or drained() > 0) then wait_or_refuse(txn) end
  -- A connection without proc.open is refused, so those of mode tcp do not wait for others.
  if not closed() and (drained() <= 0 or not txn.http) then txn:set_var("proc.open", 1) end
end)

-- Only a request can take proc.open away: a route from a peer needs one of our own.
local function shut(applet)
  if applet then applet:unset_var("proc.open"); return end
  while closed() and not call((os.getenv("BLUEGREEN_LOCAL") or "127.0.0.1") .. ":9899", "POST /shut", "", 1) do core.msleep(100) end
end

local was_closed = false
core.register_init(function() was_closed = closed() end)
ontake[#ontake + 1] = function(_, _, applet)
  if closed() then
    if not was_closed then waiting = { count = 0 } end
    was_closed = true
    if applet then shut(applet) else core.register_task(shut) end
  elseif was_closed then
    was_closed, waiting.at, waiting.batch = false, core.now(), waiting.count // DRAIN + 1
    waiting.last = waiting.count > 0 and 25 + waiting.count // waiting.batch or 0
  end
end

-- What a server's last check met, in words.
local function detail(code, stats)
  if code == "NEW" then return "not checked yet" end
  local words = {}
  for _, key in ipairs({ "check_desc", "check_code", "last_chk" }) do
    local s = tostring(stats[key] or "")
    if s ~= "" then words[#words + 1] = s:gsub("%c", " ") end
  end
  return table.concat(words, ": ")
end

-- What a color has counted since the proxy began: requests, or connections of mode tcp; those that were answered with 5xx, cut off
-- or could not be sent; and how long the slowest took, in ms.
local function totals(color)
  local requests, failed, slowest = 0, 0, 0
  for _, port in pairs(colors[color]) do
    local s = port.backend:get_stats()
    requests = requests + s.stot
    failed = failed + s.srv_abrt + (s.mode == "tcp" and s.econ or s.hrsp_5xx or 0)
    slowest = math.max(slowest, s.ttime_max or 0)
  end
  return requests, failed, slowest
end

local onstate = {}    -- functions that add lines

-- The lines that an order reads and prints: ProxyReport in report.go says what the fields are.
local function state()
  local lines = { "route " .. route(), "flags" .. (met and " met" or "") .. (ready and " ready" or "") .. (stopping() and " stopping" or "") }
  local function add(...) lines[#lines + 1] = table.concat({ ... }, " ") end
  for color, ports in pairs(colors) do
    add("total", color, totals(color))
    for number, port in pairs(ports) do
      local all = port.backend:get_stats()
      add("backend", color, number, all.scur + all.qcur)
      for _, slot in ipairs(port.slots) do
        local a = watch(port, slot, color)
        if a then
          local s = slot.server:get_stats()
          local code = check(slot, s)
          add("server", color, number, a, s.status:match("%S+"), code, s.scur, detail(code, s))
        end
      end
    end
  end
  if closed() then add("waiting", waiting.count) end
  add("held", held)
  for _, f in ipairs(onstate) do f(add) end
  return table.concat(lines, "\n") .. "\n"
end

local function close(color)
  for _, port in pairs(colors[color] or {}) do
    for _, slot in ipairs(port.slots) do slot.server:shut_sess() end
  end
end

-- The body of a request; none if it is too long, or does not say how long it is.
local function body(request)
  local length = request.headers["content-length"]
  length = length and tonumber(length[0]) or math.huge
  return length <= LONGEST and request:receive() or ""
end

local answers = {
  ["GET /route"] = function() return 200, route() end,
  ["POST /route"] = function(request)
    local r = body(request)
    local why = wrong(r)
    if why then return 400, why end
    return 200, (take(r, true, request) and "taken " or "kept ") .. route()
  end,
  ["GET /state"] = function() return 200, state() end,
  ["POST /shut"] = function(request) if closed() then request:unset_var("proc.open") end return 200, "" end,
  ["GET /ready"] = function() return ready and 200 or 503, "" end,
  ["POST /close"] = function(request) close(body(request)); return 200, "" end,
}

-- What other files that are loaded after this one build on.
bluegreen = { LONGEST = LONGEST, SERVICE = SERVICE, answers = answers, body = body, call = call, colors = colors, fields = fields, members = members,
  ontake = ontake, onstate = onstate, peers = peers, route = route, sequence = sequence, since = since, take = take, wrong = wrong }

-- Who names another service has an address that was another proxy's. Who names none is an older job or proxy, or the
-- health check.
core.register_service("control", "http", function(request)
  local named = request.headers["bluegreen-service"]
  local line = (request.method or "") .. " " .. (request.path or "")
  local answer = answers[line]
  local status, text = 404, ""
  if named and named[0] ~= SERVICE and line ~= "POST /trip" then status, text = 421, "this is a proxy of " .. SERVICE
  elseif answer then status, text = answer(request) end
  request:set_status(status)
  request:add_header("bluegreen-service", SERVICE)
  request:add_header("content-length", tostring(#text))
  request:start_response()
  request:send(text)
end)
