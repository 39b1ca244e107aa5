// A Go service with its own OpenTelemetry SDK: GET anything is passed on to $BACK inside a span of its own, and the answer
// says what it read from the traceparent it got.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	propagator := propagation.TraceContext{}
	tracer := sdk.NewTracerProvider().Tracer("relay")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		read := trace.SpanContextFromContext(ctx)
		ctx, span := tracer.Start(ctx, "relay", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		request, _ := http.NewRequestWithContext(ctx, "GET", os.Getenv("BACK")+r.URL.Path, nil)
		propagator.Inject(ctx, propagation.HeaderCarrier(request.Header))
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			http.Error(w, err.Error(), 502)
			return
		}
		defer answer.Body.Close()
		io.Copy(io.Discard, answer.Body)
		json.NewEncoder(w).Encode(map[string]any{
			"got":      r.Header.Get("traceparent"),
			"accepted": read.IsValid(),
			"traceId":  span.SpanContext().TraceID().String(),
			"spanId":   span.SpanContext().SpanID().String(),
			"sent":     request.Header.Get("traceparent"),
		})
	}))
}
