"""Pyro4 beside us: a daemon in a process of its own, and a client here that says when it begins and ends. `pyro.py KIND N`"""
import subprocess
import sys
import time

import Pyro4

Pyro4.config.SERIALIZER = "json"
Pyro4.config.SERIALIZERS_ACCEPTED = {"json"}
Pyro4.config.SOCK_NODELAY = True


@Pyro4.expose
class Calculator(object):
    def add(self, a, b):
        return a + b

    @Pyro4.oneway
    def note(self, n):
        pass


def serve():
    daemon = Pyro4.Daemon("127.0.0.1", 0)
    print(daemon.register(Calculator(), "calculator"), flush=True)
    daemon.requestLoop()


def work(kind, n):
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    try:
        proxy = Pyro4.Proxy(server.stdout.readline().strip())
        for i in range(200):
            proxy.add(i, 1)
        print("begin", flush=True)
        if kind == "serial":
            for i in range(n):
                proxy.add(i, 1)
        elif kind == "batch":
            for i in range(0, n, 1000):
                batch = Pyro4.batch(proxy)
                for j in range(1000):
                    batch.add(j, 1)
                sum(batch())
        else:
            for i in range(n):
                proxy.note(i)
            proxy.add(1, 1)
        print("end", flush=True)
        proxy._pyroRelease()
    finally:
        server.kill()
        server.wait()


if sys.argv[1] == "serve":
    serve()
else:
    work(sys.argv[1], int(sys.argv[2]))
