# A Python service with its own OpenTelemetry SDK: GET anything is passed on to $BACK inside a span of its own, and the
# answer says what it read from the traceparent it got.
import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

tracer = TracerProvider().get_tracer("relay")
propagator = TraceContextTextMapPropagator()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        got = {name.lower(): value for name, value in self.headers.items()}
        context = propagator.extract(got)
        read = trace.get_current_span(context).get_span_context()
        with tracer.start_as_current_span("relay", context, trace.SpanKind.SERVER) as span:
            sent = {}
            propagator.inject(sent)
            request = urllib.request.Request(os.environ["BACK"] + self.path, headers=sent)
            with urllib.request.urlopen(request) as answer:
                answer.read()
            own = span.get_span_context()
        body = {
            "got": got.get("traceparent", ""),
            "accepted": read.is_valid,
            "traceId": format(own.trace_id, "032x"),
            "spanId": format(own.span_id, "016x"),
            "sent": sent["traceparent"],
        }
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *args):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
print(f"listening {server.server_port}", flush=True)
server.serve_forever()
