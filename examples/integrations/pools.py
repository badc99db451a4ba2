"""
Work that threads, processes and pools of them do for an order, in its trace: `python
examples/integrations/pools.py`.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from threading import Thread

import tracelog

tracelog.configure(service="shop")
tracelog.instrument("futures", "threading", "multiprocessing")
log = tracelog.get_logger("shop")


def pack(item: str) -> str:
    log.info("packing %s", item)
    return item


def main() -> None:
    spawning = multiprocessing.get_context("spawn")
    with tracelog.trace("place order"):
        with ThreadPoolExecutor() as threads:
            list(threads.map(pack, ["tea", "cup"]))
        with ProcessPoolExecutor(1) as processes:
            processes.submit(pack, "pot").result()
        with spawning.Pool(1) as pool:
            pool.map(pack, ["milk"])
        for worker in (Thread(target=pack, args=["sugar"]), spawning.Process(target=pack, args=["spoon"])):
            worker.start()
            worker.join()


if __name__ == "__main__":
    main()
