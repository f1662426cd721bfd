/*
 * List sink: a sink that keeps everything it is given, for tests: samples by series, how often it
 * was asked for labels, and failures on demand. It orders samples as a head does.
 *
 * Layer: scrape, tests only. Memory: list_sink_done. Thread: any (one lock).
 */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/sink.h"

#include <pthread.h>

typedef struct ListSample {
    i64 t_ms;
    f64 value;
} ListSample;

typedef struct ListSeries {
    Str text; /* labels_format */
    bool forgotten;
    VEC(ListSample) samples;
} ListSeries;

typedef struct ListExemplar {
    Str series;
    Str text; /* labels */
    f64 value;
    i64 t_ms;
} ListExemplar;

typedef struct ListSink {
    Sink sink; /* pass &list.sink */
    pthread_mutex_t lock;
    Arena arena;
    StrMap by_text;           /* index + 1 */
    VEC(ListSeries *) series; /* id = index + 1; owned */
    VEC(ListExemplar) exemplars;
    u64 series_calls;
    u64 appends;
    u64 series_max;    /* 0: no limit */
    bool fail_appends; /* ERR_IO */
} ListSink;

void list_sink_init(ListSink *list);
void list_sink_done(ListSink *list);

/* The series with this text, `up{job="x"}`; NULL when there is none. */
const ListSeries *list_sink_find(ListSink *list, Str text);
/* "t=value t=value …" of a series, NaN markers as "stale"; "absent" when there is none. In the
 * list's arena. */
Str list_sink_show(ListSink *list, Str text);
/* Every id becomes unknown; asking with labels gives new ones. */
void list_sink_forget(ListSink *list);
