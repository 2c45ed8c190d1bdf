-- wrk script: batches of shop events with message ids of their own. Arguments: token, events a batch, a run's name.
local counter = 0
local thread_counter = 0

function setup(thread)
  thread_counter = thread_counter + 1
  thread:set("number", thread_counter)
end

function init(args)
  token, size, run = args[1], tonumber(args[2]), args[3]
  path = size == 1 and "/track" or "/batch"
  math.randomseed(number * 7919)
  template = '"event":"%s","message_id":"%s-%d-%d","tracking_id":"%s-visitor-%d","timestamp":%d,' ..
    '"properties":{%s},"context":{"url":"https://shop.example/%s/%d?utm_source=news&utm_medium=email",' ..
    '"referrer":"https://www.google.com/","title":"Gift shop number %d","screen":"1440x900",' ..
    '"language":"en-GB","time_zone":"Europe/London"},"library":"tag/1.0.0"'
end

local function event()
  counter = counter + 1
  local visitor = math.random(1, 5000)
  local kind = math.random(1, 100)
  local name, place, properties = "page_view", "page", ""
  if kind > 97 then
    name, place = "order", "thanks"
    properties = string.format('"order_id":"%s-%d-%d","cart_id":"c%d","total":"29.90","subtotal":"24.90",' ..
      '"line_items":[{"sku":"22196","name":"Measuring spoons","price":"4.95","qty":2},' ..
      '{"sku":"22195","name":"Large spoons","price":"15.00","qty":1}]', run, number, counter, visitor)
  elseif kind > 90 then
    name, place = "cart_add", "cart"
    properties = string.format('"cart_id":"c%d","sku":"22196","price":"4.95","qty":2', visitor)
  elseif kind > 50 then
    name, place = "product_view", "product"
    properties = string.format('"sku":"%d","name":"Vintage cushion %d","price":"4.95",' ..
      '"categories":["home","cushions"]', visitor % 800, visitor % 800)
  end
  return string.format(template, name, run, number, counter, run, visitor, os.time() * 1000, properties,
    place, visitor % 800, visitor % 800)
end

function request()
  if size == 1 then
    return wrk.format("POST", path, {["Content-Type"] = "text/plain", ["User-Agent"] = agent}, '{"token":"' .. token .. '",' .. event() .. '}')
  end
  local events = {}
  for i = 1, size do events[i] = "{" .. event() .. "}" end
  return wrk.format("POST", path, {["Content-Type"] = "text/plain", ["User-Agent"] = agent},
    '{"token":"' .. token .. '","events":[' .. table.concat(events, ",") .. ']}')
end

agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"

function done(summary, latency, requests)
  io.write(string.format("requests %d errors %d bad %d p95_us %d\n", summary.requests,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.errors.status, latency:percentile(95)))
end
