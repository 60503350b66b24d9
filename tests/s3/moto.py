"""Moto's services on a free port of the loopback interface; its port is the first line of output. It ends with standard input.

One request at a time: moto looks at a condition and writes in two steps, between which another request could come.
"""

import logging
import os
import sys
import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

moto = DomainDispatcherApplication(create_backend_app)
turn = threading.Lock()


def application(environ, start_response):
    with turn:
        if (environ["REQUEST_METHOD"], environ["QUERY_STRING"]) == ("GET", "versioning"):
            return versioning(environ, start_response)
        return list(moto(environ, start_response))


def versioning(environ, start_response):
    """Moto gives this one answer another root than S3 does, which clients refuse."""
    response = Response.from_app(moto, environ)
    response.data = response.data.replace(b"GetBucketVersioningResponse", b"VersioningConfiguration")
    return response(environ, start_response)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
threading.Thread(target=end_with_input, daemon=True).start()
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
