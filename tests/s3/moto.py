"""Moto's S3 on a free port of the loopback interface; its port is the first line of output. It ends with standard input.

One request at a time: moto looks at a condition and writes in two steps, between which another request could come.
"""

import logging
import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()


def application(environ, start_response):
    with turn:
        return list(moto(environ, start_response))


def end_with_input():
    sys.stdin.read()
    os._exit(0)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=end_with_input, daemon=True).start()
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
