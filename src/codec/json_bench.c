/* Benchmark of codec/json.h: reading and writing documents as the API and log shippers send them.
 */
#include "codec/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ITEMS = 2000,
    ROUNDS = 100,
    DOCUMENT_MAX = 4 * 1024 * 1024, /* bytes */
};

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static void report(const char *what, size_t bytes, f64 ns)
{
    (void)printf("%-24s %9zu bytes %8.1f ns/item %8.0f MB/s\n", what, bytes, ns / ITEMS,
                 (f64)bytes / ns * 1000);
}

/* An answer of /api/v1/query: many short strings. */
static void write_vector(Buf *out)
{
    JsonWriter writer;
    json_writer_init(&writer, out);
    json_array(&writer);
    for (int i = 0; i < ITEMS; i++) {
        json_object(&writer);
        json_key(&writer, S("metric"));
        json_object(&writer);
        json_key_str(&writer, "__name__", S("node_cpu_seconds_total"));
        json_key_str(&writer, "instance", S("localhost:9100"));
        json_key_str(&writer, "mode", S("idle"));
        json_object_end(&writer);
        json_key(&writer, S("value"));
        json_array(&writer);
        json_put_f64(&writer, 1700000000.123);
        json_put_f64(&writer, i * 0.37);
        json_array_end(&writer);
        json_object_end(&writer);
    }
    json_array_end(&writer);
}

/* A log line: one long text. */
static void write_logs(Buf *out)
{
    JsonWriter writer;
    json_writer_init(&writer, out);
    json_array(&writer);
    for (int i = 0; i < ITEMS; i++) {
        json_object(&writer);
        json_key_str(&writer, "@timestamp", S("2026-01-02T03:04:05.678Z"));
        json_key_str(&writer, "message",
                     S("10.0.0.7 - - [02/Jan/2026:03:04:05 +0000] \"GET /api/v1/query?query=up "
                       "HTTP/1.1\" 200 1234 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\" démarré"));
        json_key_i64(&writer, "status", 200);
        json_object_end(&writer);
    }
    json_array_end(&writer);
}

static i64 read_values(Str text, Arena *arena)
{
    JsonReader reader;
    Str key;
    i64 sum = 0;
    json_init(&reader, text, arena);
    (void)json_begin_array(&reader);
    while (json_next_item(&reader)) {
        (void)json_begin_object(&reader);
        while (json_next_key(&reader, &key)) {
            Str value;
            if (json_peek(&reader) == JSON_STRING && json_str(&reader, &value)) {
                sum += (i64)value.len;
            } else {
                (void)json_skip(&reader);
            }
        }
    }
    return json_finish(&reader, NULL) ? sum : -1;
}

static i64 check(Str text, Arena *arena)
{
    JsonReader reader;
    json_init(&reader, text, arena);
    (void)json_skip(&reader);
    return json_finish(&reader, NULL) ? 0 : -1;
}

static f64 best_read_ns(Str text, i64 (*read)(Str, Arena *))
{
    Arena arena;
    f64 best = 1e18;
    arena_init(&arena, DOCUMENT_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        f64 start_ns = now_ns();
        arena_clear(&arena);
        ASSERT(read(text, &arena) >= 0);
        best = MIN(best, now_ns() - start_ns);
    }
    arena_done(&arena);
    return best;
}

static void bench(const char *name, void (*write)(Buf *out))
{
    char what[64];
    Buf buf;
    f64 best = 1e18;
    buf_init(&buf, DOCUMENT_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        f64 start_ns = now_ns();
        buf_clear(&buf);
        write(&buf);
        best = MIN(best, now_ns() - start_ns);
    }
    (void)snprintf(what, sizeof(what), "write %s", name);
    report(what, buf.len, best);
    (void)snprintf(what, sizeof(what), "check %s", name);
    report(what, buf.len, best_read_ns(buf_view(&buf), check));
    (void)snprintf(what, sizeof(what), "read %s", name);
    report(what, buf.len, best_read_ns(buf_view(&buf), read_values));
    buf_done(&buf);
}

int main(void)
{
    bench("query answer", write_vector);
    bench("log lines", write_logs);
    return 0;
}
