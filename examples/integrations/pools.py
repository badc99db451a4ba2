"""
Work that pools of threads and processes do for an order, in its trace: `python
examples/integrations/pools.py`.
"""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import tracelog

tracelog.configure(service="shop")
tracelog.instrument("futures")
log = tracelog.get_logger("shop")


def pack(item: str) -> str:
    log.info("packing %s", item)
    return item


def main() -> None:
    with tracelog.trace("place order"):
        with ThreadPoolExecutor() as threads:
            list(threads.map(pack, ["tea", "cup"]))
        with ProcessPoolExecutor(1) as processes:
            processes.submit(pack, "pot").result()


if __name__ == "__main__":
    main()
