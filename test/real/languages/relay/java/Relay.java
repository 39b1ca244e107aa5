// A Java service with its own OpenTelemetry SDK: GET anything is passed on to $BACK inside a span of its own, and the
// answer says what it read from the traceparent it got.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashMap;
import java.util.Map;

public class Relay {
  static final W3CTraceContextPropagator propagator = W3CTraceContextPropagator.getInstance();
  // Without one that wants spans the SDK makes none.
  static final SpanProcessor processor = new SpanProcessor() {
    public void onStart(Context parent, ReadWriteSpan span) {}
    public boolean isStartRequired() {
      return true;
    }
    public void onEnd(ReadableSpan span) {}
    public boolean isEndRequired() {
      return true;
    }
  };
  static final Tracer tracer = SdkTracerProvider.builder().addSpanProcessor(processor).build().get("relay");
  static final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  static final TextMapGetter<HttpExchange> getter = new TextMapGetter<>() {
    public Iterable<String> keys(HttpExchange exchange) {
      return exchange.getRequestHeaders().keySet();
    }
    public String get(HttpExchange exchange, String key) {
      return exchange.getRequestHeaders().getFirst(key);
    }
  };

  static String answer(HttpExchange exchange) throws Exception {
    Context got = propagator.extract(Context.root(), exchange, getter);
    SpanContext read = Span.fromContext(got).getSpanContext();
    Span span = tracer.spanBuilder("relay").setParent(got).setSpanKind(SpanKind.SERVER).startSpan();
    Map<String, String> sent = new HashMap<>();
    propagator.inject(got.with(span), sent, (map, key, value) -> map.put(key, value));
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(System.getenv("BACK") + exchange.getRequestURI()));
    sent.forEach(request::header);
    client.send(request.build(), HttpResponse.BodyHandlers.discarding());
    span.end();
    SpanContext own = span.getSpanContext();
    return String.format(
        "{\"got\":\"%s\",\"accepted\":%s,\"traceId\":\"%s\",\"spanId\":\"%s\",\"sent\":\"%s\"}",
        getter.get(exchange, "traceparent"), read.isValid(), own.getTraceId(), own.getSpanId(), sent.get("traceparent"));
  }

  public static void main(String[] args) throws Exception {
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      byte[] body;
      int status = 200;
      try {
        body = answer(exchange).getBytes();
      } catch (Exception error) {
        status = 502;
        body = error.toString().getBytes();
      }
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    server.start();
    System.out.println("listening " + server.getAddress().getPort());
  }
}
