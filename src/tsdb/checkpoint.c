/* Checkpoints: see checkpoint.h. Layer: tsdb. Thread: one at a time. */
#include "tsdb/checkpoint.h"

#include "base/arena.h"
#include "os/file.h"
#include "tsdb/record.h"

#include <errno.h>
#include <stdio.h>

static const Str prefix = STR_INIT("checkpoint.");

enum {
    NAME_DIGITS = 8,
    LIST_MEMORY = 4 * 1024 * 1024,
    RECORD_MEMORY = 256 * 1024 * 1024,
};

/* "checkpoint.00000012"; not one that ends in ".tmp". */
static bool parse_name(Str name, u32 *ret)
{
    u64 number;
    if (!str_skip_prefix(&name, prefix) || name.len < NAME_DIGITS || !str_to_u64(name, &number) ||
        number > UINT32_MAX) {
        return false;
    }
    *ret = (u32)number;
    return true;
}

static bool make_path(const char *dir, u32 segment, const char *suffix, char *ret_path, Err *err)
{
    int len = snprintf(ret_path, CHECKPOINT_PATH_MAX, "%s/checkpoint.%08u%s", dir, segment, suffix);
    return len < CHECKPOINT_PATH_MAX || err_set(err, ERR_LIMIT, "path of %s is too long", dir);
}

bool checkpoint_find(const char *dir, bool *ret_found, u32 *ret_segment, char *ret_path, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    Str *names;
    size_t count;
    bool found = false;
    u32 newest = 0;
    arena_init(&arena, LIST_MEMORY);
    if (!dir_list(dir, &arena, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        u32 segment;
        if (parse_name(names[i], &segment)) {
            newest = found ? MAX(newest, segment) : segment;
            found = true;
        }
    }
    if (found && !make_path(dir, newest, "", ret_path, err)) {
        return false;
    }
    *ret_found = found;
    *ret_segment = newest;
    return true;
}

static bool remove_entry(const char *dir, Str name, Err *err)
{
    char path[CHECKPOINT_PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/" STR_FMT, dir, STR_ARG(name));
    return (len < (int)sizeof(path) || err_set(err, ERR_LIMIT, "path of %s is too long", dir)) &&
           dir_remove_all(path, err);
}

bool checkpoint_clean(const char *dir, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    char path[CHECKPOINT_PATH_MAX];
    Str *names;
    size_t count;
    bool found;
    u32 newest;
    arena_init(&arena, LIST_MEMORY);
    if (!checkpoint_find(dir, &found, &newest, path, err) ||
        !dir_list(dir, &arena, &names, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        u32 segment;
        bool replaced = parse_name(names[i], &segment) && segment < newest;
        bool unfinished = str_starts_with(names[i], prefix) && str_ends_with(names[i], S(".tmp"));
        if ((replaced || unfinished) && !remove_entry(dir, names[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- writing ---- */

typedef struct Folder {
    const CheckpointOpts *opts;
    Wal *out;
    Arena arena; /* one record's histograms */
    Buf record;
    Buf packed;
    CheckpointStats stats;
} Folder;

static bool put_packed(Folder *folder, Str record, Err *err)
{
    WalRecord packed;
    buf_clear(&folder->packed);
    return wal_pack(folder->opts->compression, record, &folder->packed, &packed, err) &&
           wal_write(folder->out, &packed, 1, err);
}

/* Whether an entry is still needed; counts. */
static bool keep_entry(Folder *folder, RecordType type, const RecordEntry *entry)
{
    const CheckpointOpts *opts = folder->opts;
    bool keep;
    switch (type) {
    case RECORD_SERIES:
        keep = opts->keep_series(opts->self, entry->ref, opts->last);
        folder->stats.series_kept += keep;
        folder->stats.series_dropped += !keep;
        return keep;
    case RECORD_METADATA:
        return opts->keep_series(opts->self, entry->ref, opts->last);
    case RECORD_TOMBSTONES:
        return entry->last_ms >= opts->mint_ms;
    case RECORD_EXEMPLARS:
        return entry->t_ms >= opts->mint_ms;
    default:
        keep = entry->t_ms >= opts->mint_ms;
        folder->stats.samples_kept += keep;
        folder->stats.samples_dropped += !keep;
        return keep;
    }
}

static void put_entry(RecordWriter *writer, RecordType type, const RecordEntry *entry)
{
    switch (type) {
    case RECORD_SERIES:
        record_put_series(writer, entry->ref, entry->labels);
        break;
    case RECORD_METADATA: {
        MetricMetadata metadata = {
            .type = entry->metric_type, .help = entry->help, .unit = entry->unit};
        record_put_metadata(writer, entry->ref, &metadata);
        break;
    }
    case RECORD_TOMBSTONES:
        record_put_tombstone(writer, entry->ref, entry->t_ms, entry->last_ms);
        break;
    case RECORD_EXEMPLARS: {
        Exemplar exemplar = {.labels = entry->labels, .value = entry->value, .t_ms = entry->t_ms};
        record_put_exemplar(writer, entry->ref, &exemplar);
        break;
    }
    case RECORD_SAMPLES:
        record_put_sample(writer, entry->ref, entry->t_ms, entry->value);
        break;
    default:
        record_put_histogram(writer, entry->ref, entry->t_ms, entry->hist);
        break;
    }
}

/*
 * What is left of a record. Records with start times are not written by this version, so that they
 * are kept as a whole while any of their samples is needed.
 */
static bool fold_record(Folder *folder, Str record, Err *err)
{
    RecordReader reader;
    RecordWriter writer;
    RecordEntry entry = {0};
    size_t kept = 0;
    RecordType type = record_type(record);
    bool whole = type >= RECORD_SAMPLES_2;
    if (type == RECORD_UNKNOWN || type == RECORD_MARKERS) {
        return true;
    }
    buf_clear(&folder->record);
    record_begin(&writer, &folder->record, type);
    record_open(&reader, record);
    while (record_next(&reader, &folder->arena, &entry)) {
        if (keep_entry(folder, type, &entry)) {
            kept++;
            if (!whole) {
                put_entry(&writer, type, &entry);
            }
        }
    }
    arena_clear(&folder->arena);
    if (!record_close(&reader, err) || !buf_ok(&folder->record, err)) {
        return false;
    }
    return kept == 0 || put_packed(folder, whole ? record : buf_view(&folder->record), err);
}

static bool fold_segments(Folder *folder, const char *dir, u32 first, u32 count, Err *err)
{
    WalReader *reader;
    Str record;
    if (count == 0) {
        return true;
    }
    if (!wal_reader_open(dir, first, count, &reader, err)) {
        return false;
    }
    WalRead read;
    bool ok = true;
    while (ok && (read = wal_read(reader, &record, err)) != WAL_READ_END) {
        ok = read == WAL_READ_RECORD && fold_record(folder, record, err);
    }
    (void)wal_reader_close(reader);
    return ok;
}

static bool fold_all(Folder *folder, Err *err)
{
    const CheckpointOpts *opts = folder->opts;
    char path[CHECKPOINT_PATH_MAX];
    bool found;
    u32 before;
    u32 first = 0;
    u32 count = 0;
    if (!checkpoint_find(opts->dir, &found, &before, path, err)) {
        return false;
    }
    if (found && (!wal_segments(path, &first, &count, err) ||
                  !fold_segments(folder, path, first, count, err))) {
        return false;
    }
    first = found ? MAX(opts->first, before + 1) : opts->first;
    return first > opts->last ||
           fold_segments(folder, opts->dir, first, opts->last - first + 1, err);
}

static bool write_folder(const CheckpointOpts *opts, const char *path, CheckpointStats *ret,
                         Err *err)
{
    Folder folder = {.opts = opts};
    if (!wal_open(path, WAL_SEGMENT_SIZE_DEFAULT, &folder.out, err)) {
        return false;
    }
    arena_init(&folder.arena, RECORD_MEMORY);
    buf_init(&folder.record, WAL_RECORD_SIZE_MAX);
    buf_init(&folder.packed, (size_t)2 * WAL_RECORD_SIZE_MAX);
    bool ok = fold_all(&folder, err);
    Err why;
    ok = wal_close(folder.out, ok ? err : &why) && ok;
    arena_done(&folder.arena);
    buf_done(&folder.record);
    buf_done(&folder.packed);
    *ret = folder.stats;
    return ok;
}

bool checkpoint_write(const CheckpointOpts *opts, CheckpointStats *ret, Err *err)
{
    char temporary[CHECKPOINT_PATH_MAX];
    char path[CHECKPOINT_PATH_MAX];
    CheckpointStats stats;
    if (!make_path(opts->dir, opts->last, ".tmp", temporary, err) ||
        !make_path(opts->dir, opts->last, "", path, err) || !dir_remove_all(temporary, err)) {
        return false;
    }
    if (!write_folder(opts, temporary, &stats, err) || !dir_sync(temporary, err)) {
        (void)!dir_remove_all(temporary, NULL);
        return false;
    }
    if (rename(temporary, path) != 0) {
        return err_set_errno(err, errno, "rename %s", temporary);
    }
    if (!dir_sync(opts->dir, err) || !wal_remove_below(opts->dir, opts->last + 1, err) ||
        !checkpoint_clean(opts->dir, err)) {
        return false;
    }
    *ret = stats;
    return true;
}
