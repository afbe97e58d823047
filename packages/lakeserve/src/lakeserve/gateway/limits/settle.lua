-- Puts the tokens that were used in the place of an estimate. KEYS: windows of tokens.
-- ARGV: the tick of the estimate, the estimate, the tokens.
local now = redis.call('TIME')[1]
for _, key in ipairs(KEYS) do
  if redis.call('HEXISTS', key, ARGV[1]) == 1 then
    redis.call('HINCRBY', key, ARGV[1], -tonumber(ARGV[2]))
  end
  redis.call('HINCRBY', key, now, ARGV[3])
  redis.call('EXPIRE', key, 62)
end
