# A Python service with its own OpenTelemetry SDK: GET anything is passed on to $BACK, and every message of the topics
# `asked` and `linked` is answered with one to the topic `settled`.
import os
import signal
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

from confluent_kafka import Consumer, Producer
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from opentelemetry.instrumentation.urllib import URLLibInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=100))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("pass")
URLLibInstrumentor().instrument()

servers = os.environ["KAFKA_BROKERS"]
kafka = ConfluentKafkaInstrumentor()
producer = kafka.instrument_producer(Producer({"bootstrap.servers": servers}), provider)
consumer = kafka.instrument_consumer(
    Consumer({"bootstrap.servers": servers, "group.id": "python", "auto.offset.reset": "earliest"}), provider
)
running = True


def answer_messages():
    consumer.subscribe(["asked", "linked"])
    while running:
        message = consumer.poll(0.1)
        if message is None or message.error():
            continue
        if message.topic() == "linked":
            # The instrumentation made a span of a trace of its own current, with a link to the sender.
            producer.produce("settled", value=message.value())
        else:
            sent = propagate.extract({key: value.decode() for key, value in message.headers() or []})
            with tracer.start_as_current_span("process asked", sent, trace.SpanKind.CONSUMER):
                producer.produce("settled", value=message.value())
        producer.flush(5)


def pass_on(environ, start_response):
    with urllib.request.urlopen(os.environ["BACK"] + environ["PATH_INFO"]) as answer:
        body = answer.read()
    start_response("200 OK", [("content-type", "text/plain")])
    return [body]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


server = make_server("127.0.0.1", 0, OpenTelemetryMiddleware(pass_on), handler_class=Quiet)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
messages = threading.Thread(target=answer_messages)
messages.start()
print(f"listening {server.server_port}", flush=True)
server.serve_forever()
running = False
messages.join()
consumer.close()
provider.shutdown()
