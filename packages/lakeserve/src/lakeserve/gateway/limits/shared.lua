-- One decision over all limits that a call meets.
-- KEYS: a hash of tick -> amount per window. ARGV: tokens, then the number of needs; per need its
-- alternatives, per alternative its windows, per window its limit and 1 when it counts tokens.
-- A tick is a second of the server's clock. Answers {1, tick, accepted windows...} or
-- {0, seconds to wait, number of the need, 1 when tokens are lacking}, for the longest wait.
local SECONDS = 60
local now = tonumber(redis.call('TIME')[1])
local position = 1
local function argument()
  position = position + 1
  return tonumber(ARGV[position - 1])
end

local function amounts(key)
  local flat, kept, total = redis.call('HGETALL', key), {}, 0
  for i = 1, #flat, 2 do
    local tick, amount = tonumber(flat[i]), tonumber(flat[i + 1])
    if tick <= now - SECONDS - 1 then
      redis.call('HDEL', key, flat[i])
    else
      kept[#kept + 1] = {tick, amount}
      total = total + amount
    end
  end
  return kept, total
end

local function wait(kept, total, limit)
  if limit <= 0 then return SECONDS end
  table.sort(kept, function(a, b) return a[1] < b[1] end)
  local left = 0
  for _, entry in ipairs(kept) do
    if total < limit then break end
    total = total - entry[2]
    left = entry[1] + SECONDS + 1 - now
  end
  return left
end

local tokens = argument()
local window, accepted, refused = 0, {}, nil
for need = 1, argument() do
  local soonest, has_room = nil, false
  for _ = 1, argument() do
    local longest, lacks, roomy = 0, 0, {}
    for _ = 1, argument() do
      window = window + 1
      local limit, counts_tokens = argument(), argument()
      local kept, total = amounts(KEYS[window])
      if total >= limit then
        local seconds = wait(kept, total, limit)
        if seconds > longest then longest, lacks = seconds, counts_tokens end
        if longest == 0 then longest = 1 end
      else
        roomy[#roomy + 1] = {window, counts_tokens}
      end
    end
    if longest == 0 then
      has_room = true
      for _, entry in ipairs(roomy) do accepted[#accepted + 1] = entry end
    elseif soonest == nil or longest < soonest[1] then
      soonest = {longest, lacks}
    end
  end
  if not has_room then
    if refused == nil then refused = {0, soonest[1], need - 1, soonest[2]} end
    refused[2] = math.max(refused[2], soonest[1])
  end
end
if refused ~= nil then return refused end

local answer = {1, now}
for _, entry in ipairs(accepted) do
  local amount = 1
  if entry[2] == 1 then
    amount = tokens
    answer[#answer + 1] = entry[1] - 1
  end
  redis.call('HINCRBY', KEYS[entry[1]], now, amount)
  redis.call('EXPIRE', KEYS[entry[1]], SECONDS + 2)
end
return answer
