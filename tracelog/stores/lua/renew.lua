-- Somebody still works on a batch. KEYS: queue. ARGV: group, name of the batch, one of its entries of the stream.
return #redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
