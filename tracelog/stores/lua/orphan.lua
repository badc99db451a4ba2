-- What is left of a trace whose list is gone. KEYS: list, ids, quota. Returns how many keys went.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('UNLINK', KEYS[2], KEYS[3])
