/*
 * Scrape loop, inside: its state, shared by the schedule (loop.c) and by what is done with a reply
 * (loop_reply.c).
 *
 * Layer: scrape, private to loop*.c. Memory, thread: as loop.h; fields without a word belong to the
 * net loop, or to the worker while one reads the page.
 */
#pragma once

#include "scrape/loop.h"

enum {
    HTTP_STATUS_OK = 200,
    CONTENT_TYPE_MAX = 256, /* bytes; a page with a longer one is read on the net loop */
    TIME_TEXT_MAX = 32,
};

typedef enum LoopState {
    LOOP_WAITING,
    LOOP_FETCHING,
    LOOP_READING,
    LOOP_ENDING,
    LOOP_GONE,
} LoopState;

/* The series that every scrape adds. */
typedef enum Report {
    REPORT_UP,
    REPORT_DURATION,
    REPORT_SCRAPED,
    REPORT_POST_RELABELLING,
    REPORT_SERIES_ADDED,
    REPORT_TIMEOUT, /* from here on only when the job wants them */
    REPORT_SAMPLE_LIMIT,
    REPORT_BODY_SIZE,
    REPORT_COUNT,
} Report;

struct ScrapeLoop {
    ScrapeEnv *env;
    ScrapeJob *job;         /* one reference */
    ScrapeJob *pending_job; /* one reference; adopted between two scrapes */
    Target *target;         /* owned */
    void (*ended)(void *self, ScrapeLoop *loop);
    void *ended_self;
    Loop *net_loop;
    u64 offset_seed;
    LoopTimer *timer;
    void *fetch; /* while it runs */
    LoopState state;
    bool stopping;
    bool mark_stale;
    i64 due_mono_ns;        /* of the last turn, or the one waited for */
    i64 aligned_ns;         /* wall clock: the planned instant of a turn */
    i64 begin_mono_ns;      /* of the running scrape */
    i64 last_begin_mono_ns; /* 0: never scraped */
    i64 t_ms;               /* timestamp of the running scrape */
    i64 stale_ms;           /* while ending */
    size_t last_size;       /* of the last page, as a hint */
    char timeout_buf[TIME_TEXT_MAX];
    char interval_buf[TIME_TEXT_MAX];
    Str timeout_text;  /* header: seconds */
    Str interval_text; /* metrics: "1m0s", as the original's label */
    ScrapeCache *cache;
    ScrapeCache *retired; /* under former rules; until the first page under the new ones */
    SeriesId reports[REPORT_COUNT];
    Metadata metadata;
    u8 *body; /* owned; while a worker reads it */
    size_t body_size;
    char content_type_text[CONTENT_TYPE_MAX];
    Str content_type;
    _Atomic u64 references;
    pthread_mutex_t lock; /* what follows */
    TargetHealth health;
    Buf last_error;
    i64 last_scrape_ms;
    i64 last_duration_ns;
};

typedef struct ScrapeReply {
    const Err *err;   /* no reply came */
    bool not_fetched; /* nor was one asked for: err is the whole reason */
    u32 status;       /* 0: taken as 200 */
    Str body;
    Str content_type;
} ScrapeReply;

/* Reads the page, or marks all stale when there is none; adds the reports; commits. */
void scrape_loop_take_reply(ScrapeLoop *loop, const ScrapeReply *reply);

/* The target is gone for good: markers for its series and its reports, at stale_ms. */
void scrape_loop_mark_stale(ScrapeLoop *loop);

/*
 * The timestamp of a scrape that begins now: the planned instant when the timer was only a little
 * late, so that timestamps lie exactly one interval apart and compress well.
 * aligned_ns  a planned instant, moved on to the newest one
 */
i64 scrape_align_ns(i64 *aligned_ns, i64 interval_ns, i64 now_ns);

void scrape_loop_format_times(ScrapeLoop *loop);
