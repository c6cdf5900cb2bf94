"""Pyro4 itself: `server` has an object and prints its URI; `client URI WORK COUNT` runs work of lines of JSON and prints calls a second."""
import json
import sys
import threading
import time

import Pyro4

Pyro4.config.SERIALIZER = "json"
Pyro4.config.SOCK_NODELAY = True


@Pyro4.expose
class Adder(object):
    def add(self, a, b):
        return a + b

    def count(self, to):
        for i in range(to):
            yield i


def serve():
    daemon = Pyro4.Daemon("127.0.0.1")
    print(daemon.register(Adder(), "adder"), flush=True)
    thread = threading.Thread(target=daemon.requestLoop)
    thread.daemon = True
    thread.start()
    sys.stdin.read()


def serial(proxy, count):
    for i in range(count):
        proxy.add(i, 1)


def batch(proxy, count):
    for _ in range(0, count, 1000):
        calls = Pyro4.batch(proxy)
        for i in range(1000):
            calls.add(i, 1)
        if sum(1 for _ in calls()) != 1000:
            raise ValueError("a batch is not whole")


def stream(proxy, count):
    if sum(1 for _ in proxy.count(count)) != count:
        raise ValueError("a stream is not whole")


def ask():
    for line in sys.stdin:
        uri, work, count = json.loads(line)
        with Pyro4.Proxy(uri) as proxy:
            serial(proxy, 2000)
            began = time.perf_counter()
            {"serial": serial, "batch": batch, "stream": stream}[work](proxy, count)
            print(json.dumps(count / (time.perf_counter() - began)), flush=True)


{"server": serve, "client": ask}[sys.argv[1]]()
