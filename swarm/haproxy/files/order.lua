-- A control job: waits until every proxy meets the conditions of BLUEGREEN_ORDER, then tells all of them
-- their route at once. order.go says what an order holds, report.go what is printed.
local PORT = tonumber(os.getenv("BLUEGREEN_PORT"))
local CLOSING = 2000  -- ms: how long closed connections may take to go
local ABREAST = 128   -- how many proxies are asked at a time
local QUICK = 5000    -- ms: how long a port that has answered once may take to answer again

local order = { wait = 10000, proxies = {}, conditions = {}, routes = {}, froms = {}, closings = {}, looks = {} }

local function clock()
  local t = core.now()
  return t.sec * 1000 + t.usec / 1000
end

local function say(...)
  io.stdout:write(table.concat({ ... }, " "), "\n")
  io.stdout:flush()
end

local function read(text)
  for line in text:gmatch("[^\n]+") do
    local f = {}
    for word in line:gmatch("%S+") do f[#f + 1] = word end
    if f[1] == "wait" then order.wait = tonumber(f[2])
    elseif f[1] == "silence" then order.silence = tonumber(f[2])
    elseif f[1] == "proxy" then table.insert(order.proxies, { service = f[2], address = f[3], said = {} })
    elseif f[1] == "until" then
      table.insert(order.conditions, { service = f[2], color = f[3], kind = f[4], addresses = table.move(f, 5, #f, 1, {}) })
    elseif f[1] == "route" then order.routes[f[2]] = f[3]
    elseif f[1] == "from" then order.froms[f[2]] = tonumber(f[3])
    elseif f[1] == "watch" then order.watch = tonumber(f[2])
    elseif f[1] == "close" then table.insert(order.closings, { service = f[2], color = f[3] })
    elseif f[1] == "look" then
      table.insert(order.looks, { service = f[2], color = f[3], address = f[4], port = f[5], mode = f[6] })
    else error("unknown instruction: " .. line) end
  end
end

-- Runs f for each item of a list, the proxies if none is given, side by side, until all have returned. Only so many at a
-- time: thousands of connects at once would all be too late.
local function each(f, list)
  list = list or order.proxies
  local left, turn = #list, 0
  for _ = 1, math.min(ABREAST, #list) do
    core.register_task(function()
      while turn < #list do
        turn = turn + 1
        local ok, err = pcall(f, list[turn])
        if not ok then say("error", tostring(err)) end
        left = left - 1
      end
    end)
  end
  while left > 0 do core.msleep(1) end
end

-- The first packet to an overlay address that was not used lately may be lost: better to connect anew soon than to
-- wait a second for the kernel to repeat it.
local function connect(at, patience)
  local began, s = clock()
  repeat
    s = core.tcp()
    s:settimeout(0.15)
    if s:connect(at.address, tonumber(at.port or PORT)) then s:settimeout(3); return s end
    s:close()
    core.msleep(20)
  until clock() - began > patience
end

-- The service is named, since the address may have gone to a proxy of another one meanwhile.
local function request(s, proxy, line, body)
  s:send(line .. " HTTP/1.0\r\nbluegreen-service: " .. proxy.service .. "\r\ncontent-length: " .. #body .. "\r\n\r\n" .. body)
end

-- The body of an answer, nil and the cause if there was none.
local function answer(s)
  local text = s:receive("*a")
  s:close()
  local status, body = (text or ""):match("^HTTP/%S+ (%d+).-\r\n\r\n(.*)")
  if not status then return nil, "no answer" end
  if status ~= "200" then return nil, "answered " .. status .. " " .. (body:sub(1, 200):gsub("%c", " ")) end
  return body
end

-- What conditions need of a proxy's state: for each color its requests in flight, and its servers by port.
local function parse(body)
  local state = { text = body, flight = {}, ports = {} }
  for line in body:gmatch("[^\n]+") do
    local color, port, rest = line:match("^%l+ (%S+) (%S+) (.+)")
    if line:find("^backend ") then
      state.flight[color] = (state.flight[color] or 0) + tonumber(rest)
      state.ports[color] = state.ports[color] or {}
      state.ports[color][port] = state.ports[color][port] or {}
    elseif line:find("^server ") then
      local address, status, check, why = rest:match("^(%S+) (%S+) (%S+) %S+ ?(.*)")
      state.ports[color][port][address] = { passed = status == "UP" and check:find("OKC?$"), gone = status == "DOWN" and check:find("^L4"), text = status .. " " .. check .. " " .. why }
    end
  end
  return state
end

-- The lines of a state that count from when its proxy began.
local function counters(text)
  local list = {}
  for line in text:gmatch("[^\n]+") do
    if line:find("^total ") or line:find("^held ") then list[#list + 1] = line end
  end
  return list
end

local function ask(proxy, patience)
  proxy.state, proxy.why = nil, "no connection"
  local s = connect(proxy, patience)
  if not s then return end
  request(s, proxy, "GET /state", "")
  local body, why = answer(s)
  local ok, state = pcall(parse, body or "")
  if body and not ok then why = "an answer that is not understood" end
  proxy.state, proxy.why = body and ok and state or nil, why
  proxy.began = proxy.began or proxy.state and counters(body)
end

-- What each kind of condition still lacks: a list of { what, why }.
local lacks = {
  ready = function(state, c)
    local lack, wanted = {}, {}
    for _, a in ipairs(c.addresses) do wanted[a] = true end
    if not state.ports[c.color] then lack[1] = { "-", "the proxy has no such color" } end
    for port, servers in pairs(state.ports[c.color] or {}) do
      for a in pairs(wanted) do
        local s = servers[a]
        if not s then lack[#lack + 1] = { a .. ":" .. port, "not known yet" }
        elseif not s.passed then lack[#lack + 1] = { a .. ":" .. port, s.text } end
      end
      for a in pairs(servers) do
        if not wanted[a] then lack[#lack + 1] = { a .. ":" .. port, "still known" } end
      end
    end
    return lack
  end,
  -- Where the name server does not answer for a name without tasks, addresses are known for long after; but one that
  -- nothing listens at any more must pass a check again before it counts, just as a new one.
  empty = function(state, c)
    local lack = {}
    for port, servers in pairs(state.ports[c.color] or {}) do
      for a, s in pairs(servers) do
        if not s.gone then lack[#lack + 1] = { a .. ":" .. port, s.text } end
      end
    end
    return lack
  end,
  idle = function(state, c)
    local n = state.flight[c.color] or 0
    return n > 0 and { { "-", n .. " in flight" } } or {}
  end,
}

-- Asks a proxy and judges the conditions on its service; tells what changed since it was last judged.
local function judge(proxy)
  ask(proxy, 500)
  local said = {}
  proxy.unmet = 0
  for _, c in ipairs(order.conditions) do
    if c.service == proxy.service then
      local lack = proxy.state and lacks[c.kind](proxy.state, c) or { { "-", "unreachable: " .. proxy.why } }
      local about = table.concat({ proxy.service, proxy.address, c.color, c.kind }, " ")
      proxy[c] = #lack == 0
      if #lack == 0 then lack[1] = false else proxy.unmet = proxy.unmet + 1 end
      for _, l in ipairs(lack) do
        local line = l and table.concat({ "unmet", about, l[1], l[2] }, " ") or "met " .. about
        said[line] = true
        if not proxy.said[line] then say(line) end
      end
    end
  end
  proxy.said = said
end

local function met()
  each(judge)
  local unmet = 0
  for _, proxy in ipairs(order.proxies) do unmet = unmet + proxy.unmet end
  return unmet == 0
end

local function wait(milliseconds)
  local began = clock()
  while true do
    if met() then return true end
    if clock() - began > milliseconds then return false end
    core.msleep(100)
  end
end

-- Closes what is in flight on each color that was to be idle and is not. False if there was nothing of the kind.
local function close()
  local some = false
  for _, c in ipairs(order.conditions) do
    for _, closing in ipairs(order.closings) do
      if c.kind == "idle" and c.service == closing.service and c.color == closing.color then
        each(function(proxy)
          if proxy.service ~= c.service or proxy[c] or not proxy.state then return end
          some = true
          local s = connect(proxy, 500)
          if s then request(s, proxy, "POST /close", c.color); answer(s) end
        end)
      end
    end
  end
  return some
end

-- Closes again and again: HAProxy 2.6 sends a GET that was closed once more, up to the number of its retries.
local function force()
  local began = clock()
  while clock() - began < CLOSING and close() do
    core.msleep(100)
    if met() then return true end
  end
  return false
end

-- Whether no proxy has gone on to a later route than the one that its service is to leave, as when its guard took the
-- traffic back.
local function follow()
  if not next(order.froms) then return true end
  local ok = true
  each(function(proxy)
    ask(proxy, 500)
    local r = proxy.state and proxy.state.text:match("^route (%S+)") or ""
    local from = order.froms[proxy.service]
    if from and (tonumber(r:match("^%d+")) or 0) > from and r ~= order.routes[proxy.service] then
      ok = false
      say("beyond", proxy.service, proxy.address, r)
    end
  end)
  return ok
end

-- Prints every second what the proxies of each service count of each color, until one of them has taken the traffic back.
local function watch()
  local began, ended = clock(), false
  while not ended and clock() - began < order.watch do
    local sums = {}
    each(function(proxy)
      ask(proxy, 500)
      for line in (proxy.state and proxy.state.text or ""):gmatch("[^\n]+") do
        local color, requests, failed, time = line:match("^figures (%S+) (%d+) (%d+) (%d+)")
        if color then
          local key = proxy.service .. " " .. color
          sums[key] = sums[key] or { 0, 0, 0 }
          local s = sums[key]
          s[1], s[2], s[3] = s[1] + requests, s[2] + failed, s[3] + requests * time
        end
        ended = ended or line:find("^route %d+:%l+:[^:]*:[^:]*:tripped$") ~= nil
      end
    end)
    for key, s in pairs(sums) do
      say("figures", key, string.format("%d %d %.0f", s[1], s[2], s[1] > 0 and s[3] / s[1] or 0))
    end
    say("second")
    if not ended then core.msleep(1000) end
  end
end

-- All connections stand before the first of these proxies is told, so that they are told within a millisecond or two.
local function tell_these(proxies)
  local began, connecting, told, last = clock(), #proxies, nil, 0
  each(function(proxy)
    local r = order.routes[proxy.service]
    local s = r and connect(proxy, 2000)
    connecting = connecting - 1
    if not s then return end
    while connecting > 0 do core.msleep(1) end
    told = told or clock()
    request(s, proxy, "POST /route", r)
    local body, why = answer(s)
    proxy.outcome, proxy.acknowledged = body and body:match("^%l+") or "refused", clock() - told
    last = math.max(last, proxy.acknowledged)
  end, proxies)
  return (told or clock()) - began, last
end

-- Tells all, so many at a time as can be connected to before the first of them closes a connection that says nothing.
local function tell()
  local connected, told = 0, 0
  for first = 1, #order.proxies, ABREAST do
    local c, t = tell_these(table.move(order.proxies, first, math.min(first + ABREAST - 1, #order.proxies), 1, {}))
    connected, told = connected + c, told + t
  end
  return connected, told
end

-- What is asked on a port to find out what it speaks: a request, the beginning of HTTP/2 with an empty SETTINGS frame
-- (RFC 9113, 3.4), and a ClientHello of TLS 1.2 (RFC 5246, 7.4.1.2) with a few cipher suites that any server knows one of.
local questions = {
  http = "HEAD / HTTP/1.1\r\nHost: %s\r\nUser-Agent: docker-bluegreen\r\nAccept: */*\r\nConnection: close\r\n\r\n",
  h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
  tls = "\22\3\1\0\51\1\0\0\47\3\3" .. ("docker-bluegreen"):rep(2) .. "\0\0\8\192\47\192\43\0\156\0\47\1\0",
}

-- What a port answers to a question: its first bytes, nil if nothing could be connected to, empty if it said nothing
-- within silence (ms, none for that of the order) or closed the connection.
local function asked(l, question, silence)
  local s = connect(l, 300)
  if not s then return nil end
  s:settimeout(math.min(silence or order.silence, order.silence) / 1000)
  s:send(question)
  local text = ""
  while #text < 24 do
    local byte = s:receive(1)
    if not byte or byte == "" then break end
    text = text .. byte
  end
  s:close()
  return text
end

local function is_http(text) return (text or ""):find("^HTTP/1%.") ~= nil end
local function is_tls(text) return (text or ""):find("^[\21\22]\3") ~= nil end

-- What a port speaks: http, h2, tls, other, silent, or nil if nothing listens yet.
local function speaks(l)
  local text = asked(l, questions[l.mode]:format(l.service))
  if not text then return nil end
  if is_tls(text) then return "tls" end
  if text:find("^..." .. "\4") then return "h2" end
  -- What speaks TLS often has a word of HTTP for who does not: that it is wrong here, or where to go.
  local status = text:match("^HTTP/1%.%d (%d)")
  if status and status ~= "3" and status ~= "4" then return "http" end
  local hello = asked(l, questions.tls, status and QUICK)
  if is_tls(hello) then return "tls" end
  -- What closes on a request for another host may still answer a wrong one.
  if status or text == "" and is_http(hello) then return "http" end
  return text == "" and "silent" or "other", text
end

-- Looks at each port until something listens there, and says what it is.
local function look()
  local began, all = clock(), true
  each(function(l)
    local about = table.concat({ l.service, l.address, l.color, "speaks" }, " ")
    local told = false
    while true do
      local what, text = speaks(l)
      if what then
        if told then say("met", about) end
        say("saw", l.service, l.address, l.port, what, ((text or ""):gsub("[^%g ]", ".")))
        return
      end
      if not told then say("unmet", about, l.address .. ":" .. l.port, "nothing listens there") end
      told = true
      if clock() - began > order.wait then all = false; return end
      core.msleep(100)
    end
  end, order.looks)
  return all
end

local function report(proxy)
  local about = proxy.service .. " " .. proxy.address
  if not proxy.state then say("unreachable", about, proxy.why) end
  for line in (proxy.state and proxy.state.text or ""):gmatch("[^\n]+") do say("state", about, line) end
  for _, line in ipairs(proxy.began or {}) do say("began", about, line) end
  if proxy.outcome then say("told", about, proxy.outcome, string.format("%.2f", proxy.acknowledged)) end
end

local function run()
  local parts = { os.getenv("BLUEGREEN_ORDER") or error("BLUEGREEN_ORDER is not set") }
  -- What is longer than one variable can hold goes on in the next.
  while os.getenv("BLUEGREEN_ORDER_" .. #parts) do parts[#parts + 1] = os.getenv("BLUEGREEN_ORDER_" .. #parts) end
  read(table.concat(parts))
  local began = clock()
  local ok
  if #order.looks > 0 then ok = look() else ok = #order.conditions == 0 or wait(order.wait) or force() end
  local waited, connected, told = clock() - began, 0, 0
  if order.watch then watch() end
  ok = ok and follow()
  if ok and next(order.routes) then connected, told = tell() end
  each(function(proxy) ask(proxy, 500) end)
  for _, proxy in ipairs(order.proxies) do report(proxy) end
  say("done", ok and "met" or "unmet", string.format("%.2f %.2f %.2f", waited, connected, told))
end

-- The exit code is 0 whatever happens, since the swarm would run a failed job again.
core.register_task(function()
  local ok, err = pcall(run)
  if not ok then say("error", tostring(err)) end
  os.exit(0)
end)
