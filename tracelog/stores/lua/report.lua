-- The last report of a source. KEYS: reports. ARGV: source, report, ttl.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.status_reply('OK')
