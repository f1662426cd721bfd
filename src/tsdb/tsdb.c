/* Time-series database: see tsdb.h. Layer: tsdb. Thread: any, as the header says. */
#include "tsdb/tsdb.h"

#include "base/mem.h"
#include "base/time.h"
#include "os/file.h"
#include "tsdb/checkpoint.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    PATH_SIZE = 4096,
    LIST_MEMORY = 16 * 1024 * 1024,
    ULID_LENGTH = 26,
    TRUNCATE_SLACK_SHARE = 10, /* the head may be this share of the retention too old */
};

struct Tsdb {
    Sink sink;
    Source source;
    TsdbOpts opts;   /* dir: owned */
    char *wal_dir;   /* owned */
    char *lock_path; /* owned */
    int lock_fd;
    ChunkFiles *files;
    Head *head;
    Wal *wal;
    ReplayStats replay;
    i64 replay_ns;
    pthread_mutex_t maintain; /* below */
    u64 truncations, checkpoints, failures;
};

static i64 wall_clock(void *self)
{
    (void)self;
    return time_now_ms();
}

static char *join_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = mem_alloc(size);
    (void)snprintf(path, size, "%s/%s", dir, name);
    return path;
}

/* ---- sink and source ---- */

static Tsdb *of_sink(Sink *sink)
{
    return CONTAINER_OF(sink, Tsdb, sink);
}

static Tsdb *of_source(Source *source)
{
    return CONTAINER_OF(source, Tsdb, source);
}

static bool sink_series(Sink *sink, Labels labels, SeriesId *ret, bool *ret_new, Err *err)
{
    return head_series(of_sink(sink)->head, labels, ret, ret_new, err);
}

static bool sink_append(Sink *sink, const BatchSample *samples, size_t count,
                        SampleOutcome *outcomes, Err *err)
{
    return head_append(of_sink(sink)->head, samples, count, outcomes, err);
}

static bool sink_exemplar(Sink *sink, SeriesId series, const Exemplar *exemplar, Err *err)
{
    return head_exemplar(of_sink(sink)->head, series, exemplar, err);
}

static bool sink_metadata(Sink *sink, SeriesId series, const MetricMetadata *metadata, Err *err)
{
    return head_metadata(of_sink(sink)->head, series, metadata, err);
}

static bool source_select(Source *source, const Select *select, Arena *arena, SeriesSet *ret,
                          Err *err)
{
    return head_select(of_source(source)->head, select, arena, ret, err);
}

static bool source_read(Source *source, const SeriesSet *set, size_t index, i64 mint_ms,
                        i64 maxt_ms, Arena *arena, SampleColumns *ret, Err *err)
{
    return head_read(of_source(source)->head, set, index, mint_ms, maxt_ms, arena, ret, err);
}

static void source_release(Source *source, SeriesSet *set)
{
    head_release(of_source(source)->head, set);
}

static bool source_label_names(Source *source, const Select *select, Arena *arena, Str **ret,
                               size_t *ret_count, Err *err)
{
    return head_label_names(of_source(source)->head, select, arena, ret, ret_count, err);
}

static bool source_label_values(Source *source, Str name, const Select *select, Arena *arena,
                                Str **ret, size_t *ret_count, Err *err)
{
    return head_label_values(of_source(source)->head, name, select, arena, ret, ret_count, err);
}

static void source_stats(Source *source, SourceStats *ret)
{
    HeadStats head;
    head_stats(of_source(source)->head, &head);
    *ret = (SourceStats){.series = head.series,
                         .chunks = head.chunks,
                         .mint_ms = head.mint_ms,
                         .maxt_ms = head.maxt_ms};
}

Sink *tsdb_sink(Tsdb *db)
{
    return &db->sink;
}

Source *tsdb_source(Tsdb *db)
{
    return &db->source;
}

/* ---- open and close ---- */

static void report(const Tsdb *db, TsdbEvent event, const char *text)
{
    if (db->opts.report) {
        db->opts.report(db->opts.self, event, text);
    }
}

static void report_repair(void *self, const char *text)
{
    report(self, TSDB_REPAIRED, text);
}

static bool is_block_name(Str name)
{
    static const Str alphabet = STR_INIT("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    bool ok = name.len == ULID_LENGTH;
    for (size_t i = 0; ok && i < name.len; i++) {
        ok = str_find_byte(alphabet, name.ptr[i]) != STR_NOT_FOUND;
    }
    return ok;
}

/* Blocks and the out-of-order log belong to whoever wrote them: they are named, and kept. */
static bool look_around(const Tsdb *db, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    char text[256];
    Str *names;
    size_t count;
    size_t blocks = 0;
    arena_init(&arena, LIST_MEMORY);
    if (!dir_list(db->opts.dir, &arena, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        blocks += is_block_name(names[i]);
        if (str_eq(names[i], S("wbl"))) {
            report(db, TSDB_OUT_OF_ORDER_UNREAD,
                   "there is an out-of-order log (wbl); it is kept, but its samples are not read");
        }
    }
    if (blocks > 0) {
        (void)snprintf(text, sizeof(text),
                       "there are %zu blocks; they are kept, but their samples are not read",
                       blocks);
        report(db, TSDB_BLOCKS_UNREAD, text);
    }
    return true;
}

static bool open_files(Tsdb *db, Err *err)
{
    char *chunks_dir = join_path(db->opts.dir, "chunks_head");
    bool ok = chunk_files_open(chunks_dir, &db->files, err);
    mem_free(chunks_dir);
    return ok;
}

static bool replay(Tsdb *db, Err *err)
{
    i64 begin = time_monotonic_ns();
    db->head = head_open(&(HeadOpts){.files = db->files,
                                     .compression = db->opts.wal_compression,
                                     .chunk_span_ms = db->opts.span_ms,
                                     .exemplars_max = db->opts.exemplars_max,
                                     .log_metadata = db->opts.log_metadata});
    ReplayOpts opts = {
        .wal_dir = db->wal_dir, .progress = db->opts.progress, .report = report_repair, .self = db};
    bool ok = head_replay(db->head, &opts, &db->replay, err);
    db->replay_ns = time_monotonic_ns() - begin;
    return ok;
}

static bool open_parts(Tsdb *db, Err *err)
{
    if (!dir_make(db->opts.dir, 0777, err) ||
        (!db->opts.no_lock_file && !file_lock(db->lock_path, &db->lock_fd, err))) {
        return false;
    }
    if (!look_around(db, err) || !open_files(db, err) || !replay(db, err) ||
        !checkpoint_clean(db->wal_dir, err) ||
        !wal_open(db->wal_dir, db->opts.wal_segment_size, &db->wal, err)) {
        return false;
    }
    head_attach_wal(db->head, db->wal);
    return true;
}

static void set_defaults(TsdbOpts *opts)
{
    opts->retention_ms = opts->retention_ms ? opts->retention_ms : TSDB_RETENTION_MS_DEFAULT;
    opts->span_ms = opts->span_ms ? opts->span_ms : TSDB_SPAN_MS_DEFAULT;
    opts->wal_segment_size =
        opts->wal_segment_size ? opts->wal_segment_size : WAL_SEGMENT_SIZE_DEFAULT;
    opts->now_ms = opts->now_ms ? opts->now_ms : wall_clock;
}

bool tsdb_open(const TsdbOpts *opts, Tsdb **ret, Err *err)
{
    Tsdb *db = MEM_NEW(Tsdb);
    db->opts = *opts;
    db->lock_fd = -1;
    set_defaults(&db->opts);
    size_t dir_size = strlen(opts->dir) + 1;
    char *dir = mem_alloc(dir_size);
    memcpy(dir, opts->dir, dir_size);
    db->opts.dir = dir;
    db->wal_dir = join_path(dir, "wal");
    db->lock_path = join_path(dir, "lock");
    db->sink = (Sink){.series = sink_series,
                      .append = sink_append,
                      .exemplar = sink_exemplar,
                      .metadata = sink_metadata};
    db->source = (Source){.select = source_select,
                          .read = source_read,
                          .release = source_release,
                          .label_names = source_label_names,
                          .label_values = source_label_values,
                          .stats = source_stats};
    (void)pthread_mutex_init(&db->maintain, NULL);
    if (!open_parts(db, err)) {
        (void)tsdb_close(db, NULL);
        return false;
    }
    *ret = db;
    return true;
}

bool tsdb_close(Tsdb *db, Err *err)
{
    if (!db) {
        return true;
    }
    Err ignored;
    bool ok = !db->wal || (head_flush(db->head, err) && head_sync(db->head, err));
    ok = wal_close(db->wal, ok ? err : &ignored) && ok;
    db->head = head_close(db->head);
    db->files = chunk_files_close(db->files);
    if (db->lock_fd >= 0) {
        file_unlock(db->lock_path, db->lock_fd);
    }
    (void)pthread_mutex_destroy(&db->maintain);
    mem_free(db->lock_path);
    mem_free(db->wal_dir);
    mem_free((void *)(uintptr_t)db->opts.dir);
    mem_free(db);
    return ok;
}

/* ---- housekeeping ---- */

/* Whether the head's oldest sample is so old that dropping pays. */
static bool truncation_due(Tsdb *db, i64 *ret_mint_ms)
{
    HeadStats head;
    i64 oldest_ms = db->opts.now_ms(db->opts.self) - db->opts.retention_ms;
    i64 slack_ms = MIN(db->opts.retention_ms / TRUNCATE_SLACK_SHARE, db->opts.span_ms);
    head_stats(db->head, &head);
    *ret_mint_ms = oldest_ms;
    return head.mint_ms <= head.maxt_ms && head.mint_ms < oldest_ms - slack_ms;
}

static bool truncate_head(Tsdb *db, i64 mint_ms, Err *err)
{
    bool done;
    db->truncations++;
    if (!head_truncate(db->head, mint_ms, err) ||
        !head_checkpoint(db->head, db->wal_dir, mint_ms, &done, err)) {
        return false;
    }
    db->checkpoints += done;
    return true;
}

bool tsdb_maintain(Tsdb *db, Err *err)
{
    Err ignored;
    i64 mint_ms;
    (void)pthread_mutex_lock(&db->maintain);
    bool ok = head_flush(db->head, err);
    ok = wal_sync(db->wal, ok ? err : &ignored) && ok;
    ok = head_sync(db->head, ok ? err : &ignored) && ok;
    if (truncation_due(db, &mint_ms)) {
        ok = truncate_head(db, mint_ms, ok ? err : &ignored) && ok;
    }
    head_compact_sets(db->head);
    head_reclaim(db->head);
    db->failures += !ok;
    (void)pthread_mutex_unlock(&db->maintain);
    return ok;
}

/* ---- figures ---- */

void tsdb_stats(Tsdb *db, TsdbStats *ret)
{
    *ret = (TsdbStats){.replay = db->replay, .replay_ns = db->replay_ns};
    head_stats(db->head, &ret->head);
    wal_stats(db->wal, &ret->wal);
    ret->chunk_file_bytes = chunk_files_size(db->files);
    (void)pthread_mutex_lock(&db->maintain);
    ret->truncations = db->truncations;
    ret->checkpoints = db->checkpoints;
    ret->maintain_failures = db->failures;
    (void)pthread_mutex_unlock(&db->maintain);
}

void tsdb_memory(Tsdb *db, HeadMemory *ret)
{
    head_memory(db->head, ret);
}

void tsdb_replay_status(const ReplayProgress *progress, ReplayStatus *ret)
{
    *ret = (ReplayStatus){.first_segment = atomic_load(&progress->first_segment),
                          .last_segment = atomic_load(&progress->last_segment),
                          .current_segment = atomic_load(&progress->current_segment),
                          .done = atomic_load(&progress->done)};
}

bool tsdb_cardinality(Tsdb *db, size_t limit, Arena *arena, Cardinality *ret, Err *err)
{
    return head_cardinality(db->head, limit, arena, ret, err);
}

bool tsdb_exemplars(Tsdb *db, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                    Arena *arena, Exemplar **ret, size_t *ret_count, Err *err)
{
    return head_exemplars(db->head, set, index, mint_ms, maxt_ms, arena, ret, ret_count, err);
}
