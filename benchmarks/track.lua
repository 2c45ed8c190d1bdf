-- wrk script: POST /track with prepared page views of 1,000 visitors. Argument: the project's token.
local requests, next_request = {}, 0

function init(args)
  local headers = {
    ["Content-Type"] = "text/plain", ["Origin"] = "https://shop.example", ["Accept-Language"] = "en-GB,en;q=0.9",
    ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  }
  for i = 1, 1000 do
    local body = string.format(
      '{"token":"%s","sent_at":1767225600000,"type":"track","event":"page_view","message_id":"0199c2a0-7f00-7000-8000-%012d",' ..
      '"tracking_id":"0199c2a0-0000-7000-8000-%012d","session_id":"0199c2a0-1111-7000-8000-%012d","timestamp":1767225600000,' ..
      '"properties":{"logged_in":false,"page_type":"product"},"context":{"url":"https://shop.example/product/%d?utm_source=news",' ..
      '"referrer":"https://www.google.com/","title":"Gift shop number %d","screen":"1440x900","language":"en-GB",' ..
      '"time_zone":"Europe/London","gpc":false},"source":"web","library":"tag/1.0.0"}', args[1], i, i, i, i, i)
    requests[i] = wrk.format("POST", "/track", headers, body)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency)
  io.write(string.format("per_second %d bad %d p95_us %d\n", summary.requests / summary.duration * 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.status,
    latency:percentile(95)))
end
