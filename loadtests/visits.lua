-- What wrk sends: visitors side by side, each for a few requests, and how every answer is counted.
-- Arguments: a file of credential header lines, a file of paths, the Host, requests of one visit, visitors at a time,
-- and how many bytes an answer of the upstream has.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function lines(path)
  local found = {}
  for line in io.lines(path) do table.insert(found, line) end
  return found
end

function init(args)
  credentials, paths = lines(args[1]), lines(args[2])
  host, visit, visitors, whole = args[3], tonumber(args[4]), tonumber(args[5]), tonumber(args[6])
  seen, sent = {}, 0
end

function request()
  local round, visitor = math.floor(sent / visitors), sent % visitors
  local who = (math.floor(round / visit) * visitors + visitor) % #credentials
  local path = paths[sent % #paths + 1]
  sent = sent + 1
  return "GET " .. path .. " HTTP/1.1\r\nHost: " .. host .. "\r\n" .. credentials[who + 1] .. "\r\n\r\n"
end

function response(status, headers, body)
  local what = tostring(status)
  if status == 200 and #body ~= whole then what = "200 with another body" end
  seen[what] = (seen[what] or 0) + 1
end

function done(summary, latency, requests)
  for _, thread in ipairs(threads) do
    for what, count in pairs(thread:get("seen")) do io.write("status\t", what, "\t", count, "\n") end
    io.write("sent\tall\t", thread:get("sent"), "\n")
  end
  for name, count in pairs(summary.errors) do io.write("error\t", name, "\t", count, "\n") end
  io.write("ms\tp50\t", latency:percentile(50) / 1000, "\n")
  io.write("ms\tp99\t", latency:percentile(99) / 1000, "\n")
  io.write("s\tduration\t", summary.duration / 1e6, "\n")
end
