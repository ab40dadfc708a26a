-- Exits 0 if the proxy in this container is ready for traffic, else 1.
local function ready()
  local address, port = os.getenv("BLUEGREEN_CONTROL"):match("^(.*):(%d+)$")
  local s = core.tcp()
  s:settimeout(3)
  if not s:connect(address, tonumber(port)) then return false end
  s:settimeout(10)
  s:send("GET /ready HTTP/1.0\r\n\r\n")
  return (s:receive("*l") or ""):find(" 200 ")
end

core.register_task(function()
  local ok, answer = pcall(ready)
  os.exit(ok and answer and 0 or 1)
end)
