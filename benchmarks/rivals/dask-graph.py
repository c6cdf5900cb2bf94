"""dask.distributed: a scheduler and two workers of one thread each, over loopback TCP. `dask-graph.py SHAPE TASKS` says when it is ready, runs the graph once it
is told to, and says when that has ended."""
import random
import sys

from distributed import Client, LocalCluster


def join(*parts):
    return b"".join(parts)


def layered(tasks):
    chance = random.Random(7)
    width = 1000
    graph = {("t", i): (join, b"") for i in range(min(width, tasks))}
    for i in range(width, tasks):
        first = (i // width - 1) * width
        graph[("t", i)] = (join, ("t", first + chance.randrange(width)), ("t", first + chance.randrange(width)))
    last = (tasks - 1) // width * width
    graph["end"] = (len, [("t", i) for i in range(last, tasks)])
    return graph


def chain(tasks):
    graph = {("t", 0): (join, b"")}
    for i in range(1, tasks):
        graph[("t", i)] = (join, ("t", i - 1))
    graph["end"] = (len, ("t", tasks - 1))
    return graph


def fan_in(tasks):
    graph = {("t", i): (join, b"") for i in range(tasks)}
    graph["end"] = (len, [("t", i) for i in range(tasks)])
    return graph


def tree(tasks):
    leaves = (tasks + 1) // 2
    graph = {("t", i): (join, b"") for i in range(leaves)}
    first, count = 0, leaves
    while count > 1:
        below = first
        first += count
        count //= 2
        for i in range(count):
            graph[("t", first + i)] = (join, ("t", below + 2 * i), ("t", below + 2 * i + 1))
    graph["end"] = (len, ("t", first))
    return graph


shapes = {"layered": layered, "chain": chain, "fan-in": fan_in, "tree": tree}

if __name__ == "__main__":
    shape, tasks = sys.argv[1], int(sys.argv[2])
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50) as cluster:
        with Client(cluster) as client:
            client.get(fan_in(100), "end")
            graph = shapes[shape](tasks)
            print("ready", flush=True)
            sys.stdin.readline()
            client.get(graph, "end")
            print("done", flush=True)
