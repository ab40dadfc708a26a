-- Runs inside a proxy of a service with metrics, beside bluegreen.lua: what it does, as Prometheus reads it. The names are documented, so
-- they stay. HAProxy's own counters are at /haproxy.
local B = bluegreen
local STATES = { hold = "paused", stop = "maintenance" }
local trips = 0

-- Each metric: name, type, help.
local METRICS = {
  { "bluegreen_info", "gauge", "1, with the service and the color that the proxy has made active." },
  { "bluegreen_route_sequence", "gauge", "The sequence of the proxy's route. All proxies of a service have the same." },
  { "bluegreen_active", "gauge", "1 for the active color, else 0." },
  { "bluegreen_share_percent", "gauge", "The percentage of the traffic that a color gets." },
  { "bluegreen_state", "gauge", "1 for the state that requests are in: open, paused or maintenance." },
  { "bluegreen_watched", "gauge", "1 while the guard watches a release." },
  { "bluegreen_taken_back", "gauge", "1 while the route is one that a guard has made." },
  { "bluegreen_trips_total", "counter", "How often the proxy took a route that a guard had made." },
  { "bluegreen_requests_total", "counter", "Requests, or connections of mode tcp, that were sent to a color." },
  { "bluegreen_failed_total", "counter", "Those that were answered with 5xx, cut off, or could not be sent." },
  { "bluegreen_in_flight", "gauge", "Requests, or connections of mode tcp, that a color works on." },
  { "bluegreen_response_seconds", "gauge", "The mean time to the header of an answer, over the last answers." },
  { "bluegreen_tasks_up", "gauge", "Tasks of a color that passed their check." },
}

local function value(samples, name, labels, number)
  local list = { string.format('service="%s"', B.SERVICE) }
  for _, l in ipairs(labels) do list[#list + 1] = string.format('%s="%s"', l[1], l[2]) end
  samples[name] = samples[name] or {}
  table.insert(samples[name], string.format("%s{%s} %s", name, table.concat(list, ","), number))
end

local function flag(condition) return condition and 1 or 0 end

local function ports(samples, color)
  for port, p in pairs(B.colors[color] or {}) do
    local s = p.backend:get_stats()
    local labels = { { "color", color }, { "port", port } }
    local failed = s.mode == "tcp" and s.econ + s.srv_abrt or (s.hrsp_5xx or 0) + s.srv_abrt
    value(samples, "bluegreen_requests_total", labels, s.stot)
    value(samples, "bluegreen_failed_total", labels, failed)
    value(samples, "bluegreen_in_flight", labels, s.scur + s.qcur)
    value(samples, "bluegreen_response_seconds", labels, (s.rtime or 0) / 1000)
    value(samples, "bluegreen_tasks_up", labels, s.act)
  end
end

local function text()
  local samples = {}
  local _, active, share, state, guard = table.unpack(B.fields(B.route()))
  share = tonumber(share) or 0
  value(samples, "bluegreen_info", { { "active", active or "" } }, 1)
  value(samples, "bluegreen_route_sequence", {}, B.sequence(B.route()))
  for _, color in ipairs({ "blue", "green" }) do
    value(samples, "bluegreen_active", { { "color", color } }, flag(color == active))
    value(samples, "bluegreen_share_percent", { { "color", color } }, color == active and 100 - share or share)
    ports(samples, color)
  end
  local now = STATES[(state or ""):match("^%l+") or ""] or "open"
  for _, name in ipairs({ "open", "paused", "maintenance" }) do value(samples, "bluegreen_state", { { "state", name } }, flag(name == now)) end
  value(samples, "bluegreen_watched", {}, flag((guard or ""):find("^%d") ~= nil))
  value(samples, "bluegreen_taken_back", {}, flag(guard == "tripped"))
  value(samples, "bluegreen_trips_total", {}, trips)
  local lines = {}
  for _, m in ipairs(METRICS) do
    if samples[m[1]] then
      lines[#lines + 1] = "# HELP " .. m[1] .. " " .. m[3]
      lines[#lines + 1] = "# TYPE " .. m[1] .. " " .. m[2]
      for _, line in ipairs(samples[m[1]]) do lines[#lines + 1] = line end
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local was_tripped = false
B.ontake[#B.ontake + 1] = function(r)
  local is = B.fields(r)[5] == "tripped"
  trips, was_tripped = trips + flag(is and not was_tripped), is
end

core.register_service("metrics", "http", function(applet)
  local body = text()
  applet:set_status(200)
  applet:add_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
  applet:add_header("content-length", tostring(#body))
  applet:start_response()
  applet:send(body)
end)
